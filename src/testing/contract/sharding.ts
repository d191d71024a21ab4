import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Queues from "../../domain/Queues.ts"
import * as Workflow from "../../domain/Workflow.ts"
import { Client, PartlyEnqueued } from "../../features/client/Client.ts"
import * as Inspector from "../../features/inspector/Inspector.ts"
import * as Schedules from "../../features/schedules/Schedules.ts"
import { JobStore } from "../../ports/JobStore.ts"
import { ScheduleStore } from "../../ports/ScheduleStore.ts"
import { StoreError } from "../../ports/StoreError.ts"
import { WorkflowStore } from "../../ports/WorkflowStore.ts"
import { contract } from "./contract.ts"
import { hour, scheduleName } from "./schedules-support.ts"
import { customersOf, order, shardedOf, taskOf } from "./sharding-support.ts"
import { counters, depths } from "./support.ts"
import { start } from "./workflow-support.ts"

const withClient = Effect.provide(Client.layer)

/** A store in which one queue is out of reach. */
const without = (queue: string) =>
  Effect.map(JobStore, (store) =>
    JobStore.of({
      ...store,
      enqueue: (name, jobs) =>
        name === queue
          ? Effect.fail(new StoreError({ operation: "enqueue", reason: "unavailable", retryable: true, cause: "test" }))
          : store.enqueue(name, jobs)
    })
  )

