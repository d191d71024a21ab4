import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import type { JobId, Token } from "../../domain/Job.ts"
import { JobStore, type Settlement, type SettleOutcome } from "../../ports/JobStore.ts"
import { jobIdOf, millisOf, tokenOf, workerIdOf } from "../fields.ts"
import { QueueService, SettleOutcome as WireOutcome } from "../gen/winter/v1/queue_service_pb.ts"
import type { Station } from "../Station.ts"
import { decodeText } from "../text.ts"
import { encodeWorker, holderOf } from "../worker-names.ts"

const { method } = QueueService

const outcomes = {
  settled: WireOutcome.SETTLED,
  died: WireOutcome.DIED,
  cancelled: WireOutcome.CANCELLED,
  repeated: WireOutcome.REPEATED,
  stale: WireOutcome.STALE,
  gone: WireOutcome.GONE
} as const satisfies Record<SettleOutcome, WireOutcome>

/** Which attempt a request speaks of. */
interface About {
  readonly jobId: string
  readonly queue: string
  readonly workerId: string
  readonly token: bigint
}

const nackBackoffMillis = 1000

export const checked = Effect.fnUntraced(function* ({ queues }: Pick<Station, "queues">, request: About) {
  const jobId = yield* jobIdOf(request.jobId)
  const queue = yield* queues.one(request.queue)
  const workerId = yield* workerIdOf(request.workerId)
  return { jobId, queue, workerId, token: yield* tokenOf(request.token) }
})

type Checked = Effect.Success<ReturnType<typeof checked>>

/** The token that the request names, or else of the claim that its worker holds; 0 when it holds none. */
export const currentToken = Effect.fnUntraced(function* ({ jobId, queue, token, workerId }: Checked) {
  if (token !== 0) return token
  const store = yield* JobStore
  const job = yield* store.get(queue, jobId)
  if (Option.isNone(job)) return undefined
  const isHolder = job.value.worker !== undefined && holderOf(job.value.worker) === encodeWorker(workerId)
  return isHolder ? (job.value.token ?? 0) : 0
})

const settle = Effect.fnUntraced(function* (about: Checked, settlement: (token: Token) => Settlement) {
  const token = yield* currentToken(about)
  if (token === undefined) return "gone"
  // no claim has this token, so nothing is to be asked
  if (token === 0) return "stale"
  const store = yield* JobStore
  const { settled } = yield* store.exchange({
    queue: about.queue,
    worker: encodeWorker(about.workerId),
    settlements: [settlement(token)]
  })
  return settled[0]!
})

/** What a failed attempt came to, in the words of the wire; nothing when it was not the caller's to fail. */
const nackOutcome = Effect.fnUntraced(function* (about: Checked, outcome: SettleOutcome, skipRetry: boolean) {
  switch (outcome) {
    case "settled":
      return skipRetry ? "dead" : "retry"
    case "died":
      return "dead"
    case "cancelled":
      return "cancelled"
    case "repeated": {
      // the answer to the first call was lost: it is told again
      const job = yield* JobStore.use((store) => store.get(about.queue, about.jobId))
      const state = Option.isSome(job) ? job.value.state : ""
      return state === "retry" || state === "dead" || state === "cancelled" ? state : ""
    }
    default:
      return ""
  }
})

/** The wait after a failure that names none: the queue's backoff for the attempt that failed, or a second. */
const backoffOf = Effect.fnUntraced(function* (settings: Station["settings"], queue: string, jobId: JobId) {
  const backoff = settings.queueDefaults[queue]?.backoff
  if (backoff === undefined) return nackBackoffMillis
  const job = Option.getOrUndefined(yield* JobStore.use((store) => store.get(queue, jobId)))
  return backoff.delayMillis(job?.attempt ?? 1, yield* Random.next)
})

export const settleCalls = (station: Station) => {
  const { calls, settings } = station
  return {
    ack: calls.unary(
      method.ack,
      Effect.fnUntraced(function* (request) {
        const about = yield* checked(station, request)
        const result = request.result === undefined ? {} : { result: yield* decodeText("result", request.result) }
        const outcome = yield* settle(about, (token) => ({ _tag: "Complete", jobId: about.jobId, token, ...result }))
        return { outcome: outcomes[outcome] }
      })
    ),

    nack: calls.unary(
      method.nack,
      Effect.fnUntraced(function* (request) {
        const about = yield* checked(station, request)
        const { delayMs, error, skipRetry } = request
        const delayMillis =
          delayMs === undefined
            ? yield* backoffOf(settings, about.queue, about.jobId)
            : yield* millisOf("delay_ms", delayMs)
        const { jobId } = about
        const outcome = yield* settle(about, (token) =>
          skipRetry
            ? { _tag: "Bury", jobId, token, reason: "skipped", error }
            : { _tag: "Retry", jobId, token, delayMillis, error }
        )
        return { outcome: yield* nackOutcome(about, outcome, skipRetry), settled: outcomes[outcome] }
      })
    ),

    snooze: calls.unary(
      method.snooze,
      Effect.fnUntraced(function* (request) {
        const about = yield* checked(station, request)
        const delayMillis = yield* millisOf("delay_ms", request.delayMs)
        const outcome = yield* settle(about, (token) => ({ _tag: "Snooze", jobId: about.jobId, token, delayMillis }))
        return { outcome: outcomes[outcome] }
      })
    ),

    release: calls.unary(
      method.release,
      Effect.fnUntraced(function* (request) {
        const about = yield* checked(station, request)
        const delayMillis = yield* millisOf("delay_ms", request.delayMs)
        const outcome = yield* settle(about, (token) => ({ _tag: "Release", jobId: about.jobId, token, delayMillis }))
        return { outcome: outcomes[outcome] }
      })
    )
  }
}
