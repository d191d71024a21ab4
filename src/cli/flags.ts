import * as Option from "effect/Option"
import * as Result from "effect/Result"
import * as Argument from "effect/cli/Argument"
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import { parseDuration } from "../config/Config.ts"
import { JobState } from "../domain/Job.ts"
import { checkJobId, checkKind, checkQueue, type InvalidInput } from "../domain/limits.ts"
import { parseInstant } from "./parse-instant.ts"

/** Where the configuration is. */
export const ConfigFlag = GlobalFlag.Setting("config")({
  flag: Flag.String("config").pipe(
    Flag.withAlias("c"),
    Flag.withMetavar("<path>"),
    Flag.withDescription("Configuration file (YAML); also WINTER_CONFIG"),
    Flag.optional
  )
})

/** Where Redis is. Checked with the other settings: what is said of a flag shows its value, and there may be a password in it. */
export const RedisFlag = GlobalFlag.Setting("redis")({
  flag: Flag.String("redis").pipe(
    Flag.withMetavar("<host:port|url>"),
    Flag.withDescription("Redis address; before WINTER_REDIS_URL and the configuration"),
    Flag.optional
  )
})

export const PrefixFlag = GlobalFlag.Setting("prefix")({
  flag: Flag.String("prefix").pipe(
    Flag.withMetavar("<text>"),
    Flag.withDescription("What stands in front of every key (winterq)"),
    Flag.optional
  )
})

export const JsonFlag = GlobalFlag.Setting("json")({
  flag: Flag.Boolean("json").pipe(Flag.withDescription("Print JSON of a stable shape"), Flag.withDefault(false))
})

export const YesFlag = GlobalFlag.Setting("yes")({
  flag: Flag.Boolean("yes").pipe(
    Flag.withAlias("y"),
    Flag.withDescription("Do what cannot be undone without asking"),
    Flag.withDefault(false)
  )
})

/** What every command takes. */
export const globalFlags = [ConfigFlag, RedisFlag, PrefixFlag, JsonFlag, YesFlag] as const

const accepts = (check: (text: string) => Result.Result<void, InvalidInput>) =>
  [(text: string) => Result.isSuccess(check(text)), (text: string) => messageOf(check(text))] as const

const messageOf = (result: Result.Result<void, InvalidInput>): string =>
  Result.isFailure(result) ? result.failure.message : ""

export const queueFlag = Flag.String("queue").pipe(
  Flag.withAlias("q"),
  Flag.withDescription("The queue"),
  Flag.filter(...accepts(checkQueue))
)

export const queueArgument = Argument.String("queue").pipe(
  Argument.withDescription("The queue"),
  Argument.filter(...accepts(checkQueue))
)

export const kindFlag = Flag.String("kind").pipe(
  Flag.withAlias("k"),
  Flag.withDescription("The kind of job"),
  Flag.filter(...accepts(checkKind))
)

export const jobArgument = Argument.String("id").pipe(
  Argument.withDescription("The job's id"),
  Argument.filter(...accepts(checkJobId))
)

export const tagFlag = Flag.String("tag").pipe(Flag.withDescription("Only jobs with this tag"), Flag.optional)

/** Durations such as `500ms`, `1m30s`, `7d`; in milliseconds. */
export const durationFlag = (name: string) =>
  Flag.String(name).pipe(
    Flag.withMetavar("<duration>"),
    Flag.filterMap(
      (text) => Result.getSuccess(parseDuration(text)),
      (text) => {
        const result = parseDuration(text)
        return `${name} ${Result.isFailure(result) ? result.failure : ""}`
      }
    )
  )

/** Instants such as `2030-01-31T09:00Z`; epoch milliseconds. */
export const instantFlag = (name: string) =>
  Flag.String(name).pipe(
    Flag.withMetavar("<instant>"),
    Flag.filterMap(
      (text) => Result.getSuccess(parseInstant(text)),
      (text) => `${name} ${Result.merge(parseInstant(text))}`
    )
  )

export const portFlag = (name: string) =>
  Flag.Int(name).pipe(
    Flag.filter(
      (port) => port >= 0 && port <= 65_535,
      () => `${name} must be from 0 to 65535`
    )
  )

export const limitFlag = (most: number) =>
  Flag.Int("limit").pipe(
    Flag.withAlias("n"),
    Flag.withDescription(`How many at most (50; up to ${most})`),
    Flag.filter(
      (limit) => limit >= 1 && limit <= most,
      (limit) => `limit must be from 1 to ${most}, not ${limit}`
    ),
    Flag.withDefault(50)
  )

export const cursorFlag = Flag.String("cursor").pipe(Flag.withDescription("Where an earlier page ended"), Flag.optional)

export const showPayloadFlag = Flag.Boolean("show-payload").pipe(
  Flag.withDescription("Show payloads and results too"),
  Flag.withDefault(false)
)

export const stateFlag = Flag.Literals("state", JobState.literals).pipe(
  Flag.withAlias("s"),
  Flag.withDescription("Only jobs in this state")
)

export const dryRunFlag = Flag.Boolean("dry-run").pipe(
  Flag.withDescription("Only tell what would be done"),
  Flag.withDefault(false)
)

/** Options as callers of the library name them: those left out are not there. */
export const given = <A extends Record<string, unknown>>(
  options: A
): { readonly [K in keyof A]?: A[K] extends Option.Option<infer B> ? B : A[K] } =>
  Object.fromEntries(
    Object.entries(options).flatMap(([name, value]) => {
      if (!Option.isOption(value)) return [[name, value]]
      return Option.isSome(value) ? [[name, value.value]] : []
    })
  ) as { readonly [K in keyof A]?: A[K] extends Option.Option<infer B> ? B : A[K] }
