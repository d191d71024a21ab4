import * as Effect from "effect/Effect"
import type { Held, LeaseStatus } from "../../ports/JobStore.ts"
import { JobStore } from "../../ports/JobStore.ts"
import { QueueControl } from "../../ports/QueueControl.ts"
import { invalid, leaseOf, workerIdOf } from "../fields.ts"
import { ExtendedLease_Status, QueueService } from "../gen/winter/v1/queue_service_pb.ts"
import type { Station } from "../Station.ts"
import { decodeText } from "../text.ts"
import { encodeWorker } from "../worker-names.ts"
import { checked, currentToken } from "./settle.ts"

const { method } = QueueService

const statuses = {
  held: ExtendedLease_Status.HELD,
  cancel: ExtendedLease_Status.CANCEL_REQUESTED,
  lost: ExtendedLease_Status.LOST
} as const satisfies Record<LeaseStatus, ExtendedLease_Status>

const maxLeases = 1000

const concurrency = 16

const extend = Effect.fnUntraced(function* (
  queue: string,
  workerId: string,
  leases: ReadonlyArray<Held>,
  leaseMillis: number
) {
  const store = yield* JobStore
  const worker = encodeWorker(workerId)
  const held: Array<LeaseStatus> = []
  // at least one call: it lists the worker as alive
  for (let from = 0; from === 0 || from < leases.length; from += maxLeases) {
    const some = leases.slice(from, from + maxLeases)
    held.push(...(yield* store.extendLeases({ queue, worker, leases: some, leaseMillis })))
  }
  return leases.map(({ jobId }, i) => ({ jobId, queue, status: statuses[held[i]!] }))
})

export const leaseCalls = (station: Station) => {
  const { calls, holdings, queues, settings } = station
  return {
    heartbeat: calls.unary(
      method.heartbeat,
      Effect.fnUntraced(function* (request) {
        const workerId = yield* workerIdOf(request.workerId)
        const leaseMillis = yield* leaseOf(request.leaseMs, settings.leaseMillis)
        const named = (yield* Effect.forEach(request.queues, (name) => queues.parts(name))).flat()
        const control = yield* QueueControl
        const all = named.length > 0 ? named : yield* control.queues
        const extended = yield* Effect.forEach(
          new Set(all),
          Effect.fnUntraced(function* (queue) {
            const leases = yield* holdings.of(workerId, queue)
            if (leases.length === 0 && named.length === 0) return []
            return yield* extend(queue, workerId, leases, leaseMillis)
          }),
          { concurrency }
        )
        // what it has settled since is not held any more, and no news
        return { leases: extended.flat().filter(({ status }) => status !== ExtendedLease_Status.LOST) }
      })
    ),

    extendLease: calls.unary(
      method.extendLease,
      Effect.fnUntraced(function* (request) {
        const { leases, queue, workerId } = request
        if (leases.length > maxLeases) return yield* invalid("leases", `must be at most ${maxLeases}`)
        const leaseMillis = yield* leaseOf(request.leaseMs, settings.leaseMillis)
        const name = yield* queues.one(queue)
        const worker = yield* workerIdOf(workerId)
        // all of them before anything is asked
        const abouts = yield* Effect.forEach(leases, (lease) => checked(station, { ...lease, queue, workerId }))
        const held = yield* Effect.forEach(
          abouts,
          (about) => Effect.map(currentToken(about), (token = 0) => ({ jobId: about.jobId, token })),
          { concurrency }
        )
        return { leases: yield* extend(name, worker, held, leaseMillis) }
      })
    ),

    annotate: calls.unary(
      method.annotate,
      Effect.fnUntraced(function* (request) {
        const about = yield* checked(station, request)
        const progress =
          request.progress === undefined ? {} : { progress: yield* decodeText("progress", request.progress) }
        if (request.logsFrom < 0) return yield* invalid("logs_from", "must not be negative")
        const logs = request.logs.length === 0 ? {} : { logs: { from: request.logsFrom, lines: request.logs } }
        const token = (yield* currentToken(about)) ?? 0
        const store = yield* JobStore
        const { jobId, queue } = about
        return { held: token !== 0 && (yield* store.annotate({ queue, jobId, token, ...progress, ...logs })) }
      })
    )
  }
}
