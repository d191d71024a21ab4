import * as Result from "effect/Result"
import { boundedText } from "../../domain/bounded-text.ts"

/** Whose error it is. */
export interface ErrorOf {
  readonly queue: string
  readonly kind: string
  readonly id: string
}

/** Takes out of an error text what must not be stored or logged. */
export type Redact = (text: string, job: ErrorOf) => string

/** What stands in the place of a text when taking something out of it went wrong: the text itself may hold a secret. */
const withheld = "an error that is withheld: redacting it failed"

/** A user's function made safe: a text that it cannot make harmless is not shown at all. */
export const redacting =
  (redact: Redact | undefined): Redact =>
  (text, job) => {
    if (redact === undefined) return boundedText(text)
    const redacted = Result.try((): unknown => redact(text, job))
    return Result.isSuccess(redacted) && typeof redacted.success === "string" ? boundedText(redacted.success) : withheld
  }
