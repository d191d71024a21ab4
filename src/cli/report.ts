import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as CliError from "effect/cli/CliError"
import { codeOf, type CommandError, exitCodes } from "./exit-code.ts"
import { printable } from "./format.ts"

/** What a command line can end with besides success. */
export type Failure = CommandError | CliError.CliError

/** Says on stderr what went wrong, in one line or as JSON, and answers the exit code. */
export const report = (failure: Failure, asJson: boolean): Effect.Effect<number> => {
  // the presenter has shown what is wrong with the command line
  if (CliError.isCliError(failure)) {
    const isHelp = failure._tag === "ShowHelp" && failure.errors.length === 0
    return Effect.succeed(isHelp ? exitCodes.ok : exitCodes.usage)
  }
  const code = codeOf[failure._tag]
  const text = asJson
    ? JSON.stringify({ error: { type: failure._tag, message: failure.message, exitCode: code } })
    : failure._tag === "ConnectionFailed"
      ? failure.message
      : `winter: ${failure.message}`
  return Effect.as(Console.error(asJson ? text : printable(text)), code)
}
