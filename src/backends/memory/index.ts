import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { EpochMillis } from "../../domain/Job.ts"
import { Capabilities } from "../../ports/Capabilities.ts"
import { Diagnostics } from "../../ports/Diagnostics.ts"
import { DeadLetterStore } from "../../ports/DeadLetterStore.ts"
import { JobStore } from "../../ports/JobStore.ts"
import { Notices } from "../../ports/Notices.ts"
import { QueueControl } from "../../ports/QueueControl.ts"
import { ScheduleStore } from "../../ports/ScheduleStore.ts"
import { type Wakeup, Wakeups } from "../../ports/Wakeups.ts"
import { WorkflowStore } from "../../ports/WorkflowStore.ts"
import { audit } from "./audit.ts"
import { annotate, cancel, extend, unwatch, watch } from "./holding.ts"
import { depths, list, purge, redrive, remove } from "./inspection.ts"
import { promote, rescue } from "./lifecycle.ts"
import { Mailboxes } from "./Mailboxes.ts"
import { QueueState } from "./QueueState.ts"
import { makeScheduleStore } from "./schedules.ts"
import { enqueue, exchange, prune } from "./store.ts"
import * as workflowStore from "./workflow-store.ts"

const withNow = <A>(f: (now: EpochMillis) => A): Effect.Effect<A> =>
  Effect.withFiber((fiber) => Effect.succeed(f(fiber.getRef(Clock.Clock).currentTimeMillisUnsafe())))

const waitFor = (queues: ReadonlyArray<QueueState>, millis: number): Effect.Effect<void> =>
  Effect.suspend(() => {
    for (const queue of queues) if (queue.signal.take()) return Effect.void
    const signalled = Effect.callback<void>((resume) => {
      const leave = () => {
        for (const queue of queues) queue.signal.remove(wake)
      }
      const wake = () => {
        leave()
        resume(Effect.void)
      }
      for (const queue of queues) queue.signal.add(wake)
      return Effect.sync(leave)
    })
    return Effect.raceFirst(signalled, Effect.sleep(millis))
  })

