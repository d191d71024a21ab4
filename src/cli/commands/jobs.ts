import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Option from "effect/Option"
import { type EpochMillis, type Job, type JobId, JobState } from "../../domain/Job.ts"
import { Client } from "../../features/client/Client.ts"
import * as DeadLetters from "../../features/dead-letters/DeadLetters.ts"
import * as Inspector from "../../features/inspector/Inspector.ts"
import { QueueControl } from "../../ports/QueueControl.ts"
import { confirmMany } from "../confirm.ts"
import { connected } from "../connected.ts"
import { BadUsage, NotPossible, PartlyDone } from "../errors.ts"
import { findJob } from "../find-job.ts"
import {
  cursorFlag,
  given,
  jobArgument,
  JsonFlag,
  kindFlag,
  limitFlag,
  queueFlag,
  showPayloadFlag,
  stateFlag,
  tagFlag
} from "../flags.ts"
import { printable, when } from "../format.ts"
import { queueParts } from "../known-queues.ts"
import { changedAt, jobDetails, jobTable, stateText } from "../job-text.ts"
import { show, ui } from "../output.ts"
import { jobShape } from "../shapes.ts"

const someQueue = queueFlag.pipe(Flag.optional)

interface Wanted {
  readonly queue: Option.Option<string>
  readonly state: Option.Option<JobState>
  readonly kind: Option.Option<string>
  readonly tag: Option.Option<string>
  readonly cursor: Option.Option<string>
  readonly limit: number
}

/** One queue and state has pages; several are read one after the other until there are enough. */
const pageOf = Effect.fnUntraced(function* ({ cursor, kind, limit, queue, state, tag }: Wanted) {
  const named = Option.isSome(queue) ? yield* queueParts(queue.value) : []
  const [only, another] = named
  if (only !== undefined && another === undefined && Option.isSome(state)) {
    const page = yield* Inspector.jobs({ queue: only, state: state.value, limit, ...given({ cursor, kind, tag }) })
    return { ...page, more: page.cursor !== undefined }
  }
  if (Option.isSome(cursor)) {
    return yield* new BadUsage({ why: "--cursor needs --state, and --queue with one queue, or one shard" })
  }
  const control = yield* QueueControl
  const names = named.length > 0 ? named : yield* control.queues
  const states = Option.isSome(state) ? [state.value] : JobState.literals
  const jobs: Array<Job> = []
  let more = false
  for (const name of names) {
    for (const one of states) {
      const room = limit - jobs.length
      const page = yield* Inspector.jobs({
        // one more than there is room for tells whether there are more
        ...{ queue: name, state: one, limit: Math.min(room + 1, 1000) },
        ...given({ kind, tag })
      })
      jobs.push(...page.jobs.slice(0, room))
      more ||= page.jobs.length > room || page.cursor !== undefined
      if (more && jobs.length === limit) return { jobs, cursor: undefined, more }
    }
  }
  return { jobs, cursor: undefined, more }
})

const list = Command.make(
  "list",
  {
    queue: someQueue,
    state: stateFlag.pipe(Flag.optional),
    kind: kindFlag.pipe(Flag.optional),
    tag: tagFlag,
    limit: limitFlag(1000),
    cursor: cursorFlag,
    showPayload: showPayloadFlag
  },
  ({ showPayload, ...wanted }) =>
    connected(
      Effect.gen(function* () {
        const page = yield* pageOf(wanted)
        const cursor = page.cursor ?? null
        const { more } = page
        yield* show({ jobs: page.jobs.map((job) => jobShape(job, showPayload)), cursor, more }, (ui) => {
          const how = cursor === null ? "page by page with --queue and --state" : `with --cursor ${cursor}`
          if (page.jobs.length === 0) return more ? `none so far; more ${how}` : "no jobs"
          return jobTable(ui, page.jobs, showPayload) + (more ? `\n${ui.dim(`more ${how}`)}` : "")
        })
      })
    )
).pipe(
  Command.withDescription("List jobs, of all queues and states unless told"),
  Command.withExamples([
    { command: "winter jobs list -q mail -s retry --tag eu", description: "Retrying jobs with a tag" }
  ])
)

const showJob = (id: JobId, queue: Option.Option<string>) =>
  connected(
    Effect.gen(function* () {
      const view = yield* findJob(id, queue)
      yield* show({ ...jobShape(view.job, true), logs: view.logs }, (ui) => jobDetails(ui, view))
    })
  )

const get = Command.make("get", { id: jobArgument, queue: someQueue }, ({ id, queue }) => showJob(id, queue)).pipe(
  Command.withDescription("Show one job with its payload, result, failures and log")
)

/** A new start for a dead job. */
const retryJob = (id: JobId, queue: Option.Option<string>) =>
  connected(
    Effect.gen(function* () {
      const { job } = yield* findJob(id, queue)
      const [reply] = yield* DeadLetters.redrive(job.queue, [id])
      if (reply?.outcome === "not-dead") {
        return yield* new NotPossible({ why: `job ${id} is ${job.state}; only dead jobs can be retried` })
      }
      if (reply?.outcome === "key-taken") {
        return yield* new NotPossible({ why: `job ${id} stays dead: another job holds its unique key` })
      }
      yield* show({ id, queue: job.queue, outcome: "redriven" }, () => `retried ${id} from ${job.queue} dead queue`)
    })
  )

