import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Queue from "effect/Queue"
import type { Calls } from "../history/History.ts"
import { DeadLetterStore } from "../../../src/ports/DeadLetterStore.ts"
import { JobStore } from "../../../src/ports/JobStore.ts"
import { type Notice, Notices } from "../../../src/ports/Notices.ts"
import { QueueControl } from "../../../src/ports/QueueControl.ts"
import { ScheduleStore } from "../../../src/ports/ScheduleStore.ts"
import { StoreError } from "../../../src/ports/StoreError.ts"
import { type Wakeup, Wakeups } from "../../../src/ports/Wakeups.ts"
import { WorkflowStore } from "../../../src/ports/WorkflowStore.ts"
import type { Swarm } from "./Swarm.ts"
import type { Process, World } from "./World.ts"

export type StorePorts = JobStore | QueueControl | DeadLetterStore | WorkflowStore | ScheduleStore | Wakeups | Notices

/** What lies between a process and the store. */
export interface Net {
  readonly world: World
  readonly swarm: Swarm
  readonly store: Process
  /** Off in the liveness phase. */
  faulty: boolean
  /** Calls that are still to be carried out though nobody waits for them. */
  stray: number
  /** Until when the store cannot be reached by anybody, and by whom. */
  outageUntil: number
  readonly cutOffUntil: Map<Process, number>
  readonly fault: (process: Process, kind: string, detail?: string) => void
}

const unavailable = (operation: string) =>
  new StoreError({ operation, reason: "unavailable", retryable: true, cause: new Error("no reply in time") })

/**
 * The library sends an enqueue again under one request number, which a store with a network knows for as long as it
 * matters (REPEAT-1). The memory backend, which has no network, does not.
 */
const isRepeatable = (operation: string, args: ReadonlyArray<unknown>): boolean => {
  if (operation !== "enqueue") return true
  const [, jobs] = args as Calls["enqueue"]["args"]
  return jobs.every(({ retainMillis }) => retainMillis > 0)
}

/** Sends a call to the store and waits for its reply, through everything that may happen on the way. */
const remote = <A, E>(
  net: Net,
  process: Process,
  operation: string,
  args: ReadonlyArray<unknown>,
  effect: Effect.Effect<A, E>
): Effect.Effect<A, E | StoreError> =>
  Effect.callback((resume) => {
    const { cutOffUntil, fault, faulty, outageUntil, store, swarm, world } = net
    let waiting = true
    const answer = (exit: Exit.Exit<A, E | StoreError>) => {
      process.post(() => {
        if (!waiting) return
        waiting = false
        resume(exit)
      })
    }
    const execute = () => Effect.runSyncExitWith(store.context)(effect)
    // whoever waits for the last fault to be over waits for calls that are carried out after they were given up, too
    const later = (millis: number, run: () => void = execute) => {
      net.stray++
      world.after(millis, () => {
        net.stray--
        run()
      })
    }
    const latency = () => world.between(0, swarm.latencyMillis)
    const roll = (kind: keyof Swarm["calls"]) => faulty && world.chance(swarm.calls[kind])
    const giveUp = () => world.after(swarm.timeoutMillis, () => answer(Exit.fail(unavailable(operation))))
    const unreachable = Math.max(outageUntil, cutOffUntil.get(process) ?? 0) > world.now

    if (unreachable || roll("lost")) {
      fault(process, unreachable ? "call while the store is out of reach" : "call lost", operation)
      giveUp()
    } else if (roll("late") && isRepeatable(operation, args)) {
      fault(process, "call carried out after it was given up", operation)
      giveUp()
      later(swarm.timeoutMillis + world.between(0, 20_000))
    } else {
      const loses = roll("replyLost")
      const isSlow = roll("slow")
      if (isSlow) fault(process, "call or reply slow", operation)
      const late = isSlow ? world.between(0, 2 * swarm.timeoutMillis) : 0
      const there = latency() + (world.chance(0.5) ? late : 0)
      const back = latency() + late - (there > late ? late : 0)
      const arrive = () => {
        const exit = execute()
        if (loses) return fault(process, "reply lost", operation)
        world.after(Math.max(0, back), () => answer(exit))
      }
      if (there > swarm.timeoutMillis) later(there, arrive)
      else world.after(there, arrive)
      if (loses || there + back > swarm.timeoutMillis) giveUp()
      if (roll("repeated") && isRepeatable(operation, args)) {
        fault(process, "call carried out twice", operation)
        later(there + world.between(0, 20_000))
      }
    }
    return Effect.sync(() => {
      waiting = false
    })
  })

