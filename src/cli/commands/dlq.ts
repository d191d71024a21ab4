import * as Effect from "effect/Effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Clock from "effect/Clock"
import * as Option from "effect/Option"
import { DeadReason, type JobId } from "../../domain/Job.ts"
import { defaultQueue } from "../../domain/limits.ts"
import { type AnyQueue, nameOf, shardsOf } from "../../domain/Sharded.ts"
import * as DeadLetters from "../../features/dead-letters/DeadLetters.ts"
import { JobStore } from "../../ports/JobStore.ts"
import { QueueControl } from "../../ports/QueueControl.ts"
import { confirmMany } from "../confirm.ts"
import { connected } from "../connected.ts"
import { BadUsage, NotFound, PartlyDone } from "../errors.ts"
import {
  cursorFlag,
  dryRunFlag,
  durationFlag,
  given,
  jobArgument,
  kindFlag,
  limitFlag,
  queueFlag,
  showPayloadFlag,
  tagFlag
} from "../flags.ts"
import { oneLine, plural, when } from "../format.ts"
import { wholeQueue } from "../known-queues.ts"
import { show } from "../output.ts"
import { withProgress } from "../progress.ts"
import { bulkShape, jobShape } from "../shapes.ts"

const queue = queueFlag.pipe(Flag.withDescription(`The queue (${defaultQueue})`), Flag.withDefault(defaultQueue))

/** Other queues with dead jobs, for who looked into the wrong one. */
const elsewhere = Effect.fnUntraced(function* (queue: AnyQueue) {
  const control = yield* QueueControl
  const own = shardsOf(queue)
  const others = (yield* control.queues).filter((name) => !own.includes(name))
  const depths = yield* Effect.forEach(others, (name) => control.depths(name), { concurrency: 16 })
  return others.filter((_, i) => depths[i]!.dead > 0)
})

const shownQueues = 5

const noneText = (queue: string, others: ReadonlyArray<string>): string => {
  const more = others.length > shownQueues ? `, and ${others.length - shownQueues} more` : ""
  const hint =
    others.length === 0 ? "" : `in queue ${queue}; in others: ${others.slice(0, shownQueues).join(", ")}${more}`
  return `no dead jobs${hint === "" ? "" : ` ${hint}`}`
}

const filterFlags = {
  kind: kindFlag.pipe(Flag.withDescription("Only this kind"), Flag.optional),
  reason: Flag.Literals("reason", DeadReason.literals).pipe(
    Flag.withDescription("Only those that died of this"),
    Flag.optional
  ),
  error: Flag.String("error").pipe(
    Flag.withDescription("Only with this text in the last error"),
    // an empty variable must not stand for all
    Flag.filter(
      (text) => text !== "",
      () => "error must not be empty"
    ),
    Flag.optional
  ),
  tag: tagFlag,
  olderThan: durationFlag("older-than").pipe(Flag.withDescription("Only dead for at least so long"), Flag.optional),
  newerThan: durationFlag("newer-than").pipe(Flag.withDescription("Only dead for at most so long"), Flag.optional)
}

interface FilterFlags {
  readonly kind: Option.Option<string>
  readonly reason: Option.Option<DeadReason>
  readonly error: Option.Option<string>
  readonly tag: Option.Option<string>
  readonly olderThan: Option.Option<number>
  readonly newerThan: Option.Option<number>
}

const filterOf = ({ error, kind, newerThan, olderThan, reason, tag }: FilterFlags) =>
  Effect.map(Clock.currentTimeMillis, (now): DeadLetters.Filter => ({
    ...given({ kind, reason, tag }),
    ...given({ errorIncludes: error }),
    ...given({
      diedBefore: Option.map(olderThan, (millis) => now - millis + 1),
      diedAfter: Option.map(newerThan, (millis) => now - millis)
    })
  }))

const hasFilter = (flags: FilterFlags): boolean => Object.values(flags).some((flag) => Option.isSome(flag))

const pick = ({ error, kind, newerThan, olderThan, reason, tag }: FilterFlags): FilterFlags => ({
  ...{ error, kind, newerThan, olderThan, reason, tag }
})

