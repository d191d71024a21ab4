import * as Effect from "effect/Effect"
import * as Command from "effect/cli/Command"
import * as Layer from "effect/Layer"
import type { Settings } from "../../config/Config.ts"
import { policyOf, sweep } from "../../features/maintenance/Maintenance.ts"
import * as Schedules from "../../features/schedules/Schedules.ts"
import { maintain } from "../../features/workflows/Workflows.ts"
import { JobStore } from "../../ports/JobStore.ts"
import { QueueControl } from "../../ports/QueueControl.ts"
import { configSchedules } from "../config-schedules.ts"
import { store } from "../connected.ts"
import { Lifetime } from "../Lifetime.ts"
import { serviceLogs } from "../logs.ts"
import { putLimits } from "../queue-limits.ts"
import { settings } from "../settings.ts"

/** Without workers somebody still has to move on what is due, so the server looks about as often as the Go system did. */
const promoteMillis = 500
const sweepMillis = 5000
const promoteLimit = 1000

/** Every queue that is known or configured; new ones are found as they come. */
const queuesOf = (config: Settings) =>
  QueueControl.use((control) =>
    Effect.map(control.queues, (known) => [...new Set([...config.queues.map(({ name }) => name), ...known])])
  )

const again = <E extends { readonly message: string }, R>(
  what: string,
  millis: number,
  work: Effect.Effect<void, E, R>
) =>
  work.pipe(
    Effect.catch((error) => Effect.logWarning(`${what} did not succeed, and is tried again: ${error.message}`)),
    Effect.andThen(Effect.sleep(millis)),
    Effect.forever
  )

/** Moves on what is due, takes back what nobody holds, removes what is over: what workers do for their queues. */
const maintenance = (config: Settings) => {
  const { deadMillis, maxDead, maxFinished } = config.retention
  const policy = policyOf({
    ...(deadMillis === undefined ? {} : { dead: deadMillis }),
    ...(maxDead === undefined ? {} : { maxDead }),
    ...(maxFinished === undefined ? {} : { maxFinished })
  })
  const queues = queuesOf(config)
  const promote = Effect.gen(function* () {
    const jobs = yield* JobStore
    yield* Effect.forEach(yield* queues, (queue) => jobs.promote(queue, promoteLimit), { discard: true })
  })
  const tidy = Effect.gen(function* () {
    const names = yield* queues
    yield* Effect.forEach(names, (queue) => sweep(queue, policy), { discard: true })
    yield* maintain(names)
  })
  return Effect.all(
    [
      again("promotion", config.workers.pollMillis ?? promoteMillis, promote),
      again("maintenance", config.workers.sweepMillis ?? sweepMillis, tidy)
    ],
    { concurrency: "unbounded", discard: true }
  )
}

export const server = Command.make("server", {}, () =>
  Effect.gen(function* () {
    const config = yield* settings
    const running = Layer.effectDiscard(
      Effect.gen(function* () {
        yield* putLimits(config.queues)
        yield* Effect.annotateLogs(Effect.logInfo("server started"), {
          queues: config.queues.map(({ name }) => name).join(",")
        })
        return yield* maintenance(config)
      })
    ).pipe(
      Layer.provideMerge(Layer.mergeAll(configSchedules(config), Schedules.tickerLayer())),
      Layer.provide(yield* store),
      Layer.provide(serviceLogs(config.server.logLevel))
    )
    return yield* Lifetime.untilStopped(Layer.launch(running))
  })
).pipe(Command.withDescription("Keep queues moving without a worker: promote, take back, tidy, let schedules tick"))
