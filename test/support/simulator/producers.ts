import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { Client, type EnqueueOptions } from "../../../src/features/client/Client.ts"
import * as Schedules from "../../../src/features/schedules/Schedules.ts"
import { Workflows } from "../../../src/features/workflows/Workflows.ts"
import { DeadLetterStore } from "../../../src/ports/DeadLetterStore.ts"
import type { EnqueueOutcome } from "../../../src/ports/JobStore.ts"
import { JobStore } from "../../../src/ports/JobStore.ts"
import { QueueControl } from "../../../src/ports/QueueControl.ts"
import type { AnyTask } from "../../../src/domain/Task.ts"
import type { Recorder } from "../history/recording.ts"
import type { Net } from "./link.ts"
import { Forgotten, Limited, queueNames, someWorkflow, Work } from "./tasks.ts"

const outcomes: Readonly<Record<string, EnqueueOutcome["_tag"]>> = {
  enqueued: "Enqueued",
  existing: "Existing",
  conflict: "Existing",
  duplicate: "Duplicate",
  replaced: "Replaced"
}

/** What is said of one order, beyond its task. */
const someOptions = ({ swarm, world }: Net, task: AnyTask, id: string): EnqueueOptions<AnyTask> => {
  const { delayed, expiring, unique } = swarm.orderKinds
  const key = `key-${world.int(3)}`
  const uniques = [
    { key },
    { key, until: "started" as const },
    { key, replace: true },
    { key: `window-${world.int(2)}`, window: world.between(500, 10_000) }
  ]
  return {
    id,
    queue: world.pick(queueNames(swarm.queues)),
    ...(world.chance(0.3) ? { priority: world.pick([1, 5, 9]) } : {}),
    ...(world.chance(0.3) ? { maxAttempts: world.between(1, 4) } : {}),
    ...(world.chance(delayed) ? { delay: world.between(0, 10_000) } : {}),
    ...(world.chance(expiring) ? { expires: world.between(1, 10_000) } : {}),
    ...(task !== Forgotten && world.chance(unique) ? { unique: world.pick(uniques) } : {})
  }
}

/**
 * Enqueues jobs and starts workflows, one after the other, and asks again under the same id until it is told. Some
 * orders are given up after a while, and some jobs are waited for.
 */
export const producing = (net: Net, recorder: Recorder, name: string) =>
  Effect.gen(function* () {
    const { swarm, world } = net
    const { awaited, broken, forgotten, limited, workflow } = swarm.orderKinds
    const store = yield* JobStore
    const patient = Schedule.spaced("200 millis")

    const order = (i: number) =>
      Effect.gen(function* () {
        const id = `${name}-${i}`
        const tries = Effect.retry({ schedule: patient, times: world.chance(0.1) ? 1 : Infinity })
        if (world.chance(workflow)) {
          const flow = someWorkflow(net)
          const onFailure = world.pick(["stop", "finish", "continue"] as const)
          const deadline = world.chance(0.15) ? { deadline: world.between(500, 20_000) } : {}
          yield* Workflows.start(flow, { id, onFailure, ...deadline }).pipe(tries)
          if (world.chance(awaited)) yield* Workflows.awaitEnd(id).pipe(Effect.retry(patient))
          return
        }
        if (world.chance(broken)) {
          const job = { id, kind: Work.kind, payload: "{", priority: 5, maxAttempts: 3, retainMillis: 60_000 }
          yield* store.enqueue("q0", [job]).pipe(tries)
          return
        }
        const task = world.chance(limited) ? Limited : world.chance(forgotten) ? Forgotten : Work
        const options = someOptions(net, task, id) as EnqueueOptions<typeof Work>
        const told = yield* Client.enqueue(task as typeof Work, { name: id }, options).pipe(tries)
        const outcome = outcomes[told.outcome]!
        yield* recorder.say(name, { _tag: "Accepted", queue: told.queue, jobId: told.id, outcome })
        if (world.chance(awaited)) yield* Effect.ignore(Client.awaitResult(told))
      }).pipe(Effect.ignore)

    yield* Effect.forEach(
      Array.from({ length: swarm.orders }, (_, i) => i),
      (i) =>
        Effect.andThen(
          Effect.sleep(world.between(0, (2 * swarm.safetyMillis) / (swarm.orders + 1))),
          world.chance(0.5) ? Effect.forkChild(order(i)) : order(i)
        )
    ).pipe(Effect.andThen(Effect.yieldNow))
  }).pipe(Effect.provide(Layer.merge(Client.layer, Workflows.layer)))

const schedules = ["schedule-0", "schedule-1"]

/** Steers what the producers have enqueued: as people do, at any time. */
export const operating = (net: Net, ids: () => ReadonlyArray<{ readonly queue: string; readonly id: string }>) =>
  Effect.gen(function* () {
    const { swarm, world } = net
    const { operator } = swarm
    const jobs = yield* JobStore
    const dead = yield* DeadLetterStore
    const control = yield* QueueControl
    const queues = queueNames(swarm.queues)

    const turn = Effect.gen(function* () {
      const queue = world.pick(queues)
      const known = ids()
      if (world.chance(operator.pause)) {
        yield* control.pause(queue)
        yield* Effect.sleep(world.between(0, 3000))
        yield* control.resume(queue).pipe(Effect.retry(Schedule.spaced("200 millis")))
      }
      if (known.length > 0 && world.chance(operator.cancel)) {
        const { id, queue: where } = world.pick(known)
        yield* jobs.cancel({ queue: where, jobId: id, reason: "the operator does not want it" })
      }
      if (known.length > 0 && world.chance(operator.redrive)) {
        const { id, queue: where } = world.pick(known)
        yield* dead.redrive(where, world.chance(0.5) ? { oldest: world.between(1, 3) } : { jobIds: [id] })
      }
      if (world.chance(operator.purge)) yield* dead.purge(queue, { oldest: 1 })
      if (world.chance(operator.limit)) {
        yield* control.setLimits(queue, world.chance(0.3) ? {} : { maxActive: world.between(1, 4) })
      }
      if (world.chance(operator.rate)) {
        const limit = { limit: world.between(1, 10), perMillis: 1000, burst: world.between(1, 5) }
        yield* control.setRateLimit(queue, Limited.kind, limit)
      }
      if (world.chance(operator.schedule)) {
        const choices = {
          every: world.between(1000, 4000),
          queue,
          missed: world.pick(["skip", "latest", { all: 3 }] as const),
          overlap: world.pick(["allow", "skip"] as const)
        }
        yield* Schedules.upsert(Schedules.entry(world.pick(schedules), Work, { ...choices, payload: { name: "tick" } }))
      }
      if (world.chance(operator.cancelWorkflow)) {
        const { workflows } = yield* Workflows.list({ state: "running", limit: 10 })
        if (workflows.length > 0) yield* Workflows.cancel(world.pick(workflows).id)
      }
    }).pipe(Effect.ignore)

    while (net.faulty) {
      yield* turn
      yield* Effect.sleep(1000)
    }
    // calls that are carried out late may still pause one
    while (net.stray > 0) yield* Effect.sleep(1000)
    for (const name of schedules) yield* Schedules.remove(name).pipe(Effect.retry(Schedule.spaced("200 millis")))
    for (const queue of queues) yield* control.resume(queue).pipe(Effect.retry(Schedule.spaced("200 millis")))
  }).pipe(Effect.provide(Workflows.layer))
