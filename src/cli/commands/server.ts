import * as Effect from "effect/Effect"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Layer from "effect/Layer"
import type { Settings } from "../../config/Config.ts"
import { restarted } from "../../features/loops/Loops.ts"
import { JobStore } from "../../ports/JobStore.ts"
import { QueueControl } from "../../ports/QueueControl.ts"
import { announced } from "../announced.ts"
import { configSchedules } from "../config-schedules.ts"
import { store } from "../connected.ts"
import { given, portFlag } from "../flags.ts"
import { grpcOptions } from "../grpc-options.ts"
import { httpFlags, httpOptions } from "../http-options.ts"
import { Lifetime } from "../Lifetime.ts"
import { serviceLogs } from "../logs.ts"
import { measured, observable } from "../observable.ts"
import { putLimits } from "../queue-limits.ts"
import { settings } from "../settings.ts"
import { withShards } from "../shard-settings.ts"

/** Remote workers ask rather than being told, so due jobs are moved on about as often as the Go system did. */
const promoteMillis = 500
const promoteLimit = 1000

/** Moves on what is due in every queue; the server itself does so only with its sweeps. */
const promotion = (config: Settings) =>
  Effect.gen(function* () {
    const jobs = yield* JobStore
    const control = yield* QueueControl
    const names = new Set([...config.queues.map(({ name }) => name), ...(yield* control.queues)])
    yield* Effect.forEach(names, (queue) => jobs.promote(queue, promoteLimit), { discard: true })
  }).pipe(
    Effect.catch((error) => Effect.logWarning(`promotion did not succeed, and is tried again: ${error.message}`)),
    Effect.andThen(Effect.sleep(config.workers.pollMillis ?? promoteMillis)),
    Effect.forever
  )

export const server = Command.make(
  "server",
  {
    host: Flag.String("host").pipe(Flag.withDescription("Where to listen (127.0.0.1)"), Flag.optional),
    port: portFlag("port").pipe(Flag.withDescription("The port, 0 for a free one (50051)"), Flag.optional),
    ...httpFlags
  },
  ({ host, port, ...flags }) =>
    Effect.gen(function* () {
      const declared = yield* settings
      const config = withShards(declared)
      const http = yield* httpOptions(flags, declared)
      // read only here: no other command needs the protocol
      const { GrpcServer } = yield* Effect.promise(() => import("../../grpc/index.ts"))
      const served = GrpcServer.layer({ ...(yield* grpcOptions(declared)), ...given({ host, port }) })
      const queues = config.queues.map(({ name }) => name).join(",")
      const moving = Layer.effectDiscard(Effect.forkScoped(restarted("promotion", promotion(config))))
      const whole = measured(http, "all", Layer.provideMerge(moving, served))
      const running = announced("server", Effect.succeed({ queues }), whole).pipe(
        Layer.provideMerge(Layer.effectDiscard(putLimits(config.queues))),
        Layer.provideMerge(configSchedules(declared)),
        Layer.provide(yield* store)
      )
      const logged = Layer.provide(observable(http, running), serviceLogs(config.server.logLevel))
      return yield* Lifetime.untilStopped(Layer.launch(logged))
    })
).pipe(
  Command.withDescription(
    "Serve queues to producers and workers in any language (gRPC), keep them moving, and let schedules tick"
  )
)