/** A service as seen from a process: each of its calls goes over the network. */
const distant = <S extends object>(net: Net, process: Process, service: S): S => {
  const entries = Object.entries(service).map(([name, member]: [string, unknown]) => {
    if (typeof member !== "function") return [name, remote(net, process, name, [], member as Effect.Effect<unknown>)]
    const call = member as (...args: ReadonlyArray<unknown>) => Effect.Effect<unknown, unknown>
    return [
      name,
      (...args: ReadonlyArray<unknown>) => Effect.suspend(() => remote(net, process, name, args, call(...args)))
    ]
  })
  return Object.fromEntries(entries) as S
}

/** Something in the store that lasts as long as its connection. Answers how to close it. */
const connect = (store: Process, process: Process, effect: Effect.Effect<unknown>): (() => void) => {
  const fiber = Effect.runForkWith(store.context)(effect)
  const close = () => store.post(() => fiber.interruptUnsafe())
  const forget = process.onKill(close)
  return () => {
    forget()
    close()
  }
}

const distantWakeups = (net: Net, process: Process, wakeups: Wakeups["Service"]) =>
  Wakeups.of({
    subscribe: (queues) =>
      Effect.suspend(() => {
        const { fault, store, swarm, world } = net
        const ear = Effect.runSyncWith(store.context)(Effect.scoped(wakeups.subscribe(queues)) as Effect.Effect<Wakeup>)
        return Effect.succeed<Wakeup>({
          // on its way like anything else
          pass: Effect.sync(() => world.after(swarm.latencyMillis, () => Effect.runFork(ear.pass))),
          wait: (millis) =>
            Effect.callback<void>((resume) => {
              const wake = () => process.post(() => resume(Effect.void))
              const heard = Effect.sync(() => {
                if (net.faulty && world.chance(swarm.calls.notices)) return fault(process, "signal lost")
                world.after(swarm.latencyMillis, wake)
              })
              // a little longer, so that the end of the wait is the waiting process's own
              const close = connect(store, process, Effect.andThen(ear.wait(millis + 1), heard))
              const stop = world.after(millis, wake)
              return Effect.sync(() => {
                stop()
                close()
              })
            })
        })
      })
  })

const distantNotices = (net: Net, process: Process, notices: Notices["Service"]) =>
  Notices.of({
    quiet: notices.quiet,
    open: (name) =>
      Effect.acquireRelease(
        Effect.map(Queue.unbounded<Notice>(), (inbox) => {
          const { fault, store, swarm, world } = net
          const pump = Effect.gen(function* () {
            const mailbox = yield* notices.open(name)
            while (true) {
              const notice = yield* Queue.take(mailbox)
              if (net.faulty && world.chance(swarm.calls.notices)) fault(process, "notice lost", notice._tag)
              else world.after(swarm.latencyMillis, () => process.post(() => Queue.offerUnsafe(inbox, notice)))
            }
          }).pipe(Effect.scoped, Effect.ignore)
          return { inbox, close: connect(store, process, pump) }
        }),
        ({ close, inbox }) => Effect.andThen(Effect.sync(close), Queue.shutdown(inbox))
      ).pipe(Effect.map(({ inbox }) => inbox))
  })

/** All ports of a store, as a process sees them from far away. */
export const linkTo = (net: Net, process: Process, ports: Context.Context<StorePorts>): Layer.Layer<StorePorts> =>
  Layer.succeedContext(
    Context.make(JobStore, distant(net, process, Context.get(ports, JobStore))).pipe(
      Context.add(QueueControl, distant(net, process, Context.get(ports, QueueControl))),
      Context.add(DeadLetterStore, distant(net, process, Context.get(ports, DeadLetterStore))),
      Context.add(WorkflowStore, distant(net, process, Context.get(ports, WorkflowStore))),
      // what other processes put does not show there: it is found by reading again
      Context.add(ScheduleStore, {
        ...distant(net, process, Context.get(ports, ScheduleStore)),
        changed: (since) => (since < 0 ? Effect.succeed(0) : Effect.never)
      }),
      Context.add(Wakeups, distantWakeups(net, process, Context.get(ports, Wakeups))),
      Context.add(Notices, distantNotices(net, process, Context.get(ports, Notices)))
    )
  )