/**
 * Every port in this process's memory: the reference implementation, for tests and as the embedded default.
 * Jobs end with the process. Time is Effect's Clock, so TestClock drives delays, leases and retention.
 *
 * **Shape** Each build of the layer has its own jobs.
 * **Example** examples/quickstart.ts
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<
  | JobStore
  | QueueControl
  | DeadLetterStore
  | ScheduleStore
  | WorkflowStore
  | Wakeups
  | Notices
  | Capabilities
  | Diagnostics
> = Layer.effectContext(
  Effect.sync(() => {
    const queues = new Map<string, QueueState>()
    const mailboxes = new Mailboxes()
    const at = (name: string): QueueState => {
      let queue = queues.get(name)
      if (queue === undefined) {
        queue = new QueueState(name, mailboxes.send)
        queues.set(name, queue)
      }
      return queue
    }
    const read = <A>(f: () => A) => Effect.sync(f)

    const setPaused = (name: string, paused: boolean) =>
      read(() => {
        const queue = at(name)
        const changed = queue.paused !== paused
        queue.paused = paused
        queue.isKnown = true
        if (!paused && queue.indexes.pending.size > 0) queue.signal.raise()
        return changed
      })

    return Context.make(
      JobStore,
      JobStore.of({
        enqueue: (name, jobs) => withNow((now) => enqueue(at(name), jobs, now)),
        exchange: (request) => withNow((now) => exchange(at(request.queue), request, now)),
        extendLeases: ({ about, leaseMillis, leases, queue: name, worker }) =>
          withNow((now) => {
            const queue = at(name)
            queue.workers.set(worker, { seenAt: now, about: about ?? queue.workers.get(worker)?.about ?? "" })
            return leases.map((lease) => extend(queue, lease, now + leaseMillis))
          }),
        cancel: ({ jobId, queue: name, reason }) => withNow((now) => cancel(at(name), jobId, reason, now)),
        watch: (request) => read(() => watch(at(request.queue), request)),
        unwatch: (request) => read(() => unwatch(at(request.queue), request)),
        annotate: (request) => read(() => annotate(at(request.queue), request)),
        logs: (name, jobId) => read(() => at(name).jobs.get(jobId)?.logs ?? []),
        promote: (name, limit) =>
          withNow((now) => {
            const promoted = promote(at(name), limit, now)
            if (promoted > 0) at(name).signal.raise()
            return promoted
          }),
        rescue: (name, limit) =>
          withNow((now) => {
            const reply = rescue(at(name), limit, now)
            if (reply.rescued.length > 0) at(name).signal.raise()
            return reply
          }),
        endings: (name, limit) => withNow((now) => at(name).outbox.take(limit, now)),
        forgetEndings: (name, endings) => read(() => at(name).outbox.forget(endings)),
        prune: (name, policy) => withNow((now) => prune(at(name), policy, now)),
        get: (name, jobId) =>
          read(() => {
            const queue = at(name)
            return Option.map(Option.fromNullishOr(queue.jobs.get(jobId)), (record) => queue.read(record))
          })
      })
    ).pipe(
      Context.add(
        QueueControl,
        QueueControl.of({
          queues: read(() =>
            [...queues.values()]
              .filter((queue) => queue.isKnown)
              .map((queue) => queue.name)
              .toSorted()
          ),
          pause: (name) => setPaused(name, true),
          resume: (name) => setPaused(name, false),
          isPaused: (name) => read(() => at(name).paused),
          limits: (name) =>
            read(() => {
              const { maxActive } = at(name)
              return maxActive === undefined ? {} : { maxActive }
            }),
          setLimits: (name, { maxActive }) =>
            read(() => {
              const queue = at(name)
              queue.maxActive = maxActive
              if (queue.indexes.pending.size > 0) queue.signal.raise()
            }),
          rateLimits: (name) => read(() => at(name).indexes.pending.rates),
          setRateLimit: (name, kind, limit) =>
            withNow((now) => {
              const queue = at(name)
              queue.isKnown = true
              queue.indexes.pending.setRate(kind, limit, now)
              if (queue.indexes.pending.size > 0) queue.signal.raise()
            }),
          workers: (name) =>
            read(() =>
              [...at(name).workers]
                .map(([id, { about, seenAt }]) => ({ id, seenAt, about }))
                .toSorted((a, b) => (a.id < b.id ? -1 : 1))
                .slice(0, 1000)
            ),
          removeWorker: (name, worker) =>
            read(() => {
              at(name).workers.delete(worker)
              at(name).claims.delete(worker)
            }),
          remove: (name, jobIds) => read(() => remove(at(name), jobIds)),
          depths: (name) => read(() => depths(at(name))),
          counters: (name) => read(() => ({ ...at(name).counters })),
          list: (request) => read(() => list(at(request.queue), request))
        })
      ),
      Context.add(
        DeadLetterStore,
        DeadLetterStore.of({
          redrive: (name, selection) => withNow((now) => redrive(at(name), selection, now)),
          purge: (name, selection) => read(() => purge(at(name), selection))
        })
      ),
      Context.add(WorkflowStore, workflowStore.make(mailboxes.send)),
      Context.add(ScheduleStore, makeScheduleStore(queues, at, withNow)),
      Context.add(
        Wakeups,
        Wakeups.of({
          subscribe: (names) =>
            Effect.sync((): Wakeup => {
              const heard = names.map(at)
              return { wait: (millis) => waitFor(heard, millis) }
            })
        })
      ),
      Context.add(
        Notices,
        Notices.of({
          open: (name) => mailboxes.open(name),
          quiet: (worker) => Effect.sync(() => mailboxes.send(worker, { _tag: "Quiet" }))
        })
      ),
      Context.add(
        Diagnostics,
        Diagnostics.of({
          servers: Effect.succeed([{ address: "this process", mode: "memory" }]),
          now: withNow((now) => now),
          format: Effect.succeed({ stored: "memory", known: "memory" }),
          audit: (name, limit) => read(() => audit(at(name), limit))
        })
      ),
      Context.add(Capabilities, Capabilities.of({ backend: "memory", shared: false, durable: false }))
    )
  })
)
