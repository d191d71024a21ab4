import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Job } from "../../domain/Job.ts"
import {
  type ClaimedJob,
  type EnqueueOutcome,
  JobStore,
  type MemberEnding,
  type NewJob,
  type Settlement,
  type Watch
} from "../../ports/JobStore.ts"
import type { QueueControl } from "../../ports/QueueControl.ts"
import type { StoreError } from "../../ports/StoreError.ts"
import type { Opened, Place } from "./Keyring.ts"
import { type Sealed, whyNot } from "./Sealed.ts"
import type { Watched } from "./Watched.ts"

type Store = JobStore["Service"]

/** Rounds of asking again for a job that is stored and gone in turn. */
const rounds = 3

const payloadPlace = (queue: string, kind: string, id: string): Place => ["payload", queue, kind, id]

/** A job that takes another's place is stored under that one's id, which nobody knows before. */
const replacingPlace = (queue: string, kind: string): Place => ["payload", queue, kind]

/** Carries the unique key for whoever can read it; what the store compares is a hash. */
const uniqueHeader = "winterq-unique-key"

const withoutUnique = (headers: Job["headers"]): Job["headers"] => {
  if (headers[uniqueHeader] === undefined) return headers
  const { [uniqueHeader]: _, ...rest } = headers
  return rest
}

const openPayload = (sealed: Sealed, queue: string, job: Pick<Job, "id" | "kind" | "payload">): Opened => {
  const opened = sealed.open(job.payload, payloadPlace(queue, job.kind, job.id))
  return opened._tag === "Broken" ? sealed.open(job.payload, replacingPlace(queue, job.kind)) : opened
}

export const sealJob = ({ keyring }: Sealed, queue: string, job: NewJob): NewJob => ({
  ...job,
  payload: keyring.seal(
    job.payload,
    job.onDuplicate === "replace" ? replacingPlace(queue, job.kind) : payloadPlace(queue, job.kind, job.id)
  ),
  ...(job.uniqueKey === undefined
    ? {}
    : {
        uniqueKey: `blind:${keyring.blind(job.uniqueKey, "unique")}`,
        headers: { ...job.headers, [uniqueHeader]: keyring.seal(job.uniqueKey, ["unique", queue, job.kind]) }
      })
})

const sealSettlement = ({ keyring }: Sealed, queue: string, settlement: Settlement): Settlement => {
  const at = [queue, settlement.jobId]
  switch (settlement._tag) {
    case "Complete":
      return settlement.result === undefined
        ? settlement
        : { ...settlement, result: keyring.seal(settlement.result, ["result", ...at]) }
    case "Retry":
    case "Bury":
      return {
        ...settlement,
        error: keyring.sealText(settlement.error, ["text", ...at]),
        ...(settlement.failure === undefined ? {} : { failure: keyring.seal(settlement.failure, ["failure", ...at]) })
      }
    case "Cancel":
      return { ...settlement, reason: keyring.sealText(settlement.reason, ["text", ...at]) }
    case "Snooze":
    case "Release":
      return settlement
  }
}

/** A job as it is shown. What cannot be decrypted is replaced by why. */
export const openJob = (sealed: Sealed, job: Job): Job => {
  const at = [job.queue, job.id]
  const payload = openPayload(sealed, job.queue, job)
  const { cancelRequested, failure, progress, result } = job
  const uniqueKey = job.headers[uniqueHeader]
  return {
    ...job,
    headers: withoutUnique(job.headers),
    ...(uniqueKey === undefined ? {} : { uniqueKey: sealed.value(uniqueKey, ["unique", job.queue, job.kind]) }),
    payload: payload._tag === "Opened" ? payload.text : whyNot(payload),
    failures: job.failures.map((line) => ({ ...line, error: sealed.text(line.error, ["text", ...at]) })),
    ...(cancelRequested === undefined ? {} : { cancelRequested: sealed.text(cancelRequested, ["text", ...at]) }),
    ...(progress === undefined ? {} : { progress: sealed.value(progress, ["progress", ...at]) }),
    ...(result === undefined ? {} : { result: sealed.value(result, ["result", ...at]) }),
    ...(failure === undefined ? {} : { failure: sealed.value(failure, ["failure", ...at]) })
  }
}

const isSame = (stored: Job, job: NewJob): boolean =>
  stored.kind === job.kind &&
  stored.payload === job.payload &&
  stored.priority === job.priority &&
  stored.maxAttempts === job.maxAttempts &&
  stored.retainMillis === job.retainMillis &&
  stored.uniqueKey === job.uniqueKey &&
  stored.member?.workflow === job.member?.workflow &&
  stored.member?.node === job.member?.node

/** What is to be done with a job whose payload stays closed. A key that is missing may come; what was changed stays so. */
const refusal = ({ id: jobId, token }: ClaimedJob, opened: Exclude<Opened, { _tag: "Opened" }>, delayMillis: number) =>
  opened._tag === "NoKey"
    ? ({ _tag: "Release", jobId, token, delayMillis } satisfies Settlement)
    : ({
        ...{ _tag: "Bury", jobId, token, reason: "undecodable" },
        error: `its payload cannot be decrypted ${whyNot(opened)}`
      } satisfies Settlement)

