import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"

/** The payload of every scenario: five fields, about 150 bytes of JSON. */
export const payloadFields = {
  id: Schema.String,
  userId: Schema.Int,
  email: Schema.String,
  amount: Schema.Number,
  tags: Schema.Array(Schema.String)
}

const PayloadSchema = Schema.Struct(payloadFields)
export type Payload = typeof PayloadSchema.Type

const codec = Schema.toCodecJson(PayloadSchema)
const encode = Schema.encodeUnknownExit(codec)
const decode = Schema.decodeUnknownExit(codec)

const valueOf = <A,>(exit: Exit.Exit<A, unknown>): A => {
  if (Exit.isSuccess(exit)) return exit.value
  throw new Error(`payload does not fit its schema: ${exit.cause}`)
}

/** The check that winterq makes when it enqueues, for contenders that make none of their own. */
export const encodePayload = (payload: Payload) => valueOf(encode(payload))

/** The check that winterq makes before it runs a handler, for contenders that make none of their own. */
export const decodePayload = (value: unknown): Payload => valueOf(decode(value))

const payloadOf = (index: number): Payload => ({
  id: `order-${String(index).padStart(12, "0")}-7f3a9c`,
  userId: 100_000 + index,
  email: `customer.${100_000 + index}@mail.example.com`,
  amount: 19.99 + (index % 1000),
  tags: ["newsletter-signup", "europe-west"]
})

export const makePayloads = (count: number): ReadonlyArray<Payload> =>
  Array.from({ length: count }, (_, index) => payloadOf(index))

/** Cuts a list into pieces of at most `size`. */
export const inChunks = <A,>(items: ReadonlyArray<A>, size: number): ReadonlyArray<ReadonlyArray<A>> =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, index) => items.slice(index * size, (index + 1) * size))
