import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { checkQueue } from "../../domain/limits.ts"
import { checkNewJob, checkScanCursor, refusalOf, refused } from "../../ports/checks.ts"
import type { NewJob } from "../../ports/JobStore.ts"
import { ScheduleChanges } from "../../ports/ScheduleChanges.ts"
import { type PutSchedule, type ScheduleRecord, ScheduleStore, type TickOutcome } from "../../ports/ScheduleStore.ts"
import { encodeNewJob } from "./codec.ts"
import type { Connection } from "./Connection.ts"
import { scheduleNamesKey, scheduleQueuesKey } from "./keys.ts"
import type { Queues } from "./Queues.ts"
import { scripts } from "./scripts/index.ts"
import { warnUnreadable } from "./unreadable.ts"

/** Schedules read per step of a list. */
const pageSize = 200

const schedule = /^(\d{1,16}),(\d{0,16}),([01]),(\d{1,16}),(\d{1,16}),(\d{0,16}),([^,\n]*),([^,\n]*)\n/

/** Nothing when it is not of our making. */
export const decodeSchedule = (queue: string, name: string, text: string): ScheduleRecord | undefined => {
  const [head, version, next, paused, runs, skipped, lastTick, lastJobId, triggeredJobId] = schedule.exec(text) ?? []
  if (head === undefined) return undefined
  return {
    name,
    queue,
    version: Number(version),
    definition: text.slice(head.length),
    ...(next ? { next: Number(next) } : {}),
    paused: paused === "1",
    runs: Number(runs),
    skipped: Number(skipped),
    ...(lastTick ? { lastTick: Number(lastTick) } : {}),
    ...(lastJobId ? { lastJobId } : {}),
    ...(triggeredJobId ? { triggeredJobId } : {})
  }
}

/** One that does not belong in a record is refused. */
const checked = (operation: string, job: NewJob) =>
  Effect.mapError(Effect.fromResult(checkNewJob(job)), (cause) => refused(operation, cause))

/** Names and records in turn. Records that are not of our making are said to be so, and left out. */
const decodeAll = Effect.fnUntraced(function* (queue: string, flat: ReadonlyArray<string>) {
  const schedules: Array<ScheduleRecord> = []
  const unreadable: Array<string> = []
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const found = decodeSchedule(queue, flat[i]!, flat[i + 1]!)
    if (found === undefined) unreadable.push(flat[i]!)
    else schedules.push(found)
  }
  if (unreadable.length > 0) yield* warnUnreadable(queue, unreadable)
  return schedules
})