export const encryptedJobs = (store: Store, sealed: Sealed, watched: Watched, delayMillis: number): Store => {
  const { keyring } = sealed

  /** Each ciphertext is another, so the store cannot tell what is the same; whoever can read it can. */
  const enqueue = (
    queue: string,
    jobs: ReadonlyArray<NewJob>,
    round = 0
  ): Effect.Effect<ReadonlyArray<EnqueueOutcome>, StoreError> =>
    Effect.gen(function* () {
      const outcomes = [
        ...(yield* store.enqueue(
          queue,
          jobs.map((job) => sealJob(sealed, queue, job))
        ))
      ]
      for (const [i, outcome] of outcomes.entries()) {
        if (outcome._tag !== "Existing" || outcome.identical) continue
        const stored = yield* store.get(queue, jobs[i]!.id)
        if (Option.isSome(stored)) {
          const identical = isSame(openJob(sealed, stored.value), jobs[i]!)
          outcomes[i] = { _tag: "Existing", identical }
        } else if (round < rounds) {
          // it has ended in between, and the store knows what that means for another
          outcomes[i] = (yield* enqueue(queue, [jobs[i]!], round + 1))[0]!
        }
      }
      return outcomes
    })

  /** Endings that this process can read. Others are handed to somebody else in a few seconds. */
  const openEndings = (queue: string, endings: ReadonlyArray<MemberEnding>) =>
    Effect.gen(function* () {
      const readable: Array<MemberEnding> = []
      for (const ending of endings) {
        const { ended, jobId } = ending
        const missing = sealed.missingKey(ended, [queue, jobId])
        if (missing !== undefined) {
          yield* Effect.logError(
            `queue ${queue}: the result of job ${jobId} is encrypted with the key ${missing}, which is not here`
          )
        } else if (ended._tag === "Redriven") readable.push(ending)
        else readable.push({ ...ending, ended: sealed.openEnded(ended, [queue, jobId]) })
      }
      return readable
    })

  const exchange: Store["exchange"] = Effect.fnUntraced(function* (request) {
    const { queue, settlements, worker } = request
    const reply = yield* store.exchange({
      ...request,
      settlements: settlements.map((settlement) => sealSettlement(sealed, queue, settlement))
    })
    const claimed: Array<ClaimedJob> = []
    const refused: Array<Settlement> = []
    for (const job of reply.claimed) {
      const opened = openPayload(sealed, queue, job)
      if (opened._tag === "Opened") {
        claimed.push({ ...job, payload: opened.text, headers: withoutUnique(job.headers) })
      } else {
        yield* Effect.logError(
          `queue ${queue}: the payload of job ${job.id} cannot be decrypted ${whyNot(opened)}; it is ${
            opened._tag === "NoKey" ? `put back for ${delayMillis} ms` : "a dead letter now"
          }`
        )
        refused.push(refusal(job, opened, delayMillis))
      }
    }
    const more =
      refused.length === 0
        ? undefined
        : yield* store
            .exchange({ queue, worker, settlements: refused.map((one) => sealSettlement(sealed, queue, one)) })
            .pipe(
              Effect.catch((error) =>
                // their leases expire, and whoever claims them next does the same
                Effect.as(Effect.logWarning(`queue ${queue}: ${error.message}`), undefined)
              )
            )
    const endings = yield* openEndings(queue, [...reply.endings, ...(more?.endings ?? [])])
    return { ...reply, claimed, endings }
  })

  const watch = ({ jobId, queue, ref, watcher }: Watch) => {
    watched.add(watcher, ref, [queue, jobId])
    return Effect.map(store.watch({ jobId, queue, ref, watcher }), (reply) => {
      if (reply._tag !== "Ended") return reply
      watched.take(watcher, ref)
      return { ...reply, ended: sealed.openEnded(reply.ended, [queue, jobId]) }
    })
  }

  return JobStore.of({
    ...store,
    enqueue: (queue, jobs) => enqueue(queue, jobs),
    exchange,
    cancel: (request) =>
      store.cancel({
        ...request,
        reason: keyring.sealText(request.reason, ["text", request.queue, request.jobId])
      }),
    watch,
    unwatch: (request) => {
      watched.take(request.watcher, request.ref)
      return store.unwatch(request)
    },
    annotate: ({ logs, progress, ...request }) => {
      const at = [request.queue, request.jobId]
      return store.annotate({
        ...request,
        ...(progress === undefined ? {} : { progress: keyring.seal(progress, ["progress", ...at]) }),
        ...(logs === undefined
          ? {}
          : { logs: { from: logs.from, lines: logs.lines.map((line) => keyring.sealText(line, ["log", ...at])) } })
      })
    },
    logs: (queue, jobId) =>
      Effect.map(store.logs(queue, jobId), (lines) => lines.map((line) => sealed.text(line, ["log", queue, jobId]))),
    endings: (queue, limit) => Effect.flatMap(store.endings(queue, limit), (endings) => openEndings(queue, endings)),
    get: (queue, jobId) =>
      Effect.map(
        store.get(queue, jobId),
        Option.map((job) => openJob(sealed, job))
      )
  })
}

/** Lists show jobs as `get` does. */
export const encryptedControl = (control: QueueControl["Service"], sealed: Sealed): QueueControl["Service"] => ({
  ...control,
  list: (request) =>
    Effect.map(control.list(request), (page) => ({ ...page, jobs: page.jobs.map((job) => openJob(sealed, job)) }))
})
