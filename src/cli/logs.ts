import * as Effect from "effect/Effect"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import { TerminalCapabilities } from "effect/cli/TerminalCapabilities"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as References from "effect/References"
import type { LogLevel } from "../config/Config.ts"

/** Commands that answer print their answer alone; what else is to be said goes to stderr, from warnings on. */
export const quietLogs: Layer.Layer<never> = Layer.mergeAll(
  Logger.layer([Logger.withConsoleError(Logger.formatSimple)]),
  Layer.succeed(References.MinimumLogLevel, "Warn")
)

/** Processes that run for long log to stdout: JSON lines, or text on a terminal. `--log-level` comes before the configuration. */
export const serviceLogs = (level: LogLevel) =>
  Layer.unwrap(
    Effect.gen(function* () {
      const { canAnimate } = yield* TerminalCapabilities
      const asked = yield* GlobalFlag.LogLevel
      return Layer.mergeAll(
        Logger.layer([canAnimate ? Logger.consolePretty() : Logger.consoleJson]),
        Layer.succeed(
          References.MinimumLogLevel,
          Option.getOrElse(asked, () => level)
        )
      )
    })
  )
