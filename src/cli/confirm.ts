import * as Effect from "effect/Effect"
import * as Prompt from "effect/cli/Prompt"
import { TerminalCapabilities } from "effect/cli/TerminalCapabilities"
import { NotConfirmed } from "./errors.ts"
import { JsonFlag, YesFlag } from "./flags.ts"
import { plural } from "./format.ts"

const asking = Effect.gen(function* () {
  // a program that reads JSON answers no questions
  return (yield* TerminalCapabilities).canPrompt && !(yield* JsonFlag)
})

/** Goes on when `--yes` was given, or when the person at the terminal says so. */
export const confirm = Effect.fnUntraced(function* (what: string) {
  if (yield* YesFlag) return
  const answer = (yield* asking) ? yield* Prompt.run(Prompt.Confirm({ message: `${what}?` })) : false
  if (!answer) return yield* new NotConfirmed({ what })
})

/** The same for many things at once: the person has to type how many. */
export const confirmMany = Effect.fnUntraced(function* (what: string, many: number, word: string) {
  if ((yield* YesFlag) || many === 0) return
  const subject = `${what} ${plural(many, word)}`
  const message = `${subject}? Type ${many} to go on`
  const answer = (yield* asking) ? yield* Prompt.run(Prompt.String({ message })) : ""
  if (answer.trim() !== String(many)) return yield* new NotConfirmed({ what: subject })
})
