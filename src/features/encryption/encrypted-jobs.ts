import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Job } from "../../domain/Job.ts"
import { checkNewJob, refusalOf } from "../../ports/checks.ts"
import { type EnqueueOutcome, JobStore, type NewJob, type Watch } from "../../ports/JobStore.ts"
import type { QueueControl } from "../../ports/QueueControl.ts"
import type { StoreError } from "../../ports/StoreError.ts"
import { openJob, sealJob, sealSettlement } from "./job-texts.ts"
import { openEndings, openReply, refuse, say } from "./opened-reply.ts"
import type { Sealed } from "./Sealed.ts"
import type { Watched } from "./Watched.ts"

type Store = JobStore["Service"]

/** Rounds of asking again for a job that is stored and gone in turn. */
const rounds = 3

const isSame = (stored: Job, job: NewJob): boolean =>
  stored.kind === job.kind &&
  stored.payload === job.payload &&
  stored.priority === job.priority &&
  stored.maxAttempts === job.maxAttempts &&
  stored.retainMillis === job.retainMillis &&
  stored.uniqueKey === job.uniqueKey &&
  stored.member?.workflow === job.member?.workflow &&
  stored.member?.node === job.member?.node &&
  stored.member?.generation === job.member?.generation

/** A key that breaks its rules could not be told from others once it is a hash. **Ref** INPUT-4 */
const refusalOfKeys = (jobs: ReadonlyArray<NewJob>): Effect.Effect<never, StoreError> | undefined => {
  for (const job of jobs) {
    const refusal = job.uniqueKey === undefined ? undefined : refusalOf("enqueue", checkNewJob(job))
    if (refusal !== undefined) return refusal
  }
  return undefined
}

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

  const exchange: Store["exchange"] = Effect.fnUntraced(function* (request) {
    const { queue, settlements, worker } = request
    const reply = yield* store.exchange({
      ...request,
      settlements: settlements.map((settlement) => sealSettlement(sealed, queue, settlement))
    })
    const { problems, refused, ...opened } = openReply(sealed, delayMillis, queue, reply)
    yield* say(problems)
    const more = refused.length === 0 ? undefined : yield* refuse(store, sealed, queue, worker, refused)
    if (more === undefined) return { ...reply, ...opened }
    const last = openReply(sealed, delayMillis, queue, more)
    yield* say(last.problems)
    return { ...reply, claimed: opened.claimed, endings: [...opened.endings, ...last.endings] }
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
    enqueue: (queue, jobs) => refusalOfKeys(jobs) ?? enqueue(queue, jobs),
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
    endings: (queue, limit) =>
      Effect.flatMap(store.endings(queue, limit), (endings) => {
        const { problems, readable } = openEndings(sealed, queue, endings)
        return Effect.as(say(problems), readable)
      }),
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
