import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type { ExchangeReply, JobStore } from "../ports/JobStore.ts"
import { ScheduleStore } from "../ports/ScheduleStore.ts"
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

/** Calls that wait until somebody does something: while they do, nothing moves on their account. */
const waits: ReadonlySet<string> = new Set([`${ScheduleStore.key}.changed`])

/** Counts every call to a port as something that moves: those of ports to come as well. */
export const counted = <S>(services: Context.Context<S>, stillness: Stillness): Context.Context<S> => {
  const entries = Array.from(services.mapUnsafe, ([key, service]): [string, unknown] =>
    key.startsWith("winterq/ports/") && typeof service === "object" && service !== null
      ? [
          key,
          Object.fromEntries(
            Object.entries(service).map(([name, member]) => [
              name,
              waits.has(`${key}.${name}`) ? member : countedMember(member, stillness)
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
        if (!isInline) return Effect.void
        // what is enqueued meanwhile, by handlers and on behalf of workflows, is run by the run that is under way
        return Effect.withFiber((fiber) =>
          gate.isOpen || fiber.getRef(CurrentAttempt) !== undefined ? Effect.void : Effect.asVoid(drainWith(kit, {}))
        )
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
