import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Backoff from "../../../src/domain/Backoff.ts"
import { Cancel, SkipRetry, Snooze } from "../../../src/domain/Steering.ts"
import * as Task from "../../../src/domain/Task.ts"
import * as Workflow from "../../../src/domain/Workflow.ts"
import { Client } from "../../../src/features/client/Client.ts"
import { type JobInfo, Worker } from "../../../src/features/worker/Worker.ts"
import { Workflows } from "../../../src/features/workflows/Workflows.ts"
import { type Recorder, recordedHandler } from "../history/recording.ts"
import type { Net } from "./link.ts"
import type { Process } from "./World.ts"

/** The result names the attempt that gave it. */
const options = {
  payload: { name: Schema.String },
  success: Schema.String,
  maxAttempts: 5,
  timeout: "20 seconds",
  retention: "10 minutes",
  backoff: Backoff.exponential("200 millis").pipe(Backoff.jittered, Backoff.capped("3 seconds"))
} as const

export class Work extends Task.make("sim.work", options) {}

/** Of it, only so many start in a while. */
export class Limited extends Task.make("sim.limited", {
  ...options,
  rateLimit: { limit: 5, per: "1 second", burst: 3 }
}) {}

/** Nothing of it is kept. */
export class Forgotten extends Task.make("sim.forgotten", {
  payload: options.payload,
  timeout: "20 seconds",
  maxAttempts: 3
}) {}

export class Step extends Task.make("sim.step", { ...options, maxAttempts: 3 }) {}

/** Nothing of it is kept but that it ended, for its workflow. */
export class Mute extends Task.make("sim.mute", {
  payload: options.payload,
  timeout: "20 seconds",
  maxAttempts: 3
}) {}

export const tasks = [Work, Limited, Forgotten, Step, Mute] as const

export const queueNames = (count: number): ReadonlyArray<string> => Array.from({ length: count }, (_, i) => `q${i}`)

/** Some shape of steps, each in some queue. */
export const someWorkflow = ({ swarm, world }: Net, depth = 2): Workflow.Workflow<unknown, unknown> => {
  const queues = queueNames(swarm.queues)
  const step = (
    task: typeof Step | typeof Mute = world.chance(0.3) ? Mute : Step
  ): Workflow.Workflow<unknown, unknown> =>
    Workflow.job<typeof Step | typeof Mute>(
      task,
      { name: "step" },
      {
        queue: world.pick(queues),
        ...(world.chance(0.1) ? { delay: world.between(1, 5000) } : {}),
        ...(world.chance(0.1) ? { maxAttempts: 1 } : {}),
        ...(world.chance(0.05) ? { expires: world.between(100, 5000) } : {})
      }
    )
  const part = () => (depth === 0 || world.chance(0.4) ? step() : someWorkflow({ swarm, world } as Net, depth - 1))
  const parts = () => Array.from({ length: world.between(1, 3) }, part)
  const shape = world.int(3)
  if (shape === 0) return Workflow.group(parts())
  if (shape === 1) return Workflow.chord(parts(), part())
  const [first, ...rest] = parts()
  return Workflow.chain(first!, ...rest)
}

/** What a handler does is drawn when it starts; once faults are over, all do their work at once. */
const act = (net: Net, job: JobInfo) =>
  Effect.gen(function* () {
    const { swarm, world } = net
    const { handlers, leaseMillis } = swarm
    const done = `${job.token}`
    if (!net.faulty) return done
    if (world.chance(handlers.note)) {
      yield* job.setProgress(job.token)
      yield* job.log(`attempt ${job.attempt}`, "goes on")
    }
    if (world.chance(handlers.enqueue) && !job.id.includes("+")) {
      if (world.chance(0.2)) yield* Workflows.start(someWorkflow(net, 1), { id: `${job.id}+w` })
      else
        yield* Client.enqueue(
          Work,
          { name: "child" },
          { id: `${job.id}+`, queue: world.pick(queueNames(swarm.queues)) }
        )
    }
    if (world.chance(handlers.slow)) yield* Effect.sleep(world.between(1, 2 * leaseMillis))
    if (world.chance(handlers.hang)) return yield* Effect.never
    if (world.chance(handlers.snooze)) return yield* Snooze.for(world.between(0, 3000))
    if (world.chance(handlers.cancel)) return yield* new Cancel({ reason: "the handler does not want it" })
    if (world.chance(handlers.skip)) return yield* new SkipRetry({ error: "the handler gives up" })
    if (world.chance(handlers.die)) return yield* Effect.die(new Error("a bug in a handler"))
    if (world.chance(handlers.fail)) return yield* Effect.fail(new Error("the handler fails"))
    if (world.chance(0.3)) yield* Effect.sleep(world.between(0, 300))
    return done
  })

/** Handlers of all tasks, whose runs are recorded as those of a process. */
export const handlersOf = (net: Net, recorder: Recorder, process: Process) => {
  const run = recordedHandler(recorder, process.name, (_: unknown, job) => act(net, job))
  return Layer.mergeAll(
    Worker.handler(Work, run),
    Worker.handler(Limited, run),
    Worker.handler(Step, run),
    Worker.handler(Mute, (payload, job) => Effect.asVoid(run(payload, job))),
    Worker.handler(Forgotten, (payload, job) => Effect.asVoid(run(payload, job)))
  )
}
