import * as Effect from "effect/Effect"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import type { JobState } from "../../domain/Job.ts"
import { Client } from "../../features/client/Client.ts"
import * as Inspector from "../../features/inspector/Inspector.ts"
import { type Depths, QueueControl } from "../../ports/QueueControl.ts"
import { confirmMany } from "../confirm.ts"
import { connected } from "../connected.ts"
import { BadUsage, NotPossible, TookTooLong } from "../errors.ts"
import { durationFlag, kindFlag, queueArgument } from "../flags.ts"
import { count, plural } from "../format.ts"
import { oneQueue, queueParts } from "../known-queues.ts"
import { mustExist } from "../must-exist.ts"
import { show } from "../output.ts"
import { withProgress } from "../progress.ts"
import { queueDetails, queueTable, rateLimitText } from "../queue-text.ts"
import { queueShape, ratesShape } from "../shapes.ts"

const list = Command.make("list", {}, () =>
  connected(
    Effect.gen(function* () {
      const queues = yield* Inspector.queues
      yield* show({ queues: queues.map(queueShape) }, (ui) =>
        queues.length === 0 ? "no queues" : queueTable(ui, queues)
      )
    })
  )
).pipe(Command.withDescription("Show all queues"))

const get = Command.make("get", { queue: queueArgument }, ({ queue: name }) =>
  connected(
    Effect.gen(function* () {
      const queue = yield* oneQueue(name)
      yield* mustExist(queue, [queue])
      const [view, rates] = yield* Effect.all([Inspector.queue(queue), Inspector.rates(queue)])
      yield* show({ ...queueShape(view), rates: ratesShape(rates) }, (ui) => queueDetails(ui, view, rates))
    })
  )
).pipe(Command.withDescription("Show one queue: depths, counters, limits, rates, latency"))

const pauseQueue = (queue: string) =>
  connected(
    Effect.gen(function* () {
      const changed = (yield* Effect.forEach(yield* queueParts(queue), Inspector.pause)).some(Boolean)
      yield* show({ queue, paused: true, changed }, () => (changed ? `paused ${queue}` : `${queue} was paused already`))
    })
  )

const resumeQueue = (queue: string) =>
  connected(
    Effect.gen(function* () {
      const changed = (yield* Effect.forEach(yield* queueParts(queue), Inspector.resume)).some(Boolean)
      yield* show({ queue, paused: false, changed }, () => (changed ? `resumed ${queue}` : `${queue} was not paused`))
    })
  )

const pauseDescription = "Hand out no more jobs of a queue; those that run go on"
const resumeDescription = "Hand out jobs of a paused queue again"

/** `winter pause`, and `winter queues pause`. */
export const pause = Command.make("pause", { queue: queueArgument }, ({ queue }) => pauseQueue(queue)).pipe(
  Command.withDescription(pauseDescription)
)

export const resume = Command.make("resume", { queue: queueArgument }, ({ queue }) => resumeQueue(queue)).pipe(
  Command.withDescription(resumeDescription)
)

const waitingStates = ["pending", "scheduled", "retry"] as const

const sumOf = (depths: Depths, states: ReadonlyArray<JobState>) => states.reduce((sum, state) => sum + depths[state], 0)

/** Cancels what waits, a page at a time; jobs that a worker takes meanwhile are left to it. */
const cancelWaiting = Effect.fnUntraced(function* (queue: string, reason: string) {
  const control = yield* QueueControl
  const total = sumOf(yield* control.depths(queue), waitingStates)
  return yield* withProgress(`cancelling in ${queue}`, total, (tell) =>
    Effect.gen(function* () {
      let cancelled = 0
      for (const state of waitingStates) {
        while (true) {
          const { jobs } = yield* Inspector.jobs({ queue, state, limit: 200 })
          const outcomes = yield* Effect.forEach(jobs, ({ id }) => Client.cancel({ queue, id }, reason), {
            concurrency: 50
          })
          const done = outcomes.filter((outcome) => outcome === "cancelled").length
          cancelled += done
          yield* tell(cancelled)
          if (done === 0) break
        }
      }
      return cancelled
    })
  )
})

