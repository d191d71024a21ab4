import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { checkConcurrency, checkQueues } from "../../domain/check-queues.ts"
import {
  checkKind,
  checkLease,
  checkWorker,
  defaultMaxResultBytes,
  durationMillis,
  InvalidInput
} from "../../domain/limits.ts"
import type { Backoff } from "../../domain/Backoff.ts"
import { entryOf, partsOf } from "../../domain/queue-entries.ts"
import type { AnyQueue, Entry, Queues } from "../../domain/Queues.ts"
import type { AnyTask, RateLimitOptions } from "../../domain/Task.ts"
import { JobIds } from "../../ports/JobIds.ts"
import { JobStore } from "../../ports/JobStore.ts"
import { Notices } from "../../ports/Notices.ts"
import { QueueControl } from "../../ports/QueueControl.ts"
import { ScheduleStore } from "../../ports/ScheduleStore.ts"
import type { StoreError } from "../../ports/StoreError.ts"
import { Waiting } from "../../ports/Waiting.ts"
import { Wakeups } from "../../ports/Wakeups.ts"
import { WorkflowStore } from "../../ports/WorkflowStore.ts"
import { policyOf, type Retention, sweep } from "../maintenance/Maintenance.ts"
import { checkTicks, type TickerOptions, tickLoop } from "../schedules/Ticker.ts"
import { maintain } from "../workflows/Workflows.ts"
import { register, type Status } from "../health/Health.ts"
import { cancelLoop } from "./cancel-requests.ts"
import { type ExtensionOptions, makeExtensions } from "./Extensions.ts"
import { giveBackLoop } from "./give-back.ts"
import { type HandlerFor, handler, handlerOf } from "./Handler.ts"
import type { AnyHooks, Hooks, HooksServices } from "./Hooks.ts"
import type { AnyMiddleware, Middleware, MiddlewareServices } from "./Middleware.ts"
import { healthOf } from "./health-of.ts"
import { leave } from "./leave.ts"
import { relayed, relayLoop } from "./relay-endings.ts"
import { setRateLimits } from "./rate-limits.ts"
import { sayFailure } from "./say-failure.ts"
import { type ServedQueues, serveQueues } from "./serve-queues.ts"
import { shareLoop } from "./share-out.ts"
import { shutdown } from "./shutdown.ts"
import { dueLoop } from "./wait-for-due.ts"
import { subscribe, waitLoop } from "./wait-for-work.ts"
import { type Runnable, type Settings, WorkerState } from "./WorkerState.ts"

export type { HandlerFor } from "./Handler.ts"
export type { ErrorOf, Redact } from "./redaction.ts"
export type { JobInfo } from "./RunningJob.ts"
export type { ServedQueue } from "./serve-queues.ts"

/** What a worker runs, from which queues, and how. */
export interface WorkerOptions<
  Tasks extends ReadonlyArray<AnyTask>,
  M extends ReadonlyArray<AnyMiddleware> = ReadonlyArray<Middleware>,
  H extends AnyHooks = Hooks