const list = Command.make(
  "list",
  { queue, ...filterFlags, limit: limitFlag(1000), cursor: cursorFlag, showPayload: showPayloadFlag },
  ({ cursor, limit, queue: name, showPayload, ...flags }) =>
    connected(
      Effect.gen(function* () {
        const queue = yield* wholeQueue(name)
        const filter = yield* filterOf(flags)
        const { cursor: next = null, jobs } = yield* DeadLetters.listWhere(queue, filter, {
          limit,
          ...given({ cursor })
        })
        const isSharded = shardsOf(queue).length > 1
        const others = jobs.length === 0 && next === null ? yield* elsewhere(queue) : []
        yield* show({ jobs: jobs.map((job) => jobShape(job, showPayload)), cursor: next }, (ui) => {
          const more = `more with --cursor ${next}`
          if (jobs.length === 0) return next === null ? noneText(nameOf(queue), others) : `none so far; ${more}`
          return (
            ui.table(
              [
                { title: "ID" },
                ...(isSharded ? [{ title: "QUEUE" }] : []),
                { title: "KIND" },
                { title: "ATTEMPT", right: true },
                { title: "REASON" },
                { title: "DIED" },
                { title: showPayload ? "PAYLOAD" : "ERROR", shrinks: true }
              ],
              jobs.map((job) => [
                job.id,
                ...(isSharded ? [job.queue] : []),
                job.kind,
                `${job.attempt}/${job.maxAttempts}`,
                job.deadReason ?? "",
                when(job.finishedAt ?? job.enqueuedAt, ui.now),
                showPayload ? job.payload : oneLine(job.failures.at(-1)?.error ?? "")
              ])
            ) + (next === null ? "" : `\n${ui.dim(more)}`)
          )
        })
      })
    )
).pipe(Command.withDescription("List dead jobs, newest death first"))

/**
 * The queue to act on. Named jobs cannot be filtered as well: whoever names them means them. All of a queue are acted on
 * only when the queue is named: a forgotten flag must not move or remove what nobody meant.
 */
const chosen = Effect.fnUntraced(function* (
  queue: Option.Option<string>,
  { dryRun, flags, ids }: { readonly dryRun: boolean; readonly flags: FilterFlags; readonly ids: ReadonlyArray<JobId> }
) {
  const hasNames = ids.length > 0
  if (hasNames && hasFilter(flags)) return yield* new BadUsage({ why: "name jobs or filter them, not both" })
  if (Option.isNone(queue) && !hasNames && !hasFilter(flags) && !dryRun) {
    return yield* new BadUsage({ why: "say which: jobs, a filter, or --queue for all dead jobs of a queue" })
  }
  return Option.getOrElse(queue, () => defaultQueue)
})

/** Where the named jobs are dead letters, in the queue or its shards; fails when none is. */
const deadAmong = Effect.fnUntraced(function* (queue: AnyQueue, ids: ReadonlyArray<JobId>) {
  const store = yield* JobStore
  const shards = yield* Effect.forEach(shardsOf(queue), (shard) =>
    Effect.map(
      Effect.filter(
        ids,
        (id) => Effect.map(store.get(shard, id), (job) => Option.isSome(job) && job.value.state === "dead"),
        { concurrency: 16 }
      ),
      (dead) => ({ shard, dead })
    )
  )
  const dead = shards.flatMap((found) => found.dead)
  if (dead.length === 0) return yield* new NotFound({ what: `dead job ${ids.join(", ")} in queue ${nameOf(queue)}` })
  const missing = ids.filter((id) => !dead.includes(id)).length
  return { shards: shards.filter((found) => found.dead.length > 0), count: dead.length, missing }
})

const skippedText = ({ skipped }: DeadLetters.BulkReport): string =>
  [
    skipped["not-dead"] > 0 ? `${skipped["not-dead"]} not dead` : "",
    skipped["key-taken"] > 0 ? `${skipped["key-taken"]} whose unique key another job holds` : ""
  ]
    .filter((text) => text !== "")
    .join(", ")

const reportOfNamed = (matched: number, done: number, keyTaken = 0): DeadLetters.BulkReport => ({
  ...{ looked: matched, matched, done },
  skipped: { "not-dead": matched - done - keyTaken, "key-taken": keyTaken }
})

