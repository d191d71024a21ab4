import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type { EpochMillis, JobId } from "../../domain/Job.ts"
import { checkScanCursor } from "../../ports/checks.ts"
import { ScheduleChanges } from "../../ports/ScheduleChanges.ts"
import {
  type PutSchedule,
  type ScheduleRecord,
  ScheduleStore,
  type Tick,
  type TickOutcome
} from "../../ports/ScheduleStore.ts"
import { attempt, attemptNow } from "./attempt.ts"
import type { QueueState } from "./QueueState.ts"
import { enqueue } from "./store.ts"

const hasNotEnded = (queue: QueueState, id: JobId | undefined): boolean => {
  const state = id === undefined ? undefined : queue.jobs.get(id)?.state
  return state !== undefined && state !== "completed" && state !== "cancelled" && state !== "dead"
}

const tick = (queue: QueueState, request: Tick, now: EpochMillis): TickOutcome => {
  const found = queue.schedules.get(request.name)
  const { expected, fire, version } = request
  if (found === undefined || found.version !== version || found.next !== expected || expected > now) return "moved"
  const { next: _, ...kept } = found
  const isOverlap =
    fire !== undefined &&
    request.overlap === "skip" &&
    (hasNotEnded(queue, found.lastJobId) || hasNotEnded(queue, found.triggeredJobId))
  const isFired = fire !== undefined && !isOverlap
  if (isFired) enqueue(queue, [fire.job], now)
  queue.schedules.set(request.name, {
    ...kept,
    ...(request.next === undefined ? {} : { next: request.next }),
    ...(isFired ? { lastTick: fire.tick, lastJobId: fire.job.id } : {}),
    runs: found.runs + (isFired ? 1 : 0),
    skipped: found.skipped + request.skipped + (isOverlap ? 1 : 0)
  })
  return isOverlap ? "overlap" : isFired ? "fired" : "skipped"
}

const put = (queue: QueueState, { definition, name, next, paused, version }: PutSchedule): boolean => {
  const found = queue.schedules.get(name)
  if (found?.version !== version) return false
  const { next: before, ...kept } = found ?? { name, queue: queue.name, paused: false, runs: 0, skipped: 0 }
  const after = next === "keep" ? before : next === "none" ? undefined : next
  queue.isKnown = true
  queue.schedules.set(name, {
    ...kept,
    version: queue.nextScheduleVersion(),
    definition,
    paused: paused ?? kept.paused,
    ...(after === undefined ? {} : { next: after })
  })
  return true
}

const byTick = (a: ScheduleRecord, b: ScheduleRecord): number =>
  (a.next ?? 0) - (b.next ?? 0) || (a.name < b.name ? -1 : 1)

/** Schedules of all queues, over whatever makes and finds queues. */
export const makeScheduleStore = (
  queues: ReadonlyMap<string, QueueState>,
  at: (name: string) => QueueState
): ScheduleStore["Service"] => {
  const changes = new ScheduleChanges()
  const home = (name: string): QueueState | undefined => {
    for (const queue of queues.values()) if (queue.schedules.has(name)) return queue
    return undefined
  }
  return ScheduleStore.of({
    queues: attempt("scheduleQueues", () =>
      [...queues.values()].filter(({ schedules }) => schedules.size > 0).map(({ name }) => name)
    ),
    due: (name, limit) =>
      attemptNow("dueSchedules", (now) => {
        const ticking = [...at(name).schedules.values()].filter(({ next }) => next !== undefined).toSorted(byTick)
        const next = ticking[0]?.next
        return {
          now,
          ...(next === undefined ? {} : { next }),
          due: ticking.filter((schedule) => schedule.next! <= now).slice(0, limit)
        }
      }),
    tick: (request) => attemptNow("tick", (now) => tick(at(request.queue), request, now)),
    trigger: ({ job, name, queue: where, version }) =>
      attemptNow("trigger", (now) => {
        const queue = at(where)
        const found = queue.schedules.get(name)
        if (found?.version !== version) return false
        if (found.triggeredJobId !== job.id) enqueue(queue, [job], now)
        queue.schedules.set(name, { ...found, triggeredJobId: job.id })
        return true
      }),
    find: (name) =>
      attemptNow("findSchedule", (now) => ({ now, schedule: Option.fromNullishOr(home(name)?.schedules.get(name)) })),
    put: (request) =>
      attempt("putSchedule", () => {
        const queue = at(request.queue)
        const before = request.version === undefined ? home(request.name) : undefined
        if (before !== undefined && before.name !== request.queue) before.schedules.delete(request.name)
        const isPut = put(queue, request)
        if (isPut) changes.raise()
        return isPut
      }),
    remove: (name) => attempt("removeSchedule", () => home(name)?.schedules.delete(name) ?? false),
    list: (name, cursor = "0") =>
      attempt("listSchedules", () => {
        const { schedules } = at(name)
        Result.getOrThrow(checkScanCursor(cursor))
        return { schedules: [...schedules.values()] }
      }),
    changed: changes.after
  })
}
