import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Memory from "../../../src/backends/memory/index.ts"
import * as Queues from "../../../src/domain/Queues.ts"
import { Client } from "../../../src/features/client/Client.ts"
import { Worker } from "../../../src/features/worker/Worker.ts"
import { Workflows } from "../../../src/features/workflows/Workflows.ts"
import { DeadLetterStore } from "../../../src/ports/DeadLetterStore.ts"
import { endingHeldMillis, JobStore } from "../../../src/ports/JobStore.ts"
import { QueueControl } from "../../../src/ports/QueueControl.ts"
import { WorkflowStore } from "../../../src/ports/WorkflowStore.ts"
import { type FinalState, type History, probeKind } from "../history/History.ts"
import { readFinal } from "../history/read-final.ts"
import { recordedHooks, Recorder, recording } from "../history/recording.ts"
import { linkTo, type Net, type StorePorts } from "./link.ts"
import { operating, producing } from "./producers.ts"
import { type Changes, type Swarm, swarmOf } from "./Swarm.ts"
import { handlersOf, queueNames, tasks } from "./tasks.ts"
import { type Process, World } from "./World.ts"

/** Within how long everything must have ended once faults are over, in milliseconds; docs/guarantees.md says why. */
export const drainMillis = 120_000

export interface Simulated {
  readonly swarm: Swarm
  readonly history: History
  /** Faults, by kind. */
  readonly faults: Readonly<Record<string, number>>
  readonly steps: number
}

class Run {
  readonly swarm: Swarm
  readonly recorder = new Recorder()
  readonly world: World
  readonly store: Process
  readonly net: Net
  readonly ports: Context.Context<StorePorts>
  readonly faults: Record<string, number> = {}
  readonly #open = new Set<Process>()
  readonly #stops = new Map<Process, Latch.Latch>()
  #born = 0
  #closing = false

  constructor(seed: number, changes: Changes) {
    const swarm = swarmOf(seed, changes)
    this.swarm = swarm
    const complain = (process: string, message: string) => this.say(process, { _tag: "Problem", message })
    this.world = new World({ seed, yields: swarm.yields, shuffles: swarm.shuffles, complain })
    this.store = this.world.spawn("store")
    this.net = {
      world: this.world,
      swarm,
      store: this.store,
      faulty: true,
      stray: 0,
      outageUntil: 0,
      cutOffUntil: new Map(),
      fault: (process, kind, detail) => this.fault(process.name, kind, detail)
    }
    const scope = Effect.runSyncWith(this.store.context)(Scope.make())
    this.ports = Effect.runSyncWith(this.store.context)(Scope.provide(Layer.build(Memory.layer), scope))
  }

  say(process: string, body: Parameters<Recorder["add"]>[2]): void {
    this.recorder.add(process, this.store.clock.currentTimeMillisUnsafe(), body)
  }

  fault(process: string, kind: string, detail?: string): void {
    this.faults[kind] = (this.faults[kind] ?? 0) + 1
    this.say(process, { _tag: "Fault", kind, ...(detail === undefined ? {} : { detail }) })
  }

  /** Asks the store as nobody else can: at once, and without a trace. */
  ask<A, E>(effect: Effect.Effect<A, E, StorePorts>): A {
    return Effect.runSyncWith(this.store.context)(Effect.provideContext(effect, this.ports))
  }