const untilIdle = (queue: string) =>
  Effect.gen(function* () {
    const control = yield* QueueControl
    const first = (yield* control.depths(queue)).active
    return yield* withProgress(`draining ${queue}`, first, (tell) =>
      control.depths(queue).pipe(
        Effect.tap(({ active }) => tell(first - active)),
        Effect.repeat({ until: ({ active }) => active === 0, schedule: Schedule.spaced("250 millis") })
      )
    )
  })

const drain = Command.make(
  "drain",
  {
    queue: queueArgument,
    timeout: durationFlag("timeout").pipe(
      Flag.withDescription("How long to wait for jobs that run (no limit)"),
      Flag.optional
    ),
    cancelWaiting: Flag.Boolean("cancel-waiting").pipe(
      Flag.withDescription("Cancel what waits as well; cannot be undone"),
      Flag.withDefault(false)
    ),
    reason: Flag.String("reason").pipe(Flag.withDefault("the queue was drained"))
  },
  ({ cancelWaiting: cancels, queue: name, reason, timeout }) =>
    connected(
      Effect.gen(function* () {
        const queue = yield* oneQueue(name)
        yield* mustExist(queue, [queue])
        if (cancels) {
          const depths = yield* QueueControl.use((control) => control.depths(queue))
          yield* confirmMany(`cancel in ${queue}`, sumOf(depths, waitingStates), "job")
        }
        yield* Inspector.pause(queue)
        const cancelled = cancels ? yield* cancelWaiting(queue, reason) : 0
        const depths = yield* untilIdle(queue).pipe(
          Option.isNone(timeout)
            ? (wait) => wait
            : Effect.timeoutOrElse({
                duration: timeout.value,
                orElse: () => new TookTooLong({ what: `draining ${queue}; it stays paused` })
              })
        )
        yield* show(
          { queue, paused: true, active: depths.active, cancelled },
          () =>
            `${queue} is paused and runs nothing${cancels ? `; cancelled ${plural(cancelled, "job")}` : ""}; ` +
            `${plural(depths.pending, "job")} pending`
        )
      })
    )
).pipe(Command.withDescription("Pause a queue and wait until none of its jobs runs"))

const endedStates = ["completed", "cancelled", "dead"] as const

/** Removes what has ended, a page at a time. */
const removeEnded = Effect.fnUntraced(function* (queue: string) {
  const control = yield* QueueControl
  for (const state of endedStates) {
    while (true) {
      const { jobs } = yield* control.list({ queue, state, limit: 1000 })
      if (
        (yield* control.remove(
          queue,
          jobs.map(({ id }) => id)
        )) === 0
      )
        break
    }
  }
})

const remove = Command.make(
  "remove",
  {
    queue: queueArgument,
    withJobs: Flag.Boolean("with-jobs").pipe(
      Flag.withDescription("Cancel what waits and delete what has ended as well; cannot be undone"),
      Flag.withDefault(false)
    )
  },
  ({ queue: name, withJobs }) =>
    connected(
      Effect.gen(function* () {
        const queue = yield* oneQueue(name)
        yield* mustExist(queue, [queue])
        const { depths, workers } = yield* Inspector.queue(queue)
        if (workers > 0) {
          return yield* new NotPossible({
            why: `queue ${queue} is served by ${plural(workers, "worker")}; stop them first`
          })
        }
        if (depths.active > 0) {
          return yield* new NotPossible({
            why: `${plural(depths.active, "job")} of queue ${queue} run, or their leases have not ended`
          })
        }
        const held = sumOf(depths, [...waitingStates, ...endedStates])
        if (held > 0 && !withJobs) {
          return yield* new NotPossible({
            why: `queue ${queue} holds ${plural(held, "job")}; --with-jobs removes them too`
          })
        }
        yield* confirmMany(`remove queue ${queue} with`, held, "job")
        if (held > 0) {
          // nobody is to claim from it meanwhile
          yield* Inspector.pause(queue)
          yield* cancelWaiting(queue, "its queue was removed")
          yield* removeEnded(queue)
        }
        if (!(yield* Inspector.removeQueue(queue))) {
          return yield* new NotPossible({
            why: `queue ${queue} has schedules, jobs that came meanwhile, or members of workflows that ended in the last ten minutes`
          })
        }
        yield* show(
          { queue, removed: true, jobs: held },
          () => `removed queue ${queue}${held > 0 ? ` with ${plural(held, "job")}` : ""}`
        )
      })
    )
).pipe(Command.withDescription("Remove a queue that nobody serves: its name, pause, limits and counters"))

