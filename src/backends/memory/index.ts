import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { boundedText } from "../../domain/bounded-text.ts"
import { checkQueue, checkWorker } from "../../domain/limits.ts"
import { Capabilities } from "../../ports/Capabilities.ts"
import { Diagnostics } from "../../ports/Diagnostics.ts"
import { DeadLetterStore } from "../../ports/DeadLetterStore.ts"
import { JobStore } from "../../ports/JobStore.ts"
import { Notices } from "../../ports/Notices.ts"
import type { Ports } from "../../ports/Ports.ts"
import { checkLimits, checkRateLimit } from "../../ports/checks.ts"
import { QueueControl } from "../../ports/QueueControl.ts"
import { ScheduleStore } from "../../ports/ScheduleStore.ts"
import { type Wakeup, Wakeups } from "../../ports/Wakeups.ts"
import { WorkflowStore } from "../../ports/WorkflowStore.ts"
import { attempt, attemptNow } from "./attempt.ts"
import { audit } from "./audit.ts"
import { annotate, cancel, extend, unwatch, watch } from "./holding.ts"
import { depths, list, purge, redrive, remove, removeQueue, runNow } from "./inspection.ts"
import { promote, rescue } from "./lifecycle.ts"
import { Mailboxes } from "./Mailboxes.ts"
import { QueueState } from "./QueueState.ts"
import { makeScheduleStore } from "./schedules.ts"
import { enqueue, exchange, prune } from "./store.ts"
import * as workflowStore from "./workflow-store.ts"

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
export const layer: Layer.Layer<Ports> = Layer.effectContext(
  Effect.sync(() => {
    const queues = new Map<string, QueueState>()
    const mailboxes = new Mailboxes()
    const at = (name: string): QueueState => {
      let queue = queues.get(name)
      if (queue === undefined) {
        Result.getOrThrow(checkQueue(name))
        queue = new QueueState(name, mailboxes.send)
        queues.set(name, queue)
      }
      return queue
    }
    const named = (worker: string): string => {
      Result.getOrThrow(checkWorker(worker))
      return worker
    }

    const setPaused = (operation: string, name: string, paused: boolean) =>
      attempt(operation, () => {
        const queue = at(name)
        const changed = queue.paused !== paused
        queue.paused = paused
        queue.isKnown ||= paused
        if (!paused && queue.indexes.pending.size > 0) queue.signal.raise()
        return changed
      })

    return Context.make(
      JobStore,
      JobStore.of({
        enqueue: (name, jobs) => attemptNow("enqueue", (now) => enqueue(at(name), jobs, now)),
        exchange: (request) =>
          attemptNow("exchange", (now) => {
            named(request.worker)
            return exchange(at(request.queue), request, now)
          }),
        extendLeases: ({ about, leaseMillis, leases, queue: name, worker }) =>
          attemptNow("extendLeases", (now) => {
            const queue = at(name)
            queue.isKnown = true
            queue.workers.set(named(worker), { seenAt: now, about: about ?? queue.workers.get(worker)?.about ?? "" })
            return leases.map((lease) => extend(queue, lease, now + leaseMillis))
          }),
        cancel: ({ jobId, queue: name, reason }) =>
          attemptNow("cancel", (now) => cancel(at(name), jobId, boundedText(reason), now)),
        watch: (request) =>
          attempt("watch", () => {
            named(request.watcher)
            return watch(at(request.queue), request)
          }),
        unwatch: (request) => attempt("unwatch", () => unwatch(at(request.queue), request)),
        annotate: (request) => attempt("annotate", () => annotate(at(request.queue), request)),
        logs: (name, jobId) => attempt("logs", () => at(name).jobs.get(jobId)?.logs ?? []),
        promote: (name, limit) =>
          attemptNow("promote", (now) => {
            const promoted = promote(at(name), limit, now)
            if (promoted > 0) at(name).signal.raise()
            return promoted
          }),
        rescue: (name, limit) =>
          attemptNow("rescue", (now) => {
            const reply = rescue(at(name), limit, now)
            if (reply.rescued.length > 0) at(name).signal.raise()
            return reply
          }),
        endings: (name, limit) => attemptNow("endings", (now) => at(name).outbox.take(limit, now)),
        forgetEndings: (name, endings) => attempt("forgetEndings", () => at(name).outbox.forget(endings)),
        prune: (name, policy) => attemptNow("prune", (now) => prune(at(name), policy, now)),
        get: (name, jobId) =>
          attempt("get", () => {
            const queue = at(name)
            return Option.map(Option.fromNullishOr(queue.jobs.get(jobId)), (record) => queue.read(record))
          })
      })
    ).pipe(
      Context.add(
        QueueControl,
        QueueControl.of({
          queues: attempt("queues", () =>
            [...queues.values()]
              .filter((queue) => queue.isKnown)
              .map((queue) => queue.name)
              .toSorted()
          ),
          pause: (name) => setPaused("pause", name, true),
          resume: (name) => setPaused("resume", name, false),
          isPaused: (name) => attempt("isPaused", () => at(name).paused),
          limits: (name) =>
            attempt("limits", () => {
              const { maxActive } = at(name)
              return maxActive === undefined ? {} : { maxActive }
            }),
          setLimits: (name, limits) =>
            attempt("setLimits", () => {
              Result.getOrThrow(checkLimits(limits))
              const queue = at(name)
              queue.maxActive = limits.maxActive
              if (queue.indexes.pending.size > 0) queue.signal.raise()
            }),
          rateLimits: (name) => attempt("rateLimits", () => at(name).indexes.pending.rates),
          setRateLimit: (name, kind, limit) =>
            attemptNow("setRateLimit", (now) => {
              if (limit !== undefined) Result.getOrThrow(checkRateLimit(limit))
              const queue = at(name)
              queue.isKnown = true
              queue.indexes.pending.setRate(kind, limit, now)
              if (queue.indexes.pending.size > 0) queue.signal.raise()
            }),
          workers: (name) =>
            attempt("workers", () =>
              [...at(name).workers]
                .map(([id, { about, seenAt }]) => ({ id, seenAt, about }))
                .toSorted((a, b) => b.seenAt - a.seenAt || (a.id < b.id ? 1 : -1))
                .slice(0, 1000)
                .toSorted((a, b) => (a.id < b.id ? -1 : 1))
            ),
          removeWorker: (name, worker) =>
            attempt("removeWorker", () => {
              const queue = at(name)
              queue.workers.delete(worker)
              queue.claims.delete(worker)
              const { pending, retry, scheduled } = queue.indexes
              if (pending.size + retry.size + scheduled.size > 0) queue.signal.raise()
            }),
          runNow: (name, jobIds) => attemptNow("runNow", (now) => runNow(at(name), jobIds, now)),
          remove: (name, jobIds) => attempt("remove", () => remove(at(name), jobIds)),
          removeQueue: (name) => attemptNow("removeQueue", (now) => removeQueue(at(name), now)),
          depths: (name) => attempt("depths", () => depths(at(name))),
          counters: (name) => attempt("counters", () => ({ ...at(name).counters })),
          list: (request) => attempt("list", () => list(at(request.queue), request))
        })
      ),
      Context.add(
        DeadLetterStore,
        DeadLetterStore.of({
          redrive: (name, selection) => attemptNow("redrive", (now) => redrive(at(name), selection, now)),
          purge: (name, selection) => attempt("purge", () => purge(at(name), selection))
        })
      ),
      Context.add(WorkflowStore, workflowStore.make(mailboxes.send)),
      Context.add(ScheduleStore, makeScheduleStore(queues, at)),
      Context.add(
        Wakeups,
        Wakeups.of({
          subscribe: (names) =>
            attempt("subscribe", (): Wakeup => {
              const heard = names.map(at)
              return {
                wait: (millis) => waitFor(heard, millis),
                pass: Effect.sync(() => {
                  for (const queue of heard) if (queue.indexes.pending.size > 0) queue.signal.raise()
                })
              }
            })
        })
      ),
      Context.add(
        Notices,
        Notices.of({
          open: (name) => mailboxes.open(name),
          quiet: (worker) => attempt("quiet", () => mailboxes.send(named(worker), { _tag: "Quiet" }))
        })
      ),
      Context.add(
        Diagnostics,
        Diagnostics.of({
          servers: Effect.succeed([{ address: "this process", mode: "memory" }]),
          now: attemptNow("now", (now) => now),
          format: Effect.succeed({ stored: "memory", known: "memory" }),
          audit: (name, limit) => attempt("audit", () => audit(at(name), limit))
        })
      ),
      Context.add(Capabilities, Capabilities.of({ backend: "memory", shared: false, durable: false }))
    )
  })
)
