import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { type ClaimedJob, JobStore } from "../../ports/JobStore.ts"
import type { Call } from "../Calls.ts"
import { encodeClaimed, encodeJob } from "../encode-job.ts"
import { countOf, leaseOf, queueOf, workerIdOf } from "../fields.ts"
import { QueueService } from "../gen/winter/v1/queue_service_pb.ts"
import type { Station } from "../Station.ts"

const { method } = QueueService

const defaultWaitMillis = 30_000
const maxBatch = 1000

interface Wanted {
  readonly queue: string
  readonly workerId: string
  readonly timeoutMs: bigint
  readonly leaseMs: bigint
  readonly limit: number
}

export const heldOf = ({ id, token }: ClaimedJob) => ({ jobId: id, token })

/** Claims, and waits for work as long as the caller wants and may. Interruptible only while it waits. */
const claimInTime = Effect.fnUntraced(function* (station: Station, wanted: Wanted, call: Call) {
  const { claims, holdings, lobbies, settings, stopping } = station
  const queue = yield* queueOf(wanted.queue)
  const workerId = yield* workerIdOf(wanted.workerId)
  const leaseMillis = yield* leaseOf(wanted.leaseMs, settings.leaseMillis)
  const asked = wanted.timeoutMs <= 0n ? defaultWaitMillis : Number(wanted.timeoutMs)
  const start = yield* Clock.currentTimeMillis
  const until = start + Math.min(asked, settings.maxMillis)
  while (true) {
    if (call.isGone()) return yield* Effect.interrupt
    const reply = yield* claims.claim({ queue, workerId, limit: wanted.limit, leaseMillis })
    if (reply.claimed.length > 0) holdings.add(workerId, queue, reply.claimed.map(heldOf))
    const now = yield* Clock.currentTimeMillis
    const left = until - now
    if (reply.claimed.length > 0 || left <= 0 || stopping.isOpen()) {
      return { jobs: reply.claimed, queue, workerId, leaseMillis, now }
    }
    yield* lobbies.expect(queue, reply.nextInMillis)
    yield* Effect.interruptible(Effect.raceFirst(lobbies.wait([queue], left), stopping.await))
    // time is up only when there is no use in another look
    if ((yield* Clock.currentTimeMillis) >= until) return { jobs: [], queue, workerId, leaseMillis, now: until }
  }
})

type InTime = Effect.Success<ReturnType<typeof claimInTime>>

/** A job that failed before is shown with how; others need no second look at the store. */
export const wireJob = (job: ClaimedJob, { leaseMillis, now, queue, workerId }: Omit<InTime, "jobs">) => {
  const plain = encodeClaimed(job, { leaseMillis, now, queue, workerId })
  if (job.attempt === 1 && job.rescues === 0) return Effect.succeed(plain)
  return JobStore.use((store) => store.get(queue, job.id)).pipe(
    Effect.map((found) =>
      found._tag === "Some" && found.value.token === job.token
        ? { ...encodeJob(found.value), leaseMs: BigInt(leaseMillis), workerId }
        : plain
    ),
    Effect.orElseSucceed(() => plain)
  )
}

const bytesOf = ({ payload }: ClaimedJob): number => Buffer.byteLength(payload) + 1024

/** How many jobs fit into one message; one in any case. */
const fitting = (jobs: ReadonlyArray<ClaimedJob>, maxBytes: number): number => {
  let bytes = 0
  const over = jobs.findIndex((job) => {
    bytes += bytesOf(job)
    return bytes > maxBytes
  })
  return over < 0 ? jobs.length : Math.max(1, over)
}

export const dequeueCalls = (station: Station) => {
  const { calls, claims, settings } = station
  return {
    dequeue: calls.claiming(
      method.dequeue,
      Effect.fnUntraced(function* (request, call) {
        const { jobs, ...claim } = yield* claimInTime(station, { ...request, limit: 1 }, call)
        const [job] = jobs
        if (job === undefined) return { message: {} }
        return { message: { job: yield* wireJob(job, claim) }, onLost: claims.giveBack(claim.queue, [heldOf(job)]) }
      })
    ),

    dequeueBatch: calls.claiming(
      method.dequeueBatch,
      Effect.fnUntraced(function* (request, call) {
        const limit = yield* countOf("max_jobs", request.maxJobs, maxBatch, 1)
        const { jobs, ...claim } = yield* claimInTime(station, { ...request, limit }, call)
        const count = fitting(jobs, settings.maxMessageBytes)
        const sent = jobs.slice(0, count)
        yield* claims.giveBack(claim.queue, jobs.slice(count).map(heldOf))
        return {
          message: { jobs: yield* Effect.forEach(sent, (job) => wireJob(job, claim)) },
          onLost: claims.giveBack(claim.queue, sent.map(heldOf))
        }
      })
    )
  }
}