const limits = Command.make(
  "limits",
  {
    queue: queueArgument,
    maxActive: Flag.String("max-active").pipe(
      Flag.withMetavar("<n|none>"),
      Flag.withDescription("Jobs active at once, over all workers"),
      Flag.optional
    ),
    kind: kindFlag.pipe(Flag.withDescription("The kind whose rate is set"), Flag.optional),
    rate: Flag.String("rate").pipe(
      Flag.withMetavar("<n|none>"),
      Flag.withDescription("How often jobs of the kind may start, per --per"),
      Flag.optional
    ),
    per: durationFlag("per").pipe(Flag.withDescription("The time that --rate is for (1s)"), Flag.optional),
    burst: Flag.Int("burst").pipe(Flag.withDescription("Starts that may come at once (as --rate)"), Flag.optional)
  },
  ({ burst, kind, maxActive, per, queue: name, rate }) =>
    connected(
      Effect.gen(function* () {
        const queue = yield* oneQueue(name)
        const control = yield* QueueControl
        if (Option.isSome(rate) !== Option.isSome(kind)) {
          return yield* new BadUsage({ why: "--rate and --kind go together" })
        }
        if (Option.isNone(rate) && (Option.isSome(per) || Option.isSome(burst))) {
          return yield* new BadUsage({ why: "--per and --burst go with --rate" })
        }
        // all is checked before anything is set
        const most = Option.isSome(maxActive) ? yield* countOf("max-active", maxActive.value) : undefined
        if (most === 0) {
          return yield* new BadUsage({ why: "max-active must be 1 at least, or none; to run nothing, pause" })
        }
        const limit = Option.isSome(rate) ? yield* countOf("rate", rate.value) : undefined
        if (limit === 0) return yield* new BadUsage({ why: "rate must be 1 at least; pause the queue instead" })
        const atOnce = Option.getOrElse(burst, () => limit ?? 1)
        if (atOnce < 1) return yield* new BadUsage({ why: "burst must be 1 at least" })
        const perMillis = Option.getOrElse(per, () => 1000)
        if (perMillis < 1) return yield* new BadUsage({ why: "--per must be a millisecond at least" })
        if (Option.isSome(maxActive)) {
          yield* Inspector.setLimits(queue, most === undefined ? {} : { maxActive: most })
        }
        if (Option.isSome(kind)) {
          const bucket = limit === undefined ? undefined : { limit, perMillis, burst: atOnce }
          yield* control.setRateLimit(queue, kind.value, bucket)
        }
        const [now, rates] = yield* Effect.all([control.limits(queue), control.rateLimits(queue)])
        yield* show({ queue, limits: now, rateLimits: rates }, (ui) =>
          ui.record([
            ["Active at most", now.maxActive === undefined ? "unlimited" : count(now.maxActive)],
            ...Object.entries(rates).map(([name, limit]) => [`Rate of ${name}`, rateLimitText(limit)] as const)
          ])
        )
      })
    )
).pipe(
  Command.withDescription("Show or set what all workers of a queue together may do"),
  Command.withExamples([
    { command: "winter queues limits mail --max-active 100", description: "At most 100 active jobs" },
    { command: "winter queues limits mail --kind email.send --rate 50 --per 1m", description: "50 starts a minute" }
  ])
)

const countOf = Effect.fnUntraced(function* (name: string, text: string) {
  if (text === "none") return undefined
  if (!/^\d{1,9}$/.test(text))
    return yield* new BadUsage({ why: `${name} must be a whole number or none, not ${text}` })
  return Number(text)
})

export const queues = Command.make("queues").pipe(
  Command.withDescription("Look at queues and steer them"),
  Command.withSubcommands([list, get, pause, resume, drain, limits, remove])
)
