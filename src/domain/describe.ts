import * as Result from "effect/Result"
import { maxErrorLength } from "./Job.ts"

/** Whatever was thrown, as a text: objects may have getters that throw, cycles, or no text at all. */
export const describe = (error: unknown): string =>
  Result.getOrElse(
    Result.try(() => {
      const text = error instanceof Error ? (error.stack ?? `${error.name}: ${error.message}`) : textOf(error)
      return text.slice(0, maxErrorLength)
    }),
    () => "an error that cannot be shown"
  )

const textOf = (error: unknown): string => {
  if (typeof error !== "object" || error === null) return String(error)
  const tag = "_tag" in error ? `${String(error._tag)} ` : ""
  return `${tag}${JSON.stringify(error) ?? String(error)}`
}