> extends ExtensionOptions<M, H> {
  /** What it runs. A task without a provided handler does not compile. */
  readonly tasks: Tasks
  /**
   * Where it looks for jobs: `Queues.weighted`, `Queues.strict`, or queues, sharded ones as well, which have equal
   * weights. Left out: the queues of its tasks.
   */
  readonly queues?: ReadonlyArray<AnyQueue> | Queues
  /** Handlers that run at once at most; 10 when left out. */
  readonly concurrency?: number
  /** How long a job is held without a sign of life; 30 seconds when left out. Extended while the handler runs. */
  readonly lease?: Duration.Input
  /** How often leases are extended and the worker says that it is there; a third of `lease` when left out, half of it at most. */
  readonly heartbeat?: Duration.Input
  /** How long it waits for a signal before it looks by itself; 5 seconds when left out. */
  readonly poll?: Duration.Input
  /** How often it tidies its queues; 5 seconds when left out. */
  readonly sweep?: Duration.Input
  /** How long running handlers may go on at shutdown before they are interrupted; 30 seconds when left out. */
  readonly drain?: Duration.Input
  /** How long a job of a kind it does not know is put back for other workers; 30 seconds when left out. */
  readonly unknownKindDelay?: Duration.Input
  readonly retention?: Retention
  /**
   * Jobs claimed ahead of the handlers, 0 to 1000, so that quick handlers need not wait for the next ones. Left out: as
   * many as is measured to be of use, and none while handlers take longer than a round trip to the store. Only while
   * one queue is served.
   */
  readonly prefetch?: number
  /** Whether, and how, it lets schedules tick, those of all queues; true when left out. */
  readonly ticks?: boolean | TickerOptions
  /**
   * Largest encoded success or typed failure kept, in bytes of UTF-8; 512 KiB when left out. An attempt whose success
   * is larger has failed; a larger failure is kept as its error text only.
   */
  readonly maxResultBytes?: number
  /** The wait before the next attempt, by queue or sharded queue, for tasks that say nothing of it. */
  readonly backoffs?: Readonly<Record<string, Backoff>>
  /** Rate limits by kind that take the place of the tasks' own; `false` lifts one. */
  readonly rateLimits?: Readonly<Record<string, RateLimitOptions | false>>
}

/**
 * What an operator sets for every worker of a process, in place of what its code says: `winter worker` puts its flags
 * and its configuration here. Nothing when left out.
 *
 * **Example** `Effect.provideService(WorkerOverrides, { concurrency: 50 })`
 * @category jobs
 * @since 0.1.0
 */
export const WorkerOverrides = Context.Reference<
  Partial<Omit<WorkerOptions<ReadonlyArray<AnyTask>>, "tasks" | "middleware" | "hooks">>
>("winterq/features/worker/WorkerOverrides", { defaultValue: () => ({}) })

/** One requirement per task, so that handlers can be provided one by one. */
export type HandlersOf<T extends AnyTask> = T extends AnyTask ? HandlerFor<T["kind"]> : never

type WorkerPorts = JobStore | WorkflowStore | ScheduleStore | Wakeups | Notices | QueueControl

type AnyOptions<Tasks extends ReadonlyArray<AnyTask>> = WorkerOptions<Tasks, ReadonlyArray<AnyMiddleware>, AnyHooks>

/**
 * Runs jobs for as long as its layer lives.
 *
 * @category jobs
 * @since 0.1.0
 */
export class Worker extends Context.Service<
  Worker,
  {
    /** Names this worker in leases and logs. */
    readonly id: string
    /** Handlers running now. */
    readonly running: Effect.Effect<number>
    /**
     * Whether it gets on with the store and takes jobs. `Health.ready` and `Health.live` are drawn from this, for all
     * workers of a process.
     *
     * **Ref** docs/semantics.md HEALTH-1..3
     */
    readonly health: Effect.Effect<Status>
  } & ServedQueues
>()("winterq/features/worker/Worker") {
  /** Says how a task's jobs are run; see `Handler.ts`. */
  static readonly handler = handler

  /**
   * A worker for some tasks. It starts with the layer, and drains when the layer's scope closes.
   *
   * **Shape** `Worker.layer({ tasks: [SendEmail] }).pipe(Layer.provide(SendEmailLive), Layer.provide(Redis.layer()))`
   * **Errors** `InvalidInput` for a bad option; `StoreError` when the backend is out of reach at the start. Later
   * outages are logged and end by themselves.
   * **Example** examples/quickstart.ts
   * **Ref** docs/semantics.md RUN-1..11, STOP-1..4, QUEUES-1..10
   */
  static readonly layer = <
    const Tasks extends ReadonlyArray<AnyTask>,
    M extends ReadonlyArray<AnyMiddleware> = ReadonlyArray<Middleware>,
    H extends AnyHooks = Hooks
  >(
    options: WorkerOptions<Tasks, M, H>
  ): Layer.Layer<
    Worker,
    InvalidInput | StoreError,
    WorkerPorts | HandlersOf<Tasks[number]> | MiddlewareServices<M> | HooksServices<H>
  > =>
    Layer.effect(Worker, make(options)) as Layer.Layer<
      Worker,
      InvalidInput | StoreError,
      WorkerPorts | HandlersOf<Tasks[number]> | MiddlewareServices<M> | HooksServices<H>
    >
}

