import * as Result from "effect/Result"
import { boundedText } from "./bounded-text.ts"

/** Deep, wide or large values are not written out in full. */
const maxDepth = 8
const maxValues = 1000

/**
 * Whatever was thrown, as a text. Never throws and never runs long: what was thrown may have getters and traps that
 * throw, cycles, no prototype, or no text at all.
 *
 * **Shape** The stack of an error, headed by its fields when it has a tag and no message; else a tag and the value as JSON,
 * with what cannot be shown left out. At most 8192 characters of well-formed Unicode.
 */
export const describe = (error: unknown): string => boundedText(textOf(error))

const attempt = <A>(read: () => A): A | undefined => Result.getOrUndefined(Result.try(read))

const textOf = (error: unknown): string => {
  if (typeof error === "string") return error
  if (typeof error === "function") return "a function"
  if (typeof error !== "object" || error === null) return String(error)
  if (attempt(() => error instanceof Error) === true) {
    const shown = attempt(() => errorText(error as Error))
    if (shown !== undefined) return shown
  }
  const tag = attempt(() => ("_tag" in error && typeof error._tag === "string" ? `${error._tag} ` : "")) ?? ""
  const json = attempt(() => JSON.stringify(plain(error, [], { values: maxValues })))
  return json === undefined ? unshowable : `${tag}${json}`
}

const unshowable = "an error that cannot be shown"

/** What an error with a tag says that has no message: its fields. */
const taggedText = (error: object): string | undefined => {
  const tag: unknown = "_tag" in error ? error._tag : undefined
  if (typeof tag !== "string") return undefined
  const fields = { ...error, _tag: undefined }
  const json = JSON.stringify(plain(fields, [error], { values: maxValues }))
  return json === undefined || json === "{}" ? undefined : `${tag} ${json}`
}

/** The stack names the error and what it says; one without it says so itself. */
const errorText = (error: Error): string | undefined => {
  const stack: unknown = attempt(() => error.stack)
  const message: unknown = attempt(() => error.message)
  const tagged = message === "" ? attempt(() => taggedText(error)) : undefined
  if (typeof stack === "string" && stack !== "") {
    const framesAt = stack.indexOf("\n")
    return tagged === undefined || framesAt < 0 ? (tagged ?? stack) : tagged + stack.slice(framesAt)
  }
  if (tagged !== undefined) return tagged
  const name: unknown = attempt(() => error.name)
  if (typeof message !== "string") return undefined
  return `${typeof name === "string" ? name : "Error"}: ${message}`
}

/** What JSON can carry of a value, within limits; `above` are the objects that it is in, `left` what may still be read. */
const plain = (value: unknown, above: ReadonlyArray<object>, left: { values: number }): unknown => {
  if (typeof value === "string") return boundedText(value)
  if (typeof value === "bigint" || typeof value === "symbol") return String(value)
  if (typeof value !== "object" || value === null) return value
  if (above.includes(value)) return "[circular]"
  if (above.length >= maxDepth) return "[...]"
  const within = [...above, value]
  const read = (get: () => unknown): unknown =>
    Result.getOrElse(
      Result.try(() => plain(get(), within, left)),
      () => "[unreadable]"
    )
  const toJson: unknown = attempt(() => ("toJSON" in value ? value.toJSON : undefined))
  if (typeof toJson === "function") return read(() => toJson.call(value))
  const keys = Object.keys(value).slice(0, Math.max(0, left.values))
  left.values -= keys.length
  const field = (key: string) => read(() => (value as Readonly<Record<string, unknown>>)[key])
  return Array.isArray(value) ? keys.map(field) : Object.fromEntries(keys.map((key) => [key, field(key)]))
}