export const shardingContract = contract("sharded queues", (it) => {
  it.effect("SHARD-1 a job goes to the shard of its order key", (queue) =>
    Effect.gen(function* () {
      const orders = shardedOf(queue, 8)
      const task = taskOf(orders)
      const customers = ["ada", "grace", "müller", "x".repeat(300)]

      const first = yield* withClient(
        Client.enqueueMany(
          task,
          customers.map((customer) => order(customer, 1))
        )
      )
      const second = yield* withClient(
        Client.enqueueMany(
          task,
          customers.map((customer) => order(customer, 2))
        )
      )
      const other = yield* withClient(Client.enqueue(task, order("ada"), { orderKey: "grace" }))

      const shards = customers.map((customer) => Queues.shardFor(orders, customer))
      assert.deepStrictEqual(
        first.map(({ queue }) => queue),
        shards
      )
      assert.deepStrictEqual(
        second.map(({ queue }) => queue),
        shards
      )
      assert.strictEqual(other.queue, shards[1])
      assert.deepStrictEqual(
        shards.slice(0, 3),
        [0, 3, 1].map((number) => `${queue.name}.${number}`)
      )
    })
  )

  it.effect("SHARD-1 without an order key the unique key says, and without that the id", (queue) =>
    Effect.gen(function* () {
      const orders = shardedOf(queue, 8)
      const task = taskOf(orders)

      const unique = yield* withClient(Client.enqueue(task, order(""), { unique: { key: "ada" }, id: "grace" }))
      const named = yield* withClient(Client.enqueue(task, order(""), { id: "grace" }))
      const free = yield* withClient(Client.enqueue(task, order("")))

      assert.strictEqual(unique.queue, Queues.shardFor(orders, "ada"))
      assert.strictEqual(named.queue, Queues.shardFor(orders, "grace"))
      assert.strictEqual(free.queue, Queues.shardFor(orders, free.id))
    })
  )

  it.effect("SHARD-1 a plain queue named for one call takes the job whatever its key", (queue) =>
    Effect.gen(function* () {
      const handle = yield* withClient(
        Client.enqueue(taskOf(shardedOf(queue, 8)), order("ada"), { queue: queue.sibling.name, orderKey: "ada" })
      )

      assert.strictEqual(handle.queue, queue.sibling.name)
    })
  )

  it.effect("SHARD-3 a unique key is held over all shards, or among the jobs of an order key", (queue) =>
    Effect.gen(function* () {
      const task = taskOf(shardedOf(queue, 8))
      const unique = { unique: { key: "nightly" } }
      const outcome = (customer: string) =>
        Effect.map(withClient(Client.enqueue(task, order(customer), unique)), ({ outcome }) => outcome)

      const spread = [yield* outcome(""), yield* outcome("")]
      const keyed = [yield* outcome("ada"), yield* outcome("grace"), yield* outcome("ada")]
      const derived = [
        yield* withClient(Client.enqueue(task, order("", 1), { unique: true })),
        yield* withClient(Client.enqueue(task, order("", 1), { unique: true }))
      ]

      assert.deepStrictEqual(spread, ["enqueued", "duplicate"])
      assert.deepStrictEqual(keyed, ["enqueued", "enqueued", "duplicate"])
      assert.deepStrictEqual(
        derived.map(({ outcome }) => outcome),
        ["enqueued", "duplicate"]
      )
      assert.strictEqual(derived[0]!.id, derived[1]!.id)
    })
  )

  it.effect("SHARD-3 an id is found again in whichever shard it is", (queue) =>
    Effect.gen(function* () {
      const task = taskOf(shardedOf(queue, 8))
      const ids = Array.from({ length: 20 }, (_, i) => `order-${i}`)
      const all = Client.enqueueMany(
        task,
        ids.map(() => order("")),
        { id: (_, i) => ids[i]! }
      )

      const first = yield* withClient(all)
      const again = yield* withClient(all)
      const found = yield* Effect.forEach(again, ({ id }) => Inspector.find(id))

      assert.deepStrictEqual(new Set(first.map(({ outcome }) => outcome)), new Set(["enqueued"]))
      assert.deepStrictEqual(new Set(again.map(({ outcome }) => outcome)), new Set(["existing"]))
      assert.deepStrictEqual(
        again.map(({ queue }) => queue),
        first.map(({ queue }) => queue)
      )
      assert.deepStrictEqual(
        found.map((view) => Option.getOrThrow(view).job.id),
        ids
      )
    })
  )

  it.effect("SHARD-4 many jobs are stored in one step per shard, and told in order", (queue) =>
    Effect.gen(function* () {
      const orders = shardedOf(queue, 4)
      const calls: Array<ReadonlyArray<string>> = []
      const store = yield* JobStore
      const counting = JobStore.of({
        ...store,
        enqueue: (name, jobs) => {
          calls.push([name, ...jobs.map(({ id }) => id)])
          return store.enqueue(name, jobs)
        }
      })
      const customers = customersOf(orders)
      const payloads = Array.from({ length: 40 }, (_, i) => order(customers[(i * 7) % 4]!, i))

      const handles = yield* withClient(
        Client.enqueueMany(taskOf(orders), payloads, { id: (_, i) => `job-${i}` })
      ).pipe(Effect.provideService(JobStore, counting))

      assert.deepStrictEqual(
        handles.map(({ id }) => id),
        payloads.map((_, i) => `job-${i}`)
      )
      assert.deepStrictEqual(
        handles.map(({ queue }) => queue),
        payloads.map(({ customer }) => Queues.shardFor(orders, customer))
      )
      assert.lengthOf(calls, 4)
      for (const [name, ...ids] of calls) {
        assert.deepStrictEqual(
          ids,
          handles.filter(({ queue }) => queue === name).map(({ id }) => id)
        )
      }
    })
  )

  it.effect("SHARD-4 a shard without an answer is told, and a repeated call stores the rest", (queue) =>
    Effect.gen(function* () {
      const orders = shardedOf(queue, 4)
      const customers = customersOf(orders)
      const task = taskOf(orders)
      const payloads = Array.from({ length: 12 }, (_, i) => order(customers[i % 4]!, i))
      const all = withClient(Client.enqueueMany(task, payloads, { id: (_, i) => `job-${i}` }))
      const dead = `${queue.name}.2`

      const failed = yield* Effect.flip(Effect.provideService(all, JobStore, yield* without(dead)))
      const again = yield* all

      assert.instanceOf(failed, PartlyEnqueued)
      const places = [2, 6, 10]
      assert.deepStrictEqual(
        failed.missing,
        places.map((place) => ({ place, id: `job-${place}`, queue: dead }))
      )
      assert.deepStrictEqual(
        failed.stored,
        payloads
          .map(({ customer }, place) => ({
            ...{ place, id: `job-${place}`, queue: Queues.shardFor(orders, customer), outcome: "enqueued" as const }
          }))
          .filter(({ queue }) => queue !== dead)
      )
      assert.strictEqual(failed.cause._tag, "StoreError")
      assert.deepStrictEqual(
        again.map(({ outcome }) => outcome),
        payloads.map((_, i) => (i % 4 === 2 ? "enqueued" : "existing"))
      )
    })
  )

  it.effect("SHARD-4 when no shard answers, nothing is stored and the error is the store's", (queue) =>
    Effect.gen(function* () {
      const orders = shardedOf(queue, 4)
      const [, , customer] = customersOf(orders)
      const store = yield* without(`${queue.name}.2`)

      const failures = yield* Effect.forEach([1, 3], (count) =>
        withClient(
          Client.enqueueMany(
            taskOf(orders),
            Array.from({ length: count }, () => order(customer!))
          )
        ).pipe(Effect.provideService(JobStore, store), Effect.flip)
      )
      const one = yield* withClient(Client.enqueue(taskOf(orders), order(customer!))).pipe(
        Effect.provideService(JobStore, store),
        Effect.flip
      )

      assert.deepStrictEqual(
        [...failures, one].map(({ _tag }) => _tag),
        ["StoreError", "StoreError", "StoreError"]
      )
    })
  )

  it.effect("SHARD-5 what cannot be a sharded queue, or a key, stores nothing", (queue) =>
    Effect.gen(function* () {
      const bad = [0, 257, 1.5, Number.NaN].map((shards) => Queues.sharded(queue.name, { shards }))
      const enqueue = (of: Queues.AnyQueue, orderKey: string) =>
        Effect.flip(withClient(Client.enqueue(taskOf(of), order("ada"), { orderKey })))

      const failures = yield* Effect.forEach([...bad, Queues.sharded("no name", { shards: 2 })], (of) =>
        enqueue(of, "ada")
      )
      const key = yield* enqueue(shardedOf(queue, 2), 7 as unknown as string)

      assert.deepStrictEqual(
        failures.map((error) => (error._tag === "InvalidInput" ? error.field : error._tag)),
        ["shards", "shards", "shards", "shards", "queue"]
      )
      assert.deepInclude(key, { _tag: "InvalidInput", field: "orderKey" })
      const { counters: stored } = yield* Inspector.sharded(shardedOf(queue, 2))
      assert.deepStrictEqual(stored, counters({}))
    })
  )

  it.effect("SHARD-10 a schedule lives in the shard of its payload's order key, or of its name", (queue) =>
    Effect.gen(function* () {
      const orders = shardedOf(queue, 8)
      const task = taskOf(orders)
      const [keyed, named] = [yield* scheduleName("keyed"), yield* scheduleName("named")]

      yield* Schedules.add(Schedules.entry(keyed, task, { every: hour, payload: order("grace") }))
      yield* Schedules.add(Schedules.entry(named, task, { every: hour, payload: order("") }))
      const run = yield* Schedules.trigger(keyed)

      const store = yield* ScheduleStore
      const queues = yield* Effect.forEach([keyed, named], (name) =>
        Effect.map(store.find(name), ({ schedule }) => Option.getOrThrow(schedule).queue)
      )
      assert.deepStrictEqual(queues, [`${queue.name}.3`, Queues.shardFor(orders, named)])
      assert.isTrue(Option.isSome(yield* Inspector.job(`${queue.name}.3`, run.id)))
    })
  )

  it.effect("SHARD-11 members go by order key or place, and starting again is the same", (queue) =>
    Effect.gen(function* () {
      const orders = shardedOf(queue, 8)
      const task = taskOf(orders)
      const id = `w.${queue.name.slice(-8)}`
      const shape = Workflow.group([
        Workflow.job(task, order("grace")),
        Workflow.job(task, order("grace"), { orderKey: "müller" }),
        Workflow.job(task, order(""))
      ])

      const first = yield* start(shape, { id })
      const again = yield* start(shape, { id })

      const store = yield* WorkflowStore
      const nodes = yield* store.nodes(id, 0, 10)
      assert.deepStrictEqual([first.outcome, again.outcome], ["started", "existing"])
      assert.deepStrictEqual(
        nodes.map((node) => node.queue),
        [`${queue.name}.3`, `${queue.name}.1`, Queues.shardFor(orders, `${id}.2.0`)]
      )
    })
  )

  it.effect("SHARD-13 a sharded queue is shown as the sum of its shards, and each of them", (queue) =>
    Effect.gen(function* () {
      const orders = shardedOf(queue, 4)
      const customers = customersOf(orders)
      const task = taskOf(orders)
      yield* withClient(
        Client.enqueueMany(
          task,
          customers.flatMap((customer) => [order(customer), order(customer)])
        )
      )
      yield* withClient(Client.enqueue(task, order(customers[1]!), { delay: "1 hour" }))
      yield* Inspector.pause(`${queue.name}.3`)

      const view = yield* Inspector.sharded(orders)
      const impossible = yield* Effect.exit(Inspector.sharded(shardedOf(queue, 0)))

      assert.deepInclude(view, { name: queue.name, paused: 1, workers: 0 })
      assert.deepStrictEqual(view.depths, depths({ pending: 8, scheduled: 1 }))
      assert.deepStrictEqual(view.counters, counters({ enqueued: 9 }))
      assert.deepStrictEqual(
        view.shards.map(({ name }) => name),
        Queues.shardsOf(orders)
      )
      assert.deepStrictEqual(
        view.shards.map(({ depths }) => depths.pending),
        [2, 2, 2, 2]
      )
      assert.isTrue(Exit.hasDies(impossible))
    })
  )
})