  /** A process with the store at the other end of its line. */
  #join(name: string) {
    const process = this.world.spawn(name)
    this.#open.add(process)
    const recorded = Effect.runSyncWith(this.store.context)(
      Effect.scoped(Layer.build(recording(this.recorder, name).pipe(Layer.provide(Layer.succeedContext(this.ports)))))
    )
    const ports = Context.merge(this.ports, recorded)
    const told = (exit: Exit.Exit<unknown, unknown>) => {
      this.#open.delete(process)
      if (Exit.isFailure(exit) && Cause.hasDies(exit.cause)) {
        this.say(name, { _tag: "Problem", message: `ended with ${Cause.pretty(exit.cause)}` })
      }
    }
    return { process, link: linkTo(this.net, process, ports), told }
  }

  startWorker(slot: number): void {
    const { net, recorder, swarm, world } = this
    const { link, process, told } = this.#join(`worker-${slot}.${++this.#born}`)
    const stop = Latch.makeUnsafe(false)
    const names = queueNames(swarm.queues)
    const queues = swarm.strict
      ? Queues.strict(names)
      : Queues.weighted(Object.fromEntries(names.map((name, i) => [name, i + 1])))
    const worker = Worker.layer({
      tasks,
      queues,
      concurrency: swarm.concurrency,
      lease: swarm.leaseMillis,
      sweep: swarm.sweepMillis,
      poll: 2000,
      drain: swarm.drainMillis,
      hooks: recordedHooks(recorder, process.name),
      log: false
    }).pipe(
      Layer.provide(handlersOf(net, recorder, process)),
      Layer.provide(Layer.merge(Client.layer, Workflows.layer)),
      Layer.provide(link)
    )
    this.#stops.set(process, stop)
    const main = Effect.scoped(Effect.andThen(Layer.build(worker), stop.await)) as Effect.Effect<void, unknown>
    process.fork(main, (exit) => {
      told(exit as Exit.Exit<unknown, unknown>)
      this.#stops.delete(process)
      // what starts workers starts them again
      if (!this.#closing) {
        world.after(world.between(0, 2000), () => this.startWorker(slot))
      }
    })
  }

  startProducers(): void {
    for (let i = 0; i < this.swarm.producers; i++) {
      const name = `producer-${i}`
      const { link, process, told } = this.#join(name)
      process.fork(producing(this.net, this.recorder, name).pipe(Effect.provide(link)), (exit) =>
        told(exit as Exit.Exit<unknown, unknown>)
      )
    }
    const { link, process, told } = this.#join("operator")
    const ids = () =>
      this.recorder.events.flatMap((event) =>
        event._tag === "Called" && event.op === "enqueue"
          ? event.args[1].map(({ id }) => ({ queue: event.args[0], id }))
          : []
      )
    process.fork(operating(this.net, ids).pipe(Effect.provide(link)), (exit) =>
      told(exit as Exit.Exit<unknown, unknown>)
    )
  }

  /** Once a second, until faults are over. */
  #trouble(): void {
    const { net, store, swarm, world } = this
    if (!net.faulty) return
    const { clock, crash, cutOff, pause, stop } = swarm.processes
    for (const [process, latch] of this.#stops) {
      if (process.state !== "runs") continue
      if (world.chance(crash)) {
        this.crash(process)
      } else if (world.chance(pause)) {
        const millis = world.between(1, 3 * swarm.leaseMillis)
        this.fault(process.name, millis > swarm.leaseMillis ? "worker paused beyond its lease" : "worker paused")
        process.pause()
        world.after(millis, () => process.resume())
      } else if (world.chance(stop)) {
        this.fault(process.name, "worker stopped and started")
        process.post(() => latch.openUnsafe())
      } else if (world.chance(cutOff)) {
        this.fault(process.name, "worker cut off")
        net.cutOffUntil.set(process, world.now + world.between(1, 3 * swarm.leaseMillis))
      }
      if (world.chance(clock)) {
        this.fault(process.name, "worker's clock moved")
        process.skewMillis += world.between(-3_600_000, 3_600_000)
      }
    }
    if (world.chance(swarm.store.outage)) {
      this.fault("store", "outage")
      net.outageUntil = world.now + world.between(1, 2 * swarm.leaseMillis)
    }
    if (world.chance(swarm.store.clock)) {
      const byMillis = swarm.store.clockBack && world.chance(0.5) ? -world.between(1, 5000) : world.between(1, 20_000)
      this.fault("store", byMillis < 0 ? "store's clock moved back" : "store's clock moved on")
      store.skewMillis += byMillis
      this.say("store", { _tag: "ClockMoved", byMillis })
    }
    world.after(1000, () => this.#trouble())
  }

  crash(process: Process): void {
    const { world } = this
    this.fault(process.name, "worker crashed")
    this.say(process.name, { _tag: "Crashed" })
    this.#open.delete(process)
    this.#stops.delete(process)
    process.kill()
    const slot = Number(/\d+/.exec(process.name)?.[0])
    world.after(world.between(0, 5000), () => this.startWorker(slot))
  }

  /** Jobs, workflows and producers that have not come to their end. */
  #unfinished(): number {
    const { swarm } = this
    const jobs = this.ask(
      Effect.gen(function* () {
        const control = yield* QueueControl
        const workflows = yield* WorkflowStore
        const running = yield* workflows.list({ state: "running", limit: 1000 })
        let live = running.workflows.length
        for (const queue of queueNames(swarm.queues)) {
          const { active, pending, retry, scheduled } = yield* control.depths(queue)
          live += active + pending + retry + scheduled
        }
        return live
      })
    )
    return jobs + [...this.#open].filter((process) => !this.#stops.has(process)).length
  }

  safety(): void {
    for (let slot = 0; slot < this.swarm.workers; slot++) this.startWorker(slot)
    this.startProducers()
    this.world.after(1000, () => this.#trouble())
    this.world.run(() => false, this.swarm.safetyMillis)
  }

  liveness(): void {
    const { net, swarm, world } = this
    net.faulty = false
    net.outageUntil = 0
    net.cutOffUntil.clear()
    for (const process of this.#stops.keys()) process.resume()
    world.run(() => net.stray === 0, 60_000)
    this.say("store", { _tag: "Healed" })
    const since = world.now
    let open: number
    let afterMillis: number
    do {
      while (world.now - since < drainMillis && this.#unfinished() > 0) world.run(() => false, 500)
      open = this.#unfinished()
      afterMillis = world.now - since
      // workers that were handed endings have their time to tell them, and others after them
      world.run(() => false, 2 * endingHeldMillis + swarm.sweepMillis)
      // a call that somebody had begun long before may have come meanwhile
    } while (world.now - since < drainMillis && this.#unfinished() > 0)
    this.say("store", { _tag: "Drained", afterMillis, withinMillis: drainMillis, open })
    this.#closing = true
    for (const [process, latch] of this.#stops) process.post(() => latch.openUnsafe())
    if (!world.run(() => this.#open.size === 0, 60_000)) {
      const names = [...this.#open].map(({ name }) => name).join(", ")
      this.say("store", { _tag: "Problem", message: `${names} did not stop` })
    }
  }

  /** Whether every key is free, now that all jobs have ended. */
  probe(): void {
    const { link, process } = this.#join("probe")
    const keys = ["key:key-0", "key:key-1", "key:key-2"]
    const probing = Effect.gen(function* () {
      const store = yield* JobStore
      for (const queue of queueNames(3)) {
        const jobs = keys.map((uniqueKey) => ({
          id: `probe-${uniqueKey}`,
          kind: probeKind,
          payload: "",
          priority: 5,
          maxAttempts: 1,
          retainMillis: 1,
          uniqueKey
        }))
        yield* store.enqueue(queue, jobs)
        for (const { id } of jobs) yield* store.cancel({ queue, jobId: id, reason: "only a probe" })
      }
    })
    let done = false
    process.fork(Effect.provide(probing, link), () => {
      done = true
    })
    this.world.run(() => done, 60_000)
  }

  /** What is left when all retention is over. */
  leftovers(): Readonly<Record<string, number>> {
    const { store, swarm } = this
    const days = 24 * 60 * 60 * 1000
    store.skewMillis += 200 * days
    return this.ask(
      Effect.gen(function* () {
        const jobs = yield* JobStore
        const control = yield* QueueControl
        const dead = yield* DeadLetterStore
        const workflows = yield* WorkflowStore
        const left = { records: 0, endings: 0, workers: 0, workflows: 0 }
        while ((yield* workflows.prune(100)) > 0);
        for (const queue of queueNames(swarm.queues)) {
          yield* dead.purge(queue, { oldest: 1000 })
          const policy = { limit: 1000, deadRetainMillis: 1, maxDead: 0, maxFinished: 1000 }
          while ((yield* jobs.prune(queue, policy)) > 0);
          const depths = yield* control.depths(queue)
          left.records += Object.values(depths).reduce((a, b) => a + b, 0)
          left.endings += (yield* jobs.endings(queue, 1000)).length
          left.workers += (yield* control.workers(queue)).length
        }
        left.workflows = (yield* workflows.list({ limit: 1000 })).workflows.length
        return left
      })
    )
  }

  finish(): Simulated {
    this.probe()
    const { events } = this.recorder
    const found = this.ask(readFinal(events))
    const final: FinalState = { ...found, leftovers: this.leftovers() }
    return { swarm: this.swarm, history: { events, final }, faults: this.faults, steps: this.world.steps }
  }
}

/**
 * Runs one seed: workers, producers and an operator on one store, first with faults, then without. `changes` replace
 * numbers of its swarm.
 */
export const simulate = (seed: number, changes: Changes = {}): Simulated => {
  const run = new Run(seed, changes)
  run.safety()
  run.liveness()
  return run.finish()
}
