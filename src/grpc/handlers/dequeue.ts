import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Result from "effect/Result"
import { type ClaimedJob, JobStore } from "../../ports/JobStore.ts"
import type { Call } from "../Calls.ts"
import { encodeClaimed, encodeJob } from "../encode-job.ts"
import { countOf, leaseOf, workerIdOf } from "../fields.ts"
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

/** A claimed job, and where it is: of a sharded queue, its shard. */
interface Taken {
  readonly queue: string
  readonly job: ClaimedJob
}

/** From any of them on, so that no shard is always asked last. */
const inTurn = (parts: ReadonlyArray<string>): Effect.Effect<ReadonlyArray<string>> =>
  parts.length === 1
    ? Effect.succeed(parts)
    : Effect.map(Random.nextIntBetween(0, parts.length), (first) => [...parts.slice(first), ...parts.slice(0, first)])

/** Claims, and waits for work as long as the caller wants and may. Interruptible only while it waits. */
const claimInTime = Effect.fnUntraced(function* (station: Station, wanted: Wanted, call: Call) {
  const { claims, holdings, lobbies, queues, settings, stopping } = station
  const parts = yield* inTurn(yield* queues.parts(wanted.queue))
  const workerId = yield* workerIdOf(wanted.workerId)
  const leaseMillis = yield* leaseOf(wanted.leaseMs, settings.leaseMillis)
  const asked = wanted.timeoutMs <= 0n ? defaultWaitMillis : Number(wanted.timeoutMs)
  const start = yield* Clock.currentTimeMillis
  const until = start + Math.min(asked, settings.maxMillis)
  while (true) {
    if (call.isGone()) return yield* Effect.interrupt
    const taken: Array<Taken> = []
    for (const queue of parts) {
      const limit = wanted.limit - taken.length
      if (limit <= 0) break
      const claimed = yield* Effect.result(claims.claim({ queue, workerId, limit, leaseMillis }))
      if (Result.isFailure(claimed)) {
        // what is taken already is not lost for it
        if (taken.length > 0) break
        return yield* Effect.fail(claimed.failure)
      }
      const reply = claimed.success
      if (reply.claimed.length > 0) holdings.add(workerId, queue, reply.claimed.map(heldOf))
      else yield* lobbies.expect(queue, reply.nextInMillis)
      for (const job of reply.claimed) taken.push({ queue, job })
    }
    const now = yield* Clock.currentTimeMillis
    const left = until - now
    if (taken.length > 0 || left <= 0 || stopping.isOpen()) return { taken, workerId, leaseMillis, now }
    yield* Effect.interruptible(Effect.raceFirst(lobbies.wait(parts, left), stopping.await))
    // time is up only when there is no use in another look
    if ((yield* Clock.currentTimeMillis) >= until) return { taken: [], workerId, leaseMillis, now: until }
  }
})

type InTime = Effect.Success<ReturnType<typeof claimInTime>>

/** A job that failed before is shown with how; others need no second look at the store. */
export const wireJob = ({ job, queue }: Taken, { leaseMillis, now, workerId }: Omit<InTime, "taken">) => {
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

const bytesOf = ({ job: { payload } }: Taken): number => Buffer.byteLength(payload) + 1024

/** How many jobs fit into one message; one in any case. */
const fitting = (taken: ReadonlyArray<Taken>, maxBytes: number): number => {
  let bytes = 0
  const over = taken.findIndex((one) => {
    bytes += bytesOf(one)
    return bytes > maxBytes
  })
  return over < 0 ? taken.length : Math.max(1, over)
}

export const dequeueCalls = (station: Station) => {
  const { calls, claims, settings } = station
  const giveBack = (taken: ReadonlyArray<Taken>) =>
    Effect.forEach(
      Map.groupBy(taken, ({ queue }) => queue),
      ([queue, some]) =>
        claims.giveBack(
          queue,
          some.map(({ job }) => heldOf(job))
        ),
      { discard: true }
    )
  return {
    dequeue: calls.claiming(
      method.dequeue,
      Effect.fnUntraced(function* (request, call) {
        const { taken, ...claim } = yield* claimInTime(station, { ...request, limit: 1 }, call)
        const [one] = taken
        if (one === undefined) return { message: {} }
        return { message: { job: yield* wireJob(one, claim) }, onLost: giveBack(taken) }
      })
    ),

    dequeueBatch: calls.claiming(
      method.dequeueBatch,
      Effect.fnUntraced(function* (request, call) {
        const limit = yield* countOf("max_jobs", request.maxJobs, maxBatch, 1)
        const { taken, ...claim } = yield* claimInTime(station, { ...request, limit }, call)
        const count = fitting(taken, settings.maxMessageBytes)
        const sent = taken.slice(0, count)
        yield* giveBack(taken.slice(count))
        return {
          message: { jobs: yield* Effect.forEach(sent, (one) => wireJob(one, claim)) },
          onLost: giveBack(sent)
        }
      })
    )
  }
}