const bulkFlags = {
  ids: jobArgument.pipe(Argument.variadic()),
  queue: queueFlag.pipe(Flag.withDescription(`The queue (${defaultQueue}, unless all of it are meant)`), Flag.optional),
  ...filterFlags,
  limit: Flag.Int("limit").pipe(
    Flag.withAlias("n"),
    Flag.withDescription("Jobs at most (all)"),
    Flag.filter(
      (limit) => limit >= 1,
      () => "limit must be 1 at least"
    ),
    Flag.optional
  ),
  dryRun: dryRunFlag
}

const retry = Command.make("retry", bulkFlags, ({ dryRun, ids, limit, queue: asked, ...rest }) =>
  connected(
    Effect.gen(function* () {
      const flags = pick(rest)
      const name = yield* chosen(asked, { dryRun, flags, ids })
      const queue = yield* wholeQueue(name)
      const filter = yield* filterOf(flags)
      const total = yield* DeadLetters.count(queue)
      const found = ids.length > 0 ? yield* deadAmong(queue, ids) : undefined
      const report = yield* found !== undefined
        ? Effect.map(
            Effect.forEach(dryRun ? [] : found.shards, ({ dead, shard }) => DeadLetters.redrive(shard, dead)),
            (replies) => {
              const of = (wanted: string) => replies.flat().filter(({ outcome }) => outcome === wanted).length
              return reportOfNamed(dryRun ? found.count : found.count + found.missing, of("redriven"), of("key-taken"))
            }
          )
        : withProgress(`retrying in ${name}`, total, (tell) =>
            DeadLetters.redriveWhere(queue, filter, {
              dryRun,
              ...given({ limit }),
              onProgress: ({ looked }) => tell(looked)
            })
          )
      yield* show({ queue: name, dryRun, ...bulkShape(report) }, () =>
        dryRun
          ? `would retry ${plural(report.matched, "dead job")} from ${name}`
          : `retried ${plural(report.done, "dead job")} from ${name}`
      )
      const skipped = dryRun ? "" : skippedText(report)
      if (skipped !== "") return yield* new PartlyDone({ why: `not retried: ${skipped}` })
    })
  )
).pipe(
  Command.withDescription("Give dead jobs a new start: those named, those that match, or all"),
  Command.withExamples([
    { command: "winter dlq retry -q mail --error ECONNREFUSED --dry-run", description: "Count before acting" }
  ])
)

const purge = Command.make("purge", bulkFlags, ({ dryRun, ids, limit, queue: asked, ...rest }) =>
  connected(
    Effect.gen(function* () {
      const flags = pick(rest)
      const name = yield* chosen(asked, { dryRun, flags, ids })
      const queue = yield* wholeQueue(name)
      const filter = yield* filterOf(flags)
      const total = yield* DeadLetters.count(queue)
      const options = given({ limit })
      const found = ids.length > 0 ? yield* deadAmong(queue, ids) : undefined
      const matching =
        found !== undefined
          ? found.count
          : (yield* DeadLetters.purgeWhere(queue, filter, { ...options, dryRun: true })).matched
      if (!dryRun) yield* confirmMany(`purge from ${name}`, matching, "dead job")
      const report = yield* found !== undefined
        ? Effect.map(
            Effect.forEach(dryRun ? [] : found.shards, ({ dead, shard }) => DeadLetters.purge(shard, dead)),
            (counts) =>
              reportOfNamed(
                dryRun ? matching : matching + found.missing,
                counts.reduce((sum, purged) => sum + purged, 0)
              )
          )
        : withProgress(`purging ${name}`, total, (tell) =>
            DeadLetters.purgeWhere(queue, filter, { ...options, dryRun, onProgress: ({ looked }) => tell(looked) })
          )
      yield* show({ queue: name, dryRun, ...bulkShape(report) }, () =>
        dryRun
          ? `would purge ${plural(report.matched, "dead job")} from ${name}`
          : `purged ${plural(report.done, "dead job")} from ${name}`
      )
      const skipped = dryRun ? "" : skippedText(report)
      if (skipped !== "") return yield* new PartlyDone({ why: `not purged: ${skipped}` })
    })
  )
).pipe(Command.withDescription("Remove dead jobs for good: those named, those that match, or all"))

/** `winter dead` is its older name. */
export const dlq = Command.make("dlq").pipe(
  Command.withAlias("dead"),
  Command.withDescription("Look at dead letters, give them a new start, or remove them"),
  Command.withSubcommands([list, retry, purge])
)
