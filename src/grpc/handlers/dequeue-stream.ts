import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type { Token } from "../../domain/Job.ts"
import type { ClaimedJob } from "../../ports/JobStore.ts"
import type { BidiCall } from "../Calls.ts"
import { hasArrived } from "../Delivery.ts"
import { invalid, leaseOf, workerIdOf } from "../fields.ts"
import {
  type DequeueStreamOpen,
  type DequeueStreamRequestSchema,
  type DequeueStreamResponseSchema,
  QueueService
} from "../gen/winter/v1/queue_service_pb.ts"
import type { Station } from "../Station.ts"
import { heldOf, wireJob } from "./dequeue.ts"

const maxCredit = 10_000

/** Jobs of one claim, so that what is on its way at once stays small. */
const maxClaim = 100

const pollMillis = 60_000

type StreamCall = BidiCall<typeof DequeueStreamRequestSchema, typeof DequeueStreamResponseSchema>

/** A job on its way: claimed, and not known to have arrived. */
interface Underway {
  readonly queue: string
  readonly job: ClaimedJob
}

/** What the client has said so far. */
class Grants {
  open: DequeueStreamOpen | undefined
  credit = 0
  /** Whether it grants no more. */
  ended = false
  problem: readonly [field: string, problem: string] | undefined
  /** Opened by every message, and by the end. */
  readonly news = Latch.makeUnsafe(false)

  constructor({ wire }: StreamCall) {
    wire.on("data", ({ credit, open }) => {
      if (open !== undefined) {
        if (this.open === undefined) this.open = open
        else this.problem ??= ["open", "is only for the first message"]
      }
      if (credit < 0) this.problem ??= ["credit", "must not be negative"]
      this.credit += credit
      if (this.credit > maxCredit) this.problem ??= ["credit", `must not exceed ${maxCredit}`]
      this.news.openUnsafe()
    })
    wire.on("end", () => {
      this.ended = true
      this.news.openUnsafe()
    })
  }
}

const opened = Effect.fnUntraced(function* (grants: Grants, { queues, settings }: Station) {
  yield* Effect.interruptible(grants.news.await)
  const { open } = grants
  if (open === undefined) return yield* invalid("open", "is required in the first message")
  if (open.queues.length === 0) return yield* invalid("queues", "is required")
  return {
    queues: [...new Set((yield* Effect.forEach(open.queues, (name) => queues.parts(name))).flat())],
    workerId: yield* workerIdOf(open.workerId),
    leaseMillis: yield* leaseOf(open.leaseMs, settings.leaseMillis)
  }
})

export const dequeueStreamCalls = (station: Station) => {
  const { calls, claims, holdings, lobbies, stopping } = station

  const stream = Effect.fnUntraced(function* (call: StreamCall) {
    const grants = new Grants(call)
    const { leaseMillis, queues, workerId } = yield* opened(grants, station)
    const underway = new Map<Token, Underway>()

    const send = Effect.fnUntraced(function* (queue: string, jobs: ReadonlyArray<ClaimedJob>, now: number) {
      for (const job of jobs) underway.set(job.token, { queue, job })
      holdings.add(workerId, queue, jobs.map(heldOf))
      for (const job of jobs) {
        const message = { job: yield* wireJob({ queue, job }, { leaseMillis, now, workerId }) }
        if (call.isGone()) return
        yield* Effect.interruptible(
          Effect.callback<void>((resume) => {
            call.wire.write(message, () => resume(Effect.void))
          })
        )
      }
      const { stream } = call
      const arrived = () => {
        for (const { token } of jobs) underway.delete(token)
      }
      if (stream === undefined) return arrived()
      yield* Effect.forkChild(
        Effect.interruptible(Effect.map(hasArrived(stream), (so) => (so ? arrived() : undefined)))
      )
    })

    /** Claims from one queue after another; the next round starts where this one ended. */
    const round = Effect.fnUntraced(function* () {
      let found = 0
      for (const queue of [...queues]) {
        if (grants.credit <= 0 || call.isGone()) break
        const limit = Math.min(grants.credit, maxClaim)
        const reply = yield* claims.claim({ queue, workerId, limit, leaseMillis })
        grants.credit -= reply.claimed.length
        found += reply.claimed.length
        if (reply.claimed.length > 0) {
          queues.push(queues.shift()!)
          yield* send(queue, reply.claimed, yield* Clock.currentTimeMillis)
        } else yield* lobbies.expect(queue, reply.nextInMillis)
      }
      return found
    })

    const serve = Effect.gen(function* () {
      while (!stopping.isOpen()) {
        if (call.isGone()) return yield* Effect.interrupt
        if (grants.problem !== undefined) return yield* invalid(...grants.problem)
        if (grants.ended && grants.credit <= 0) return
        grants.news.closeUnsafe()
        if (grants.credit > 0 && (yield* round()) > 0) continue
        const work = grants.credit > 0 ? lobbies.wait(queues, pollMillis) : Effect.never
        yield* Effect.interruptible(Effect.raceAllFirst([work, grants.news.await, stopping.await]))
      }
    })

    const giveBack = Effect.suspend(() => {
      const left = Map.groupBy(underway.values(), ({ queue }) => queue)
      return Effect.forEach(
        left,
        ([queue, some]) =>
          claims.giveBack(
            queue,
            some.map(({ job }) => heldOf(job))
          ),
        { discard: true }
      )
    })

    const exit = yield* Effect.exit(serve)
    // what is still on its way when the stream ends well gets there before its end
    if (exit._tag === "Success" && call.stream !== undefined && underway.size > 0 && !stopping.isOpen()) {
      if (yield* hasArrived(call.stream)) underway.clear()
    }
    if (!stopping.isOpen() || call.isGone()) yield* giveBack
    return yield* exit
  })

  return { dequeueStream: calls.bidi(QueueService.method.dequeueStream, stream) }
}
