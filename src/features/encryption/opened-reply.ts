import * as Effect from "effect/Effect"
import type { ClaimedJob, ExchangeReply, JobStore, MemberEnding, Settlement } from "../../ports/JobStore.ts"
import { openPayload, sealSettlement, withoutUnique } from "./job-texts.ts"
import type { Opened } from "./Keyring.ts"
import { type Sealed, whyNot } from "./Sealed.ts"

/** What an exchange brings, as it was meant. */

/** What is to be done with a job whose payload stays closed. A key that is missing may come; what was changed stays so. */
const refusal = ({ id: jobId, token }: ClaimedJob, opened: Exclude<Opened, { _tag: "Opened" }>, delayMillis: number) =>
  opened._tag === "NoKey"
    ? ({ _tag: "Release", jobId, token, delayMillis } satisfies Settlement)
    : ({
        ...{ _tag: "Bury", jobId, token, reason: "undecodable" },
        error: `its payload cannot be decrypted ${whyNot(opened)}`
      } satisfies Settlement)

/** Endings that this process can read, and what is to be said of others: those are handed to somebody else in a few seconds. */
export const openEndings = (sealed: Sealed, queue: string, endings: ReadonlyArray<MemberEnding>) => {
  const readable: Array<MemberEnding> = []
  const problems: Array<string> = []
  for (const ending of endings) {
    const { ended, jobId } = ending
    const missing = sealed.missingKey(ended, [queue, jobId])
    if (missing !== undefined) {
      problems.push(
        `queue ${queue}: the result of job ${jobId} is encrypted with the key ${missing}, which is not here`
      )
    } else if (ended._tag === "Redriven") readable.push(ending)
    else readable.push({ ...ending, ended: sealed.openEnded(ended, [queue, jobId]) })
  }
  return { readable, problems }
}

interface OpenedReply extends Pick<ExchangeReply, "claimed" | "endings"> {
  /** What becomes of the jobs that cannot be decrypted. */
  readonly refused: ReadonlyArray<Settlement>
  /** To be logged. */
  readonly problems: ReadonlyArray<string>
}

export const openReply = (
  sealed: Sealed,
  delayMillis: number,
  queue: string,
  { claimed: closed, endings }: ExchangeReply
): OpenedReply => {
  const claimed: Array<ClaimedJob> = []
  const refused: Array<Settlement> = []
  const { problems, readable } = openEndings(sealed, queue, endings)
  for (const job of closed) {
    const opened = openPayload(sealed, queue, job)
    if (opened._tag === "Opened") {
      claimed.push({ ...job, payload: opened.text, headers: withoutUnique(job.headers) })
      continue
    }
    const fate = opened._tag === "NoKey" ? `put back for ${delayMillis} ms` : "a dead letter now"
    problems.push(`queue ${queue}: the payload of job ${job.id} cannot be decrypted ${whyNot(opened)}; it is ${fate}`)
    refused.push(refusal(job, opened, delayMillis))
  }
  return { claimed, endings: readable, refused, problems }
}

export const say = (problems: ReadonlyArray<string>): Effect.Effect<void> =>
  problems.length === 0
    ? Effect.void
    : Effect.forEach(problems, (problem) => Effect.logError(problem), { discard: true })

/** Settles what cannot be decrypted; nothing when there was no answer: their leases expire, and whoever claims them next does the same. */
export const refuse = (
  store: JobStore["Service"],
  sealed: Sealed,
  queue: string,
  worker: string,
  refused: ReadonlyArray<Settlement>
): Effect.Effect<ExchangeReply | undefined> =>
  store
    .exchange({ queue, worker, settlements: refused.map((one) => sealSettlement(sealed, queue, one)) })
    .pipe(Effect.catch((error) => Effect.as(Effect.logWarning(`queue ${queue}: ${error.message}`), undefined)))
