import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { ExchangeReply, JobStore, NewJob } from "../ports/JobStore.ts"
import type { ScheduleStore } from "../ports/ScheduleStore.ts"
import { CurrentAttempt } from "./Attempts.ts"
import type { Kit } from "./Kit.ts"
import type { Stillness } from "./Stillness.ts"
import { drainWith } from "./run.ts"

type Method = (...args: ReadonlyArray<unknown>) => unknown

const countedMember = (member: unknown, stillness: Stillness): unknown => {
  if (Effect.isEffect(member)) return stillness.during(member)
  if (typeof member !== "function") return member
  return (...args: ReadonlyArray<unknown>) => {
    const answer = (member as Method)(...args)
    return Effect.isEffect(answer) ? stillness.during(answer) : answer
  }
}

/** Methods that wait for something to happen: they are at rest while they do. */
const waiting = new Set(["winterq/ports/ScheduleStore.changed"])

/** Counts every call to a port as something that moves: those of ports to come as well. */
export const counted = <S>(services: Context.Context<S>, stillness: Stillness): Context.Context<S> => {
  const entries = Array.from(services.mapUnsafe, ([key, service]): [string, unknown] =>
    key.startsWith("winterq/ports/") && typeof service === "object" && service !== null
      ? [
          key,
          Object.fromEntries(
            Object.entries(service).map(([name, member]) => [
              name,
              waiting.has(`${key}.${name}`) ? member : countedMember(member, stillness)
            ])
          )
        ]
      : [key, service]
  )
  return Context.makeUnsafe(new Map(entries))
}

const nothing: ExchangeReply = {
  settled: [],
  claimed: [],
  rescued: [],
  buried: [],
  endings: [],
  more: false,
  paused: false
}

/** What is enqueued meanwhile, by handlers, schedules and workflows, is run by the run that is under way. */
const runInline = (kit: Kit["Service"]): Effect.Effect<void> =>
  Effect.withFiber((fiber) =>
    kit.gate.isOpen || fiber.getRef(CurrentAttempt) !== undefined ? Effect.void : Effect.asVoid(drainWith(kit, {}))
  )

/** A store whose workers claim only when the gate lets them, and of which everything of interest is kept. */
export const observed = (
  store: JobStore["Service"],
  kit: Kit["Service"],
  workers: Set<string>,
  isInline: boolean
): JobStore["Service"] => {
  const { clock, gate, outcomes, recorder } = kit
  return {
    ...store,
    enqueue: (queue, jobs) =>
      Effect.tap(store.enqueue(queue, jobs), (replies) => {
        recorder.add(queue, jobs, replies, clock.currentTimeMillisUnsafe())
        return isInline ? runInline(kit) : Effect.void
      }),
    exchange: (request) =>
      Effect.suspend(() => {
        workers.add(request.worker)
        const wanted = request.claim?.limit ?? 0
        const limit = wanted === 0 ? 0 : gate.take(request.queue, wanted)
        if (limit === 0 && request.settlements.length === 0) return Effect.succeed(nothing)
        const { claim, ...rest } = request
        const allowed = limit === 0 ? rest : { ...rest, claim: { ...claim!, limit } }
        return store.exchange(allowed).pipe(
          Effect.tap((reply) =>
            Effect.sync(() => {
              gate.giveBack(limit - reply.claimed.length)
              outcomes.add(allowed, reply, clock.currentTimeMillisUnsafe())
            })
          ),
          Effect.tapCause(() => Effect.sync(() => gate.giveBack(limit)))
        )
      }),
    extendLeases: (request) => {
      workers.add(request.worker)
      return store.extendLeases(request)
    }
  }
}

/** Schedules store their jobs by themselves; what they store is kept as well. */
export const observedSchedules = (
  store: ScheduleStore["Service"],
  kit: Kit["Service"],
  isInline: boolean
): ScheduleStore["Service"] => {
  const stored = (queue: string, job: NewJob): Effect.Effect<void> => {
    kit.recorder.add(queue, [job], [{ _tag: "Enqueued" }], kit.clock.currentTimeMillisUnsafe())
    return isInline ? runInline(kit) : Effect.void
  }
  return {
    ...store,
    tick: (tick) =>
      Effect.tap(store.tick(tick), (outcome) =>
        outcome === "fired" && tick.fire !== undefined ? stored(tick.queue, tick.fire.job) : Effect.void
      ),
    trigger: (request) =>
      Effect.tap(store.trigger(request), (isCurrent) => (isCurrent ? stored(request.queue, request.job) : Effect.void))
  }
}
