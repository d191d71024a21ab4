import * as Result from "effect/Result"

/** The rest of JSON.parse's third argument, and JSON.rawJSON, which the language's types do not know yet. */
interface Exact {
  readonly rawJSON: (text: string) => unknown
  readonly parse: (
    text: string,
    reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown
  ) => unknown
}

const exact = JSON as unknown as Exact

const keepDigits = (_: string, value: unknown, { source }: { readonly source?: string }): unknown =>
  typeof value === "number" && source !== undefined && !Number.isSafeInteger(value) && String(value) !== source
    ? exact.rawJSON(source)
    : value

/** A payload or a result for output: its value with all digits of its numbers, or its text when it is no JSON. */
export const valueOf = (text: string): unknown => {
  const parsed = Result.try(() => exact.parse(text, keepDigits))
  return Result.isSuccess(parsed) ? parsed.success : text
}