const millis = (field: string, input: Duration.Input, least = 0) =>
  Effect.fromResult(durationMillis(field, input, least))

const bytesOf = (field: string, bytes: number) =>
  Number.isInteger(bytes) && bytes >= 1
    ? Effect.succeed(bytes)
    : Effect.fail(new InvalidInput({ field, problem: `must be an integer above 0, not ${bytes}` }))

const queuesOf = (queues: ReadonlyArray<AnyQueue> | Queues): Queues => {
  if ("order" in queues) return queues
  // tasks share queues, and may name sharded ones each for itself
  const entries = queues.map(entryOf)
  const isFirst = ({ name, shards }: Entry, at: number) =>
    at === entries.findIndex((other) => other.name === name && other.shards === shards)
  return { order: "weighted", entries: entries.filter(isFirst) }
}

/** What is said of a sharded queue holds for each shard that nothing is said of. */
const backoffsOf = (
  entries: ReadonlyArray<Entry>,
  backoffs: Readonly<Record<string, Backoff>>
): Readonly<Record<string, Backoff>> => ({
  ...Object.fromEntries(
    entries.flatMap((entry) => {
      const backoff = backoffs[entry.name]
      return backoff === undefined ? [] : partsOf(entry).map(({ name }) => [name, backoff] as const)
    })
  ),
  ...backoffs
})

const settingsOf = Effect.fnUntraced(function* (options: AnyOptions<ReadonlyArray<AnyTask>>) {
  const queues = queuesOf(options.queues ?? options.tasks.map((task) => task.queue))
  for (const task of options.tasks) yield* Effect.fromResult(checkKind(task.kind))
  if (options.tasks.length === 0) {
    return yield* Effect.fail(new InvalidInput({ field: "tasks", problem: "must name at least one" }))
  }
  const kinds = options.tasks.map((task) => task.kind)
  const twice = kinds.find((kind, i) => kinds.indexOf(kind) !== i)
  if (twice !== undefined) {
    return yield* Effect.fail(new InvalidInput({ field: "tasks", problem: `name the kind ${twice} twice` }))
  }
  yield* Effect.fromResult(checkQueues(queues))
  const concurrency = options.concurrency ?? 10
  yield* Effect.fromResult(checkConcurrency(concurrency))
  const leaseMillis = yield* millis("lease", options.lease ?? "30 seconds", 1)
  yield* Effect.fromResult(checkLease(leaseMillis))
  const { prefetch } = options
  if (prefetch !== undefined && !(Number.isInteger(prefetch) && prefetch >= 0 && prefetch <= 1000)) {
    return yield* new InvalidInput({ field: "prefetch", problem: `must be an integer from 0 to 1000, not ${prefetch}` })
  }
  yield* Effect.fromResult(checkTicks(options.ticks ?? true))
  const heartbeatMillis = yield* millis("heartbeat", options.heartbeat ?? leaseMillis / 3, 1)
  if (heartbeatMillis * 2 > leaseMillis) {
    const problem = `must be half of the lease (${leaseMillis} ms) at most, not ${heartbeatMillis} ms`
    return yield* Effect.fail(new InvalidInput({ field: "heartbeat", problem }))
  }
  return {
    queues,
    concurrency,
    prefetch,
    leaseMillis,
    heartbeatMillis,
    backoffs: backoffsOf(queues.entries, options.backoffs ?? {}),
    pollMillis: yield* millis("poll", options.poll ?? "5 seconds", 1),
    sweepMillis: yield* millis("sweep", options.sweep ?? "5 seconds", 1),
    drainMillis: yield* millis("drain", options.drain ?? "30 seconds"),
    unknownKindDelayMillis: yield* millis("unknownKindDelay", options.unknownKindDelay ?? "30 seconds"),
    policy: yield* Effect.fromResult(policyOf(options.retention ?? {})),
    maxResultBytes: yield* bytesOf("maxResultBytes", options.maxResultBytes ?? defaultMaxResultBytes)
  } satisfies Settings
})

