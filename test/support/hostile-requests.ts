import { create, type DescField, type DescMessage, type MessageShape, ScalarType } from "@bufbuild/protobuf"

/** Requests with one value in them that nobody sane sends. */

export interface Hostile {
  /** What was changed, and to what. */
  readonly what: string
  readonly request: MessageShape<DescMessage>
}

const texts = [
  ...[
    "",
    " ",
    "\0",
    "\n",
    "a,b",
    "a\tb",
    "\u007f",
    "\ufeff",
    "constructor",
    "__proto__",
    "-",
    "..",
    "a/b",
    "0:a",
    "1e999:a"
  ],
  ...["Ж".repeat(200), "漢".repeat(200), "😀".repeat(100), "x".repeat(200), "x".repeat(100_000), "%".repeat(200)]
]
const integers = [-1, 0, 1, 2 ** 31 - 1, -(2 ** 31)]
const longs = [-1n, 0n, 1n, 2n ** 53n, 2n ** 63n - 1n, -(2n ** 63n)]
const bytes = [new Uint8Array(), Uint8Array.of(0xff, 0xfe), Uint8Array.of(0), new Uint8Array(600_000).fill(0x61)]
const numbers = [-1, 99, 2 ** 31 - 1]

const scalars = (type: ScalarType): ReadonlyArray<unknown> => {
  switch (type) {
    case ScalarType.STRING:
      return texts
    case ScalarType.BYTES:
      return bytes
    case ScalarType.INT64:
      return longs
    case ScalarType.INT32:
      return integers
    default:
      return [false, true]
  }
}

const shown = (value: unknown): string => {
  if (value instanceof Uint8Array) return `${value.length} bytes`
  const text = typeof value === "string" ? JSON.stringify(value) : String(value)
  return text.length > 24 ? `${text.slice(0, 24)}... (${text.length})` : text
}

type Values = Record<string, any>

const get = (message: Values, field: DescField): unknown =>
  field.oneof === undefined
    ? message[field.localName]
    : message[field.oneof.localName].case === field.localName
      ? message[field.oneof.localName].value
      : undefined

/** The message with another value of one field. */
const put = (schema: DescMessage, message: Values, field: DescField, value: unknown): MessageShape<DescMessage> =>
  create(schema, {
    ...message,
    ...(field.oneof === undefined
      ? { [field.localName]: value }
      : { [field.oneof.localName]: value === undefined ? { case: undefined } : { case: field.localName, value } })
  })

/** Every field of a request, and of what is in it, takes every value that its type allows and no one expects. */
export const hostileRequests = (
  schema: DescMessage,
  message: MessageShape<DescMessage>,
  path = ""
): ReadonlyArray<Hostile> =>
  schema.fields.flatMap((field): ReadonlyArray<Hostile> => {
    const name = `${path}${field.name}`
    const now = get(message, field)
    const with_ = (value: unknown, what: string): Hostile => ({
      what: `${name} = ${what}`,
      request: put(schema, message, field, value)
    })
    const inner = (one: DescMessage, value: unknown, wrap: (value: unknown) => unknown): ReadonlyArray<Hostile> =>
      hostileRequests(one, (value ?? create(one)) as MessageShape<DescMessage>, `${name}.`).map(
        ({ request, what }) => ({
          what,
          request: put(schema, message, field, wrap(request))
        })
      )
    switch (field.fieldKind) {
      case "scalar":
        return scalars(field.scalar).map((value) => with_(value, shown(value)))
      case "enum":
        return numbers.map((value) => with_(value, shown(value)))
      case "message": {
        // nested without end, they are looked into once
        if (path.split(".").length > 3) return []
        return [with_(undefined, "nothing"), ...inner(field.message, now, (value) => value)]
      }
      case "list": {
        const many = Array.from({ length: 1100 }, () => (now as ReadonlyArray<unknown>)[0]).filter(
          (one) => one !== undefined
        )
        const lists = [with_([], "none"), with_(many, `${many.length}`)]
        if (field.listKind === "message") {
          if (path.split(".").length > 3) return lists
          return [...lists, ...inner(field.message, (now as ReadonlyArray<unknown>)[0], (value) => [value])]
        }
        const values = field.listKind === "scalar" ? scalars(field.scalar) : numbers
        return [...lists, ...values.map((value) => with_([value], `[${shown(value)}]`))]
      }
      default:
        return []
    }
  })
