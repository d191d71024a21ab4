import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { ScheduleChanges } from "../../ports/ScheduleChanges.ts"
import { type PutSchedule, type ScheduleRecord, ScheduleStore, type TickOutcome } from "../../ports/ScheduleStore.ts"
import type { StoreError } from "../../ports/StoreError.ts"
import { pushNewJob } from "./codec.ts"
import type { Connection } from "./Connection.ts"
import { scheduleNamesKey, scheduleQueuesKey } from "./keys.ts"
import type { Queues } from "./Queues.ts"
import { scripts } from "./scripts/index.ts"
import { storeError } from "./store-error.ts"

/** Schedules read per step of a list. */
const pageSize = 200

const decode = (queue: string, name: string, text: string): ScheduleRecord => {
  const end = text.indexOf("\n")
  const [version, next, paused, runs, skipped, lastTick, lastJobId, triggeredJobId] = text.slice(0, end).split(",")
  return {
    name,
    queue,
    version: Number(version),
    definition: text.slice(end + 1),
    ...(next ? { next: Number(next) } : {}),
    paused: paused === "1",
    runs: Number(runs),
    skipped: Number(skipped),
    ...(lastTick ? { lastTick: Number(lastTick) } : {}),
    ...(lastJobId ? { lastJobId } : {}),
    ...(triggeredJobId ? { triggeredJobId } : {})
  }
}

export const make = (connection: Connection, queues: Queues): ScheduleStore["Service"] => {
  const names = scheduleNamesKey(connection.prefix)
  const withSchedules = scheduleQueuesKey(connection.prefix)
  const changes = new ScheduleChanges()

  const ask = <A>(operation: string, call: () => Promise<A>): Effect.Effect<A, StoreError> =>
    Effect.tryPromise({ try: call, catch: storeError(operation) })

  const queueNames = (operation: string) => ask(operation, () => connection.client.smembers(withSchedules))

  const read = (operation: string, queue: string, name: string) =>
    Effect.map(queues.run<readonly [string, string]>(operation, scripts.entry, queue, [name]), ([now, text]) => ({
      now: Number(now),
      schedule: text === "" ? Option.none<ScheduleRecord>() : Option.some(decode(queue, name, text))
    }))

  /** The registry knows where it is, except for a moment while it is put, moved or removed. */
  const find = Effect.fnUntraced(function* (operation: string, name: string) {
    const queue = yield* ask(operation, () => connection.client.hget(names, name))
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
    ask("putSchedule", () =>
      connection.client.sadd(withSchedules, queue).then(() => connection.client.replaceField(names, name, queue))
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
      Effect.map(queues.run<ReadonlyArray<string>>("dueSchedules", scripts.due, queue, [limit]), (reply) => ({
        now: Number(reply[0]),
        ...(reply[1] === "" ? {} : { next: Number(reply[1]) }),
        due: Array.from({ length: (reply.length - 2) / 2 }, (_, i) =>
          decode(queue, reply[2 * i + 2]!, reply[2 * i + 3]!)
        )
      })),
    tick: Effect.fnUntraced(function* ({ expected, fire, name, next, overlap, queue, skipped, version }) {
      // the registry first: a queue with jobs in it is always listed
      yield* ask("tick", () => queues.register(queue))
      const args: Array<string | number> = [name, version, expected, next ?? "", skipped, overlap, fire?.tick ?? ""]
      if (fire !== undefined) pushNewJob(args, fire.job)
      return yield* queues.run<TickOutcome>("tick", scripts.tick, queue, args)
    }),
    trigger: Effect.fnUntraced(function* ({ job, name, queue, version }) {
      yield* ask("trigger", () => queues.register(queue))
      const args: Array<string | number> = [name, version]
      pushNewJob(args, job)
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
      yield* ask("putSchedule", () => queues.register(queue))
      const { schedule } = yield* find("putSchedule", name)
      // first gone there, then here: stopping in between must not leave two
      if (Option.isSome(schedule) && schedule.value.queue !== queue) {
        yield* removeFrom("putSchedule", schedule.value.queue, name)
      }
      const before = yield* claimName(name, queue)
      if (before !== null && before !== queue) yield* removeFrom("putSchedule", before, name)
      const isAdded = yield* putInto(request)
      // somebody else may have claimed the name for another queue meanwhile, before there was anything here to remove
      const owner = yield* ask("putSchedule", () => connection.client.hget(names, name))
      if (owner !== null && owner !== queue) yield* removeFrom("putSchedule", queue, name)
      if (isAdded) changes.raise()
      return isAdded
    }),
    remove: Effect.fnUntraced(function* (name) {
      const { schedule } = yield* find("removeSchedule", name)
      if (Option.isNone(schedule)) return false
      yield* removeFrom("removeSchedule", schedule.value.queue, name)
      yield* ask("removeSchedule", () => connection.client.hdel(names, name))
      return true
    }),
    list: (queue, cursor = "0") =>
      Effect.map(
        ask("listSchedules", () => connection.client.hscan(queues.keys(queue).schedules, cursor, pageSize)),
        ([after, flat]) => ({
          schedules: Array.from({ length: flat.length / 2 }, (_, i) => decode(queue, flat[2 * i]!, flat[2 * i + 1]!)),
          ...(after === "0" ? {} : { cursor: after })
        })
      ),
    changed: changes.after
  })
}