const runNow = Command.make("run", { id: jobArgument, queue: someQueue }, ({ id, queue }) =>
  connected(
    Effect.gen(function* () {
      const { job } = yield* findJob(id, queue)
      const moved = yield* Inspector.runNow(job.queue, [id])
      if (moved.length === 0) {
        return yield* new NotPossible({
          why: `job ${id} is ${job.state}; only scheduled and retrying jobs wait for a time`
        })
      }
      yield* show({ id, queue: job.queue, outcome: "pending" }, () => `${id} in ${job.queue} may run now`)
    })
  )
).pipe(Command.withDescription("Let a job run now that waits for its time, delayed or between attempts"))

const retryDescription = "Give a dead job a new start, its attempts from zero"

export const retry = Command.make("retry", { id: jobArgument, queue: someQueue }, ({ id, queue }) =>
  retryJob(id, queue)
).pipe(Command.withDescription(retryDescription))

const cancelJob = (id: JobId, queue: Option.Option<string>, reason: string) =>
  connected(
    Effect.gen(function* () {
      const { job } = yield* findJob(id, queue)
      const outcome = yield* Client.cancel({ queue: job.queue, id }, reason)
      if (outcome === "ended" || outcome === "gone") {
        return yield* new NotPossible({ why: `job ${id} has ended already` })
      }
      yield* show({ id, queue: job.queue, outcome }, () =>
        outcome === "cancelled" ? `cancelled ${id}` : `asked the worker of ${id} to stop it`
      )
    })
  )

const reasonFlag = Flag.String("reason").pipe(
  Flag.withDescription("Why; kept with the job"),
  Flag.withDefault("cancelled by an operator")
)

export const cancel = Command.make(
  "cancel",
  { id: jobArgument, queue: someQueue, reason: reasonFlag },
  ({ id, queue, reason }) => cancelJob(id, queue, reason)
).pipe(Command.withDescription("Cancel a job: at once when it waits, by asking its worker when it runs"))

/** Ends a job that waits, then removes its record. */
const deleteOne = Effect.fnUntraced(function* (id: JobId, queue: Option.Option<string>) {
  const { job } = yield* findJob(id, queue)
  if (job.state === "active") return yield* new NotPossible({ why: `job ${id} runs; cancel it first` })
  const control = yield* QueueControl
  const outcome = yield* Client.cancel({ queue: job.queue, id }, "deleted by an operator")
  if (outcome === "requested") {
    return yield* new NotPossible({ why: `job ${id} runs; its worker was asked to stop it, delete it afterwards` })
  }
  yield* control.remove(job.queue, [id])
  return { id, queue: job.queue }
})

const remove = Command.make(
  "delete",
  { ids: jobArgument.pipe(Argument.atLeast(1)), queue: someQueue },
  ({ ids, queue }) =>
    connected(
      Effect.gen(function* () {
        yield* confirmMany("delete", ids.length, "job")
        const [deleted, problems] = yield* Effect.partition(ids, (id) => deleteOne(id, queue))
        if (problems.length === ids.length && problems[0] !== undefined) return yield* Effect.fail(problems[0])
        yield* show({ deleted }, () => deleted.map(({ id, queue }) => `deleted ${id} from ${queue}`).join("\n"))
        if (problems.length === 0) return
        return yield* new PartlyDone({ why: problems.map(({ message }) => message).join("\n") })
      })
    )
).pipe(Command.withDescription("Delete jobs for good, in any state but active"))

const final: ReadonlySet<JobState> = new Set(["completed", "cancelled", "dead"])

/** Prints what is new of a job until it has ended. */
const follow = Effect.fnUntraced(function* (id: JobId, queue: Option.Option<string>) {
  const asJson = yield* JsonFlag
  let state: JobState | undefined
  let attempt = -1
  let seen: ReadonlyArray<string> = []
  const first = yield* findJob(id, queue)
  while (true) {
    const view = yield* Inspector.job(first.job.queue, id)
    const { now, ...rest } = yield* ui
    const say = (at: EpochMillis, event: object, text: string, time = when(at, now)) =>
      Console.log(asJson ? JSON.stringify({ at, id, ...event }) : printable(`${rest.dim(time)}  ${text}`))
    if (Option.isNone(view)) return yield* say(now, { event: "gone" }, "nothing of it is kept any more")
    const { job, logs } = view.value
    // the log is bounded, so what was shown last may not be there any more
    const last = seen.at(-1)
    const from = last === undefined ? 0 : logs.lastIndexOf(last) + 1
    for (const line of logs.slice(from)) {
      // lines have no time of their own: of those that were there before, nobody knows it
      yield* say(now, { event: "log", line }, line, state === undefined ? "before" : undefined)
    }
    seen = logs
    if (job.state !== state || job.attempt !== attempt) {
      const error = job.failures.at(-1)?.error
      yield* say(
        changedAt(job) ?? now,
        { event: "state", state: job.state, attempt: job.attempt, error: error ?? null },
        `${stateText({ now, ...rest }, job)}, attempt ${job.attempt} of ${job.maxAttempts}`
      )
    }
    state = job.state
    attempt = job.attempt
    if (final.has(job.state)) return
    yield* Effect.sleep("300 millis")
  }
})

const tail = Command.make("tail", { id: jobArgument, queue: someQueue }, ({ id, queue }) =>
  connected(follow(id, queue))
).pipe(Command.withDescription("Follow a job: its states and its log, until it has ended"))

export const jobs = Command.make(
  "jobs",
  { id: jobArgument.pipe(Argument.optional), queue: someQueue },
  ({ id, queue }) =>
    Option.isSome(id)
      ? showJob(id.value, queue)
      : Effect.fail(new BadUsage({ why: "name a job, or a verb: list, get, run, retry, cancel, delete, tail" }))
).pipe(
  Command.withDescription("Look at jobs and act on them; `winter jobs ID` shows one"),
  Command.withSubcommands([list, get, runNow, retry, cancel, remove, tail])
)
