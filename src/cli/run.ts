import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Cause from "effect/Cause"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type { RedisUnsuitable } from "../backends/redis/index.ts"
import type { RedisSettings } from "../config/Config.ts"
import { Backend, type TlsTexts } from "./Backend.ts"
import { ConnectionFailed } from "./errors.ts"
import { exitCodes } from "./exit-code.ts"
import { presenter } from "./presenter.ts"
import { report } from "./report.ts"
import { Lifetime } from "./Lifetime.ts"
import { quietLogs } from "./logs.ts"
import { winter } from "./root.ts"
import { version } from "./version.ts"

// read only by commands that need it: loading the driver takes longer than most of them
const redis = Effect.promise(() => import("../backends/redis/index.ts"))

const driverOptions = (settings: RedisSettings, tls: TlsTexts) => ({
  ...(settings.username === undefined ? {} : { username: settings.username }),
  ...(settings.password === undefined ? {} : { password: Redacted.value(settings.password) }),
  ...(settings.db === undefined ? {} : { db: settings.db }),
  ...(settings.tls ? { tls } : {}),
  ...(settings.sentinels === undefined ? {} : { sentinels: [...settings.sentinels], name: settings.sentinelName })
})

/** As the doctor names them. */
const failedChecks: Readonly<Record<Exclude<RedisUnsuitable["reason"], "unreachable">, string>> = {
  "too-old": "version",
  evicting: "eviction",
  "read-only": "role",
  "cluster-node": "mode",
  "other-format": "data format",
  refused: "rights"
}

const ports = (settings: RedisSettings, tls: TlsTexts) =>
  Layer.effectContext(
    Effect.flatMap(redis, (Redis) =>
      Effect.mapError(
        Layer.build(
          Redis.layer({
            ...(settings.sentinels === undefined ? { url: Redacted.value(settings.url) } : {}),
            ...(settings.cluster === undefined ? {} : { cluster: { nodes: settings.cluster } }),
            prefix: settings.prefix,
            timeout: settings.timeoutMillis,
            redis: driverOptions(settings, tls)
          })
        ),
        ({ detail, reason }) =>
          new ConnectionFailed(reason === "unreachable" ? { detail } : { detail, check: failedChecks[reason] })
      )
    )
  )

const lifetime = { endsByRequest: false }

/** What the command line is made of in this process. */
const services = Layer.mergeAll(
  NodeServices.layer,
  quietLogs,
  Layer.succeed(Lifetime, lifetime),
  Layer.succeed(Backend, {
    layer: ports,
    aclUsers: (prefix) => Effect.map(redis, (Redis) => Redis.aclUsers(prefix))
  })
)

const args = process.argv.slice(2)
const asJson = args.includes("--json")

const main = Command.runWith(winter, { version })(args).pipe(
  Effect.as(exitCodes.ok as number),
  Effect.catch((failure) => report(failure, asJson)),
  Effect.provide(Layer.merge(services, CliOutput.layerPresenter(presenter(asJson))))
)

// a reader such as head may have seen enough
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  process.exit(error.code === "EPIPE" ? exitCodes.ok : exitCodes.failed)
})

// the first request to stop is heeded in good order, a second one at once
let requests = 0
process.on("SIGINT", () => {
  if (++requests > 1) process.exit(exitCodes.interrupted)
})

NodeRuntime.runMain(main, {
  teardown: (exit, onExit) => {
    if (Exit.isSuccess(exit)) return onExit(Number(exit.value))
    const isRequest = Cause.hasInterruptsOnly(exit.cause)
    return onExit(isRequest ? (lifetime.endsByRequest ? exitCodes.ok : exitCodes.interrupted) : exitCodes.failed)
  }
})
