import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { checkQueues } from "../../domain/check-queues.ts"
import { checkQueue, InvalidInput } from "../../domain/limits.ts"
import * as Health from "../../features/health/Health.ts"
import { WorkerOverrides } from "../../features/worker/Worker.ts"
import { StoreError } from "../../ports/StoreError.ts"
import { announced } from "../announced.ts"
import { configSchedules } from "../config-schedules.ts"
import { store } from "../connected.ts"
import { BadFile, CannotListen, ConnectionFailed } from "../errors.ts"
import { durationFlag, given } from "../flags.ts"
import { httpFlags, httpOptions } from "../http-options.ts"
import { Lifetime } from "../Lifetime.ts"
import { serviceLogs } from "../logs.ts"
import { measured, observable } from "../observable.ts"
import { putLimits } from "../queue-limits.ts"
import { settings } from "../settings.ts"
import { withShards } from "../shard-settings.ts"
import { loadWorker } from "../worker-module.ts"
import { overridesOf } from "../worker-options.ts"

const queueShare = /^([^=]+)(?:=(\d+(?:\.\d+)?))?$/

/** `critical=6,mail`: names with their weights. */
const sharesOf = (text: string) => {
  const shares = text.split(",").map((part) => queueShare.exec(part.trim()))
  return shares.some((share) => share === null || checkQueue(share[1]!)._tag === "Failure")
    ? Option.none()
    : Option.some(
        shares.map((share) => ({
          name: share![1]!,
          ...(share![2] === undefined ? {} : { weight: Number(share![2]) })
        }))
      )
}

/** Who the workers of a module are, and what they serve. */
const aboutWorkers = (module: string) =>
  Effect.map(Health.statuses, (workers) => ({
    module,
    worker: workers.map(({ id }) => id).join(","),
    queues: [...new Set(workers.flatMap(({ queues = [] }) => queues))].join(",")
  }))

const known = [InvalidInput, StoreError, ConnectionFailed, CannotListen] as const

/** A user's layer may fail with anything; what is known keeps its exit code. */
const failureOf = (file: string) => (error: unknown) => {
  const ours = known.find((one) => error instanceof one)
  if (ours !== undefined) return error as InstanceType<(typeof known)[number]>
  return new BadFile({
    file,
    why: `its worker does not start: ${error instanceof Error ? error.message : String(error)}`
  })
}

export const worker = Command.make(
  "worker",
  {
    module: Flag.String("module").pipe(
      Flag.withAlias("m"),
      Flag.withMetavar("<path>"),
      Flag.withDescription("The module with your handlers; TypeScript runs as it is")
    ),
    queues: Flag.String("queues").pipe(
      Flag.withAlias("q"),
      Flag.withMetavar("<name[=weight],...>"),
      Flag.withDescription("What to serve (the configuration's queues, or those of the tasks)"),
      Flag.filterMap(sharesOf, (text) => `queues must be names with weights such as critical=6,mail, not ${text}`),
      Flag.withDefault([])
    ),
    strict: Flag.Boolean("strict").pipe(
      Flag.withDescription("Serve a queue only while earlier ones are empty"),
      Flag.withDefault(false)
    ),
    concurrency: Flag.Int("concurrency").pipe(
      Flag.withDescription("Handlers at once (10)"),
      Flag.filter(
        (n) => n >= 1,
        () => "concurrency must be 1 at least"
      ),
      Flag.optional
    ),
    drain: durationFlag("drain").pipe(
      Flag.withDescription("How long handlers may go on when it is told to stop (30s)"),
      Flag.optional
    ),
    ...httpFlags
  },
  ({ concurrency, drain, module, queues, strict, ...flags }) =>
    Effect.gen(function* () {
      const config = yield* settings
      const overrides = overridesOf({ queues, strict, ...given({ concurrency, drainMillis: drain }) }, config)
      const http = yield* httpOptions(flags, config)
      // before anything of the configuration is put in force
      if (overrides.queues !== undefined && "order" in overrides.queues) {
        yield* Effect.fromResult(checkQueues(overrides.queues))
      }
      const layer = yield* loadWorker(module)
      const running = announced("worker", aboutWorkers(module), measured(http, "served", layer)).pipe(
        Layer.provide(Layer.succeed(WorkerOverrides, overrides)),
        Layer.provideMerge(Layer.effectDiscard(putLimits(withShards(config).queues))),
        Layer.provideMerge(configSchedules(config)),
        Layer.provide(yield* store)
      )
      const logged = Layer.provide(observable(http, running), serviceLogs(config.server.logLevel))
      return yield* Lifetime.untilStopped(Layer.launch(logged)).pipe(
        Effect.mapError(failureOf(module)),
        // what a layer needs and nobody provides is a defect that names it
        Effect.catchDefect((defect) => Effect.fail(failureOf(module)(defect))),
        Effect.tapCause((cause) => Effect.logDebug("worker ended", Cause.hasInterrupts(cause)))
      )
    })
).pipe(
  Command.withDescription("Run the handlers of a module until told to stop; then finish what runs"),
  Command.withExamples([
    { command: "winter worker --module ./handlers.ts --queues critical=6,mail=3 --concurrency 50", description: "" }
  ])
)
