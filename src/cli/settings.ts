import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Redacted from "effect/Redacted"
import {
  addressProblem,
  type ConfigInvalid,
  type ConfigText,
  noConfig,
  parseConfig,
  readConfig,
  type Settings,
  urlOf
} from "../config/Config.ts"
import type { TlsTexts } from "./Backend.ts"
import { BadFile, BadUsage } from "./errors.ts"
import { ConfigFlag, PrefixFlag, RedisFlag } from "./flags.ts"

/** A variable of the environment; nothing when it is not set. */
const variable = (name: string): Effect.Effect<string | undefined> =>
  Effect.map(Effect.orDie(Config.option(Config.String(name))), Option.getOrUndefined)

/** A text file, with the reason when it cannot be read. */
export const readText = (file: string): Effect.Effect<string, BadFile, FileSystem.FileSystem> =>
  FileSystem.FileSystem.use((files) => files.readFileString(file)).pipe(
    Effect.mapError((error) => {
      const why = error.reason._tag === "NotFound" ? "there is no such file" : `cannot be read: ${error.message}`
      return new BadFile({ file, why })
    })
  )

const configFile = Effect.gen(function* () {
  const flag = yield* ConfigFlag
  return Option.isSome(flag) ? flag.value : yield* variable("WINTER_CONFIG")
})

const configText: Effect.Effect<ConfigText, BadFile, FileSystem.FileSystem | typeof ConfigFlag.Identifier> = Effect.gen(
  function* () {
    const file = yield* configFile
    return file === undefined || file === "" ? noConfig : parseConfig(file, yield* readText(file))
  }
)

/** A URL says all of where it leads; a bare address leaves user, password and database to the configuration. */
const withAddress = ({ redis, ...rest }: Settings, address: string): Settings => {
  const { cluster: _cluster, sentinelName: _name, sentinels: _sentinels, ...single } = redis
  return { ...rest, redis: { ...single, url: Redacted.make(urlOf(address)) } }
}

/**
 * The configuration of this run. What a flag says comes before the environment, that before the file, and that before
 * the defaults.
 */
export const settings: Effect.Effect<
  Settings,
  BadFile | BadUsage | ConfigInvalid,
  FileSystem.FileSystem | typeof ConfigFlag.Identifier | typeof RedisFlag.Identifier | typeof PrefixFlag.Identifier
> = Effect.gen(function* () {
  const text = yield* configText
  const values = new Map<string, string>()
  for (const name of text.variables) {
    const value = yield* variable(name)
    if (value !== undefined) values.set(name, value)
  }
  const read = yield* Effect.fromResult(readConfig(text, (name) => values.get(name)))
  const address = yield* RedisFlag
  const problem = Option.isSome(address) ? addressProblem(address.value) : undefined
  if (problem !== undefined) return yield* new BadUsage({ why: `--redis ${problem}` })
  const addressed = Option.isSome(address) ? withAddress(read, address.value) : read
  const prefix = yield* PrefixFlag
  if (Option.isNone(prefix)) return addressed
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(prefix.value)) {
    return yield* new BadUsage({ why: `prefix must be 1 to 64 of A-Z a-z 0-9 . _ -, not ${prefix.value}` })
  }
  return { ...addressed, redis: { ...addressed.redis, prefix: prefix.value } }
})

/** Files of the configuration are named from its folder. */
export const readBeside = Effect.fnUntraced(function* (file: string) {
  const path = yield* Path.Path
  const config = yield* configFile
  return yield* readText(config === undefined ? file : path.resolve(path.dirname(config), file))
})

/** The texts of all TLS files that are named. */
export const tlsTexts = Effect.fnUntraced(function* (files: Settings["redis"]["tlsFiles"]) {
  const texts: { -readonly [Name in keyof TlsTexts]: TlsTexts[Name] } = {}
  for (const name of ["ca", "cert", "key"] as const) {
    const file = files[name]
    if (file !== undefined) texts[name] = yield* readBeside(file)
  }
  return texts
})

/** The settings of one queue; none when the configuration does not name it. */
export const queueSettings = (name: string) =>
  Effect.map(settings, ({ queues }) => queues.find((queue) => queue.name === name))