const make = Effect.fnUntraced(function* <Tasks extends ReadonlyArray<AnyTask>>(given: AnyOptions<Tasks>) {
  const options: AnyOptions<Tasks> = { ...given, ...(yield* WorkerOverrides) }
  const settings = yield* settingsOf(options)
  const store = yield* JobStore
  const wakeups = yield* Wakeups
  const notices = yield* Notices
  const control = yield* QueueControl
  const runnables = new Map<string, Runnable>()
  for (const task of options.tasks) {
    runnables.set(task.kind, { task, handler: yield* handlerOf<Tasks[number]["kind"]>(task.kind) })
  }
  const ids = yield* JobIds
  const id = `worker-${yield* ids.next}`
  yield* Effect.fromResult(checkWorker(id))
  // made before all loops, so that it ends after them: hooks hear of what shutdown settles
  const extensions = yield* makeExtensions(id, options, settings.concurrency)
  const state = new WorkerState(id, settings, runnables, yield* Effect.context<never>(), store, extensions)
  const putLimits = (entries: ReadonlyArray<Entry>) => setRateLimits(options.tasks, entries, options.rateLimits ?? {})
  const health = Effect.sync(() => healthOf(state))
  yield* register(health)
  yield* putLimits(settings.queues.entries)

  // registered first, so it runs last: when nothing extends leases any more
  yield* Effect.addFinalizer(() => leave(state, control))
  // opened before the loops, so that it closes after them: lanes that are added later live as long as the first ones
  const within = yield* Scope.fork(yield* Effect.scope)
  const served = yield* serveQueues(state, control, within, (entry) =>
    Effect.provideService(putLimits([entry]), QueueControl, control)
  )
  const wakeup = yield* subscribe(state, wakeups, within)
  yield* state.loops.fork("relay of workflows", relayLoop(state))
  // runs before the loop above ends, and after everything else has
  yield* Effect.addFinalizer(() => relayed(state))
  yield* state.loops.fork("share-out", shareLoop(state))
  yield* state.loops.fork("cancel requests", cancelLoop(state, yield* notices.open(state.id)))
  yield* state.loops.fork("wake-up loop", waitLoop(state, wakeups, within, wakeup))
  yield* state.loops.fork("due loop", dueLoop(state))
  // a number that somebody has set is kept to
  if (settings.prefetch === undefined) yield* state.loops.fork("give-back loop", giveBackLoop(state))
  const schedules = yield* ScheduleStore
  const { ticks = true } = options
  if (ticks !== false) {
    const loop = tickLoop(ticks === true ? {} : ticks)
    yield* state.loops.fork("ticker", Effect.provideService(loop, ScheduleStore, schedules))
  }
  const pause = Effect.provideService(Effect.sleep(settings.sweepMillis), Waiting, "look")
  yield* state.loops.fork(
    "maintenance",
    Effect.suspend(() =>
      Effect.forEach(state.serving, ({ queue }) => sweep(queue, settings.policy, extensions.report), { discard: true })
    ).pipe(
      Effect.andThen(Effect.suspend(() => maintain(state.serving.map(({ queue }) => queue)))),
      Effect.catch(sayFailure("maintenance")),
      Effect.andThen(pause),
      Effect.forever
    )
  )
  // registered last, so it runs first: while the loops above still go on
  yield* Effect.addFinalizer(() => shutdown(state))

  return Worker.of({ id: state.id, running: Effect.sync(() => state.running), health, ...served })
})
