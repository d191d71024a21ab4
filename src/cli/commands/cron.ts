import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Option from "effect/Option"
import { listed } from "../../features/schedules/RawSchedules.ts"
import * as Schedules from "../../features/schedules/Schedules.ts"
import { confirm } from "../confirm.ts"
import { connected } from "../connected.ts"
import { BadUsage, NotFound } from "../errors.ts"
import { dryRunFlag, given, instantFlag, queueFlag } from "../flags.ts"
import { instant, plural, when } from "../format.ts"
import { show } from "../output.ts"
import { oneQueue } from "../known-queues.ts"
import { scheduleDetails, scheduleTable } from "../schedule-text.ts"
import { scheduleShape } from "../shapes.ts"

const nameArgument = Argument.String("name").pipe(Argument.withDescription("The schedule's name"))

const countFlag = Flag.Int("count").pipe(
  Flag.withAlias("n"),
  Flag.withDescription("How many (5)"),
  Flag.filter(
    (count) => count >= 1 && count <= 1000,
    () => "count must be from 1 to 1000"
  ),
  Flag.withDefault(5)
)

const list = Command.make(
  "list",
  {
    queue: queueFlag.pipe(Flag.optional),
    group: Flag.String("group").pipe(Flag.withDescription("Only those of this declaration"), Flag.optional)
  },
  ({ group, queue }) =>
    connected(
      Effect.gen(function* () {
        const { schedules, unreadable } = yield* listed({
          ...given({ group }),
          ...(Option.isSome(queue) ? { queue: yield* oneQueue(queue.value) } : {})
        })
        yield* show({ schedules: schedules.map(scheduleShape), unreadable }, (ui) =>
          schedules.length + unreadable.length === 0 ? "no schedules" : scheduleTable(ui, schedules, unreadable)
        )
      })
    )
).pipe(Command.withDescription("Show all schedules and when they tick next"))

const get = Command.make("get", { name: nameArgument }, ({ name }) =>
  connected(
    Effect.gen(function* () {
      const schedule = yield* Schedules.get(name)
      if (Option.isNone(schedule)) return yield* new NotFound({ what: `schedule ${name}` })
      yield* show(scheduleShape(schedule.value), (ui) => scheduleDetails(ui, schedule.value))
    })
  )
).pipe(Command.withDescription("Show one schedule"))

const next = Command.make("next", { name: nameArgument, count: countFlag }, ({ count, name }) =>
  connected(
    Effect.gen(function* () {
      const ticks = yield* Schedules.next(name, count)
      yield* show({ name, ticks }, (ui) =>
        ticks.length === 0 ? `${name} is paused` : ticks.map((tick) => when(tick, ui.now)).join("\n")
      )
    })
  )
).pipe(Command.withDescription("Show the next ticks of a schedule"))

const pause = Command.make("pause", { name: nameArgument }, ({ name }) =>
  connected(
    Effect.gen(function* () {
      const changed = yield* Schedules.pause(name)
      yield* show({ name, paused: true, changed }, () => (changed ? `paused ${name}` : `${name} was paused already`))
    })
  )
).pipe(Command.withDescription("Stop a schedule from ticking; deploys leave it so"))

const resume = Command.make("resume", { name: nameArgument }, ({ name }) =>
  connected(
    Effect.gen(function* () {
      const changed = yield* Schedules.resume(name)
      yield* show({ name, paused: false, changed }, () => (changed ? `resumed ${name}` : `${name} was not paused`))
    })
  )
).pipe(Command.withDescription("Let a schedule tick again, from now on"))

const trigger = Command.make("trigger", { name: nameArgument }, ({ name }) =>
  connected(
    Effect.gen(function* () {
      const { id, queue } = yield* Schedules.trigger(name)
      yield* show({ name, id, queue }, () => `enqueued ${id} (schedule=${name} queue=${queue})`)
    })
  )
).pipe(Command.withDescription("Enqueue a job of a schedule now, paused or not"))

const remove = Command.make("remove", { name: nameArgument }, ({ name }) =>
  connected(
    Effect.gen(function* () {
      yield* confirm(`Remove schedule ${name}`)
      if (!(yield* Schedules.remove(name))) return yield* new NotFound({ what: `schedule ${name}` })
      yield* show({ name, removed: true }, () => `removed ${name}`)
    })
  )
).pipe(Command.withDescription("Remove a schedule; one that is still declared comes back with the next start"))

const backfill = Command.make(
  "backfill",
  {
    name: nameArgument,
    from: instantFlag("from").pipe(Flag.withDescription("Ticks after this instant (ISO 8601; UTC without a zone)")),
    to: instantFlag("to").pipe(Flag.withDescription("Up to this instant (now)"), Flag.optional),
    limit: Flag.Int("limit").pipe(
      Flag.withAlias("n"),
      Flag.withDescription("Ticks at most, oldest first (1000)"),
      Flag.filter(
        (limit) => limit >= 1 && limit <= 1000,
        () => "limit must be from 1 to 1000"
      ),
      Flag.withDefault(1000)
    ),
    dryRun: dryRunFlag
  },
  ({ dryRun, from, limit, name, to }) =>
    connected(
      Effect.gen(function* () {
        const until = Option.isSome(to) ? to.value : yield* Clock.currentTimeMillis
        if (until < from) return yield* new BadUsage({ why: "--to must not be before --from" })
        const { stored, ticks } = yield* Schedules.backfill(name, { from, to: until, limit, dryRun })
        yield* show({ name, dryRun, ticks, stored }, () =>
          dryRun
            ? [...ticks.map(instant), `would look at ${plural(ticks.length, "tick")} of ${name}`].join("\n")
            : `enqueued ${plural(stored, "job")} of ${plural(ticks.length, "tick")} of ${name}`
        )
      })
    )
).pipe(
  Command.withDescription("Enqueue the jobs of past ticks that left none"),
  Command.withExamples([
    { command: "winter cron backfill report --from 2026-01-01T00:00:00Z --dry-run", description: "Look first" }
  ])
)

export const cron = Command.make("cron").pipe(
  Command.withDescription("Look at schedules and steer them"),
  Command.withSubcommands([list, get, next, pause, resume, trigger, backfill, remove])
)
