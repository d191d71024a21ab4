import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { InvalidInput } from "../domain/limits.ts"
import * as Task from "../domain/Task.ts"

/** What a payload has to be to be stored as it is: JSON of any shape. */
export const checkJson = (text: string): Result.Result<string, InvalidInput> =>
  Result.mapError(
    Result.map(
      Result.try(() => JSON.parse(text) as unknown),
      () => text
    ),
    (error) =>
      new InvalidInput({ field: "payload", problem: `must be JSON: ${error instanceof Error ? error.message : ""}` })
  )

/** A task of which only the kind is known here: its payload is JSON that is stored letter by letter. */
export const rawTask = (kind: string, options: { readonly priority?: number; readonly maxAttempts?: number } = {}) => {
  const task = Task.make(kind, { payload: Schema.String, success: Schema.Unknown, error: Schema.Unknown, ...options })
  return Object.assign(task, { encodePayload: (text: unknown) => Exit.succeed(String(text)) })
}