export const make = (connection: Connection, queues: Queues): ScheduleStore["Service"] => {
  const names = scheduleNamesKey(connection.prefix)
  const withSchedules = scheduleQueuesKey(connection.prefix)
  const changes = new ScheduleChanges()

  const { ask } = connection

  const queueNames = (operation: string) => ask(operation, (commands) => commands.smembers(withSchedules))

  const read = (operation: string, queue: string, name: string) =>
    Effect.map(queues.run<readonly [string, string]>(operation, scripts.entry, queue, [name]), ([now, text]) => ({
      now: Number(now),
      schedule: Option.fromNullishOr(text === "" ? undefined : decodeSchedule(queue, name, text))
    }))

  /** The registry knows where it is, except for a moment while it is put, moved or removed. */
  const find = Effect.fnUntraced(function* (operation: string, name: string) {
    const queue = yield* ask(operation, (commands) => commands.hget(names, name))
    const known = yield* read(operation, queue ?? "default", name)
    if (queue !== null && Option.isSome(known.schedule)) return known
    const others = (yield* queueNames(operation)).filter((other) => other !== queue)
    const found = yield* Effect.forEach(others, (other) => read(operation, other, name), { concurrency: 16 })
    return found.find(({ schedule }) => Option.isSome(schedule)) ?? known
  })

  const removeFrom = (operation: string, queue: string, name: string) =>
    queues.run<number>(operation, scripts.unschedule, queue, [name])

  /** Makes the name stand for a queue; answers the queue it stood for before. */
  const claimName = (name: string, queue: string) =>
    Effect.andThen(
      ask("putSchedule", (commands) => commands.sadd(withSchedules, queue)),
      ask("putSchedule", (commands) => commands.replaceField(names, name, queue))
    )

  const putInto = ({ definition, name, next, paused, queue, version }: PutSchedule) =>
    Effect.map(
      queues.run<number>("putSchedule", scripts.schedule, queue, [
        name,
        version ?? "",
        paused === undefined ? "" : paused ? 1 : 0,
        next,
        definition
      ]),
      (done) => done === 1
    )

  return ScheduleStore.of({
    queues: queueNames("scheduleQueues"),
    due: (queue, limit) =>
      Effect.flatMap(queues.run<ReadonlyArray<string>>("dueSchedules", scripts.due, queue, [limit]), (reply) =>
        Effect.map(decodeAll(queue, reply.slice(2)), (due) => ({
          now: Number(reply[0]),
          ...(reply[1] === "" ? {} : { next: Number(reply[1]) }),
          due
        }))
      ),
    tick: Effect.fnUntraced(function* ({ expected, fire, name, next, overlap, queue, skipped, version }) {
      // the registry first: a queue with jobs in it is always listed
      yield* queues.register("tick", queue)
      const args: Array<string | number> = [name, version, expected, next ?? "", skipped, overlap, fire?.tick ?? ""]
      if (fire !== undefined) {
        yield* checked("tick", fire.job)
        args.push(fire.job.id, encodeNewJob(fire.job), fire.job.payload)
      }
      return yield* queues.run<TickOutcome>("tick", scripts.tick, queue, args)
    }),
    trigger: Effect.fnUntraced(function* ({ job, name, queue, version }) {
      yield* queues.register("trigger", queue)
      const args: Array<string | number> = [name, version]
      yield* checked("trigger", job)
      args.push(job.id, encodeNewJob(job), job.payload)
      return (yield* queues.run<number>("trigger", scripts.trigger, queue, args)) === 1
    }),
    find: (name) => find("findSchedule", name),
    put: Effect.fnUntraced(function* (request) {
      const { name, queue } = request
      if (request.version !== undefined) {
        const isChanged = yield* putInto(request)
        if (isChanged) changes.raise()
        return isChanged
      }
      yield* queues.register("putSchedule", queue)
      const { schedule } = yield* find("putSchedule", name)
      // first gone there, then here: stopping in between must not leave two
      if (Option.isSome(schedule) && schedule.value.queue !== queue) {
        yield* removeFrom("putSchedule", schedule.value.queue, name)
      }
      const before = yield* claimName(name, queue)
      if (before !== null && before !== queue) yield* removeFrom("putSchedule", before, name)
      const isAdded = yield* putInto(request)
      // somebody else may have claimed the name for another queue meanwhile, before there was anything here to remove
      const owner = yield* ask("putSchedule", (commands) => commands.hget(names, name))
      if (owner !== null && owner !== queue) yield* removeFrom("putSchedule", queue, name)
      if (isAdded) changes.raise()
      return isAdded
    }),
    remove: Effect.fnUntraced(function* (name) {
      const { schedule } = yield* find("removeSchedule", name)
      if (Option.isNone(schedule)) return false
      yield* removeFrom("removeSchedule", schedule.value.queue, name)
      yield* ask("removeSchedule", (commands) => commands.hdel(names, name))
      return true
    }),
    list: (queue, cursor = "0") =>
      refusalOf("listSchedules", checkQueue(queue)) ??
      refusalOf("listSchedules", checkScanCursor(cursor)) ??
      Effect.flatMap(
        ask("listSchedules", (commands) => commands.hscan(queues.keys(queue).schedules, cursor, pageSize)),
        ([after, flat]) =>
          Effect.map(decodeAll(queue, flat), (schedules) => ({
            schedules,
            ...(after === "0" ? {} : { cursor: after })
          }))
      ),
    changed: changes.after
  })
}
