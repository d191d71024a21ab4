import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Deferred from "effect/Deferred"
import * as Layer from "effect/Layer"
import * as Queues from "../../domain/Queues.ts"
import type { AnyTask } from "../../domain/Task.ts"
import { Client } from "../../features/client/Client.ts"
import { type JobInfo, Worker, type WorkerOptions } from "../../features/worker/Worker.ts"
import { QueueControl } from "../../ports/QueueControl.ts"
import { contract } from "./contract.ts"
import { workerOf } from "./many-queues-support.ts"
import { customersOf, order, shardedOf, startsUpTo, taskOf } from "./sharding-support.ts"
import { eventually } from "./worker-support.ts"

const withClient = Effect.provide(Client.layer)

/** Starts a worker that lives as long as the test. */
const serve = <T extends AnyTask>(
  task: T,
  run: (payload: ReturnType<typeof order>, job: JobInfo) => Effect.Effect<void>,
  options: Partial<WorkerOptions<ReadonlyArray<AnyTask>>> = {}
) =>
  Layer.build(
    Worker.layer({ drain: 0, ...options, tasks: [task] as const }).pipe(Layer.provide(Worker.handler(task, run)))
  )

/** Handlers that run until they are told to end. */
const held = () => {
  const gates: Array<Deferred.Deferred<void>> = []
  let most = 0
  return {
    running: () => gates.length,
    most: () => most,
    run: () =>
      Effect.suspend(() => {
        const gate = Deferred.makeUnsafe<void>()
        gates.push(gate)
        most = Math.max(most, gates.length)
        return Deferred.await(gate)
      }),
    endOne: Effect.suspend(() => Deferred.succeed(gates.shift()!, undefined))
  }
}

export const servingShardsContract = contract("serving shards", (it) => {
  it.effect("SHARD-2 orders of a customer start in the order of their enqueues, by several workers", (queue) =>
    Effect.gen(function* () {
      const task = taskOf(shardedOf(queue, 4))
      const customers = Array.from({ length: 12 }, (_, i) => `customer-${i}`)
      const { all, run, starts } = yield* startsUpTo(240)
      yield* serve(task, run, { concurrency: 3 })
      yield* serve(task, run, { concurrency: 5 })
      yield* serve(task, run, { concurrency: 1 })

      for (let number = 0; number < 20; number++) {
        const orders = customers.map((customer) => order(customer, number))
        // one by one and many at once
        yield* withClient(
          number % 2 === 0
            ? Effect.asVoid(Client.enqueueMany(task, orders))
            : Effect.forEach(orders, (one) => Client.enqueue(task, one), { concurrency: 5, discard: true })
        )
      }
      yield* all

      for (const customer of customers) {
        const own = starts.filter((one) => one.customer === customer).toSorted((a, b) => a.token - b.token)
        assert.lengthOf(new Set(own.map(({ queue }) => queue)), 1)
        assert.deepStrictEqual(
          own.map(({ number }) => number),
          Array.from({ length: 20 }, (_, number) => number)
        )
      }
    })
  )

  it.effect("SHARD-2 one handler at a time starts a customer's orders one after the other", (queue) =>
    Effect.gen(function* () {
      const task = taskOf(shardedOf(queue, 4))
      const { all, run, starts } = yield* startsUpTo(60)
      const payloads = Array.from({ length: 60 }, (_, i) => order(`customer-${i % 6}`, i))
      yield* withClient(Client.enqueueMany(task, payloads))

      yield* serve(task, run, { concurrency: 1 })
      yield* all

      for (let i = 0; i < 6; i++) {
        const own = starts.filter(({ customer }) => customer === `customer-${i}`).map(({ number }) => number)
        assert.deepStrictEqual(
          own,
          own.toSorted((a, b) => a - b)
        )
      }
    })
  )

  it.effect("SHARD-6 a worker serves all shards of its tasks' queues, or of those it names", (queue) =>
    Effect.gen(function* () {
      const orders = shardedOf(queue, 4)
      const task = taskOf(orders)
      const { all, run } = yield* startsUpTo(16)
      const other = shardedOf(queue.sibling, 2)

      const own = yield* workerOf(serve(task, run))
      const named = yield* workerOf(serve(task, run, { queues: [other, queue.name] }))
      yield* withClient(
        Client.enqueueMany(
          task,
          customersOf(orders).flatMap((customer) => [order(customer), order(customer)])
        )
      )
      yield* withClient(
        Client.enqueueMany(
          task,
          customersOf(other).flatMap((customer) => [order(customer), order(customer)]),
          {
            queue: other
          }
        )
      )
      yield* withClient(
        Client.enqueueMany(
          task,
          Array.from({ length: 4 }, () => order("ada")),
          { queue: queue.name }
        )
      )
      yield* all

      const shown = (worker: Worker["Service"]) =>
        Effect.map(worker.queues, (queues) => queues.map(({ name, shardOf, weight }) => [name, shardOf, weight]))
      assert.deepStrictEqual(
        yield* shown(own),
        Queues.shardsOf(orders).map((name) => [name, queue.name, 0.25])
      )
      assert.deepStrictEqual(yield* shown(named), [
        ...Queues.shardsOf(other).map((name) => [name, queue.sibling.name, 0.5]),
        [queue.name, undefined, 1]
      ])
    })
  )

  for (const by of ["weight", "order"] as const) {
    it.effect(`SHARD-7 by ${by}, shards take turns and none starves`, (queue) =>
      Effect.gen(function* () {
        const orders = shardedOf(queue, 4)
        const task = taskOf(orders)
        const { all, run, starts } = yield* startsUpTo(120)
        yield* withClient(
          Client.enqueueMany(
            task,
            customersOf(orders).flatMap((customer) => Array.from({ length: 30 }, () => order(customer)))
          )
        )

        yield* serve(task, run, {
          concurrency: 1,
          queues: by === "order" ? Queues.strict([orders]) : Queues.weighted({ [orders.name]: { shards: 4 } })
        })
        yield* all

        for (let at = 0; at < 80; at += 8) {
          const round = starts.slice(at, at + 8).map(({ queue }) => queue)
          assert.lengthOf(new Set(round), 4, round.join(" "))
        }
      })
    )
  }

  it.effect("SHARD-7 a sharded queue has its weight once, whatever its shards", (queue) =>
    Effect.gen(function* () {
      const orders = shardedOf(queue, 4)
      const task = taskOf(orders)
      const { all, run, starts } = yield* startsUpTo(120)
      const some = Array.from({ length: 100 }, (_, i) => order(customersOf(orders)[i % 4]!, i))
      yield* withClient(Client.enqueueMany(task, some))
      yield* withClient(Client.enqueueMany(task, some, { queue: queue.sibling.name }))

      yield* serve(task, run, {
        concurrency: 1,
        queues: Queues.weighted({ [orders.name]: { weight: 3, shards: 4 }, [queue.sibling.name]: 1 })
      })
      yield* all

      const sharded = starts.slice(0, 100).filter(({ queue: name }) => name !== queue.sibling.name).length
      assert.closeTo(sharded, 75, 4)
    })
  )

  it.effect("SHARD-7 in strict order a sharded queue has one place", (queue) =>
    Effect.gen(function* () {
      const orders = shardedOf(queue, 4)
      const task = taskOf(orders)
      const { all, run, starts } = yield* startsUpTo(60)
      const some = Array.from({ length: 20 }, (_, i) => order(customersOf(orders)[i % 4]!, i))
      const [first, last] = [`${queue.sibling.name}.first`, `${queue.sibling.name}.last`]
      for (const of of [last, orders, first]) yield* withClient(Client.enqueueMany(task, some, { queue: of }))

      yield* serve(task, run, { concurrency: 2, queues: Queues.strict([first, orders, last]) })
      yield* all

      const place = starts.map(({ queue: name }) => (name === first ? "a" : name === last ? "c" : "b"))
      assert.strictEqual(place.join(""), "a".repeat(20) + "b".repeat(20) + "c".repeat(20))
    })
  )

  it.effect("SHARD-8 its limit holds over all shards, and is changed by its name", (queue) =>
    Effect.gen(function* () {
      const orders = shardedOf(queue, 4)
      const task = taskOf(orders)
      const { endOne, most, run, running } = held()
      const reaches = (count: number) => eventually(Effect.sync(() => running() === count))
      yield* withClient(
        Client.enqueueMany(
          task,
          customersOf(orders).flatMap((customer) => Array.from({ length: 5 }, () => order(customer)))
        )
      )

      const worker = yield* workerOf(
        serve(task, run, {
          concurrency: 10,
          queues: Queues.weighted({ [orders.name]: { shards: 4, concurrency: 3 } })
        })
      )
      yield* reaches(3)
      for (let i = 0; i < 5; i++) {
        yield* endOne
        yield* reaches(3)
      }
      const kept = most()
      yield* worker.setQueueConcurrency(orders.name, 6)
      yield* reaches(6)
      yield* worker.setQueueConcurrency(orders.name, 2)
      for (const left of [5, 4, 3, 2]) {
        yield* endOne
        yield* reaches(left)
      }
      yield* endOne
      yield* reaches(2)

      assert.strictEqual(kept, 3)
      assert.strictEqual(most(), 6)
    })
  )

  for (const by of ["weight", "order"] as const) {
    it.effect(`SHARD-8 by ${by}, one at its limit leaves the rest of the room to others`, (queue) =>
      Effect.gen(function* () {
        const orders = shardedOf(queue, 4)
        const task = taskOf(orders)
        const { run, running } = held()
        const ran: Array<string> = []
        const customers = customersOf(orders)
        yield* withClient(
          Client.enqueueMany(
            task,
            [...customers, ...customers].map((customer) => order(customer))
          )
        )
        yield* withClient(
          Client.enqueueMany(
            task,
            Array.from({ length: 9 }, () => order("ada")),
            { queue: queue.sibling.name }
          )
        )

        yield* serve(
          task,
          (_, info) =>
            Effect.andThen(
              Effect.sync(() => ran.push(info.queue)),
              run()
            ),
          {
            concurrency: 5,
            queues:
              by === "order"
                ? Queues.strict([{ ...orders, concurrency: 2 }, queue.sibling.name])
                : Queues.weighted({ [orders.name]: { shards: 4, concurrency: 2, weight: 9 }, [queue.sibling.name]: 1 })
          }
        )
        yield* eventually(Effect.sync(() => running() === 5))

        assert.lengthOf(
          ran.filter((name) => name === queue.sibling.name),
          3
        )
      })
    )
  }

  it.effect("SHARD-8 its shards are added and removed together", (queue) =>
    Effect.gen(function* () {
      const orders = shardedOf(queue, 4)
      const task = taskOf(orders)
      const { all, run } = yield* startsUpTo(4)
      const worker = yield* workerOf(serve(task, run, { queues: [`${queue.name}.1`] }))

      const added = yield* worker.addQueue(orders.name, { shards: 4 })
      const again = yield* worker.addQueue(orders.name, { shards: 4 })
      yield* withClient(
        Client.enqueueMany(
          task,
          customersOf(orders).map((customer) => order(customer))
        )
      )
      yield* all
      const bad = yield* Effect.flip(worker.addQueue(orders.name, { shards: 300 }))
      const removed = yield* worker.removeQueue(orders.name)
      const left = yield* worker.queues

      assert.deepStrictEqual([added, again, removed], [true, false, true])
      assert.deepInclude(bad, { _tag: "InvalidInput", field: "shards" })
      assert.deepStrictEqual(
        left.map(({ name }) => name),
        [`${queue.name}.1`]
      )
    })
  )

  it.effect("SHARD-9 each shard has its part of a rate limit", (queue) =>
    Effect.gen(function* () {
      const orders = shardedOf(queue, 4)
      const task = taskOf(orders, { limit: 10, per: "1 second", burst: 6 })
      yield* serve(task, () => Effect.void, { queues: [orders, queue.sibling.name] })
      yield* serve(task, () => Effect.void, { queues: [`${queue.name}.3`] })

      const control = yield* QueueControl
      const rates = yield* Effect.forEach([...Queues.shardsOf(orders), queue.sibling.name], (name) =>
        Effect.map(control.rateLimits(name), (rates) => rates[task.kind])
      )

      const part = { limit: 10, perMillis: 4000, burst: 2 }
      assert.deepStrictEqual(rates, [part, part, part, part, { limit: 10, perMillis: 1000, burst: 6 }])
    })
  )

  it.effect("SHARD-12 a worker with more shards serves what was enqueued with fewer", (queue) =>
    Effect.gen(function* () {
      const four = shardedOf(queue, 4)
      const eight = shardedOf(queue, 8)
      const { all, run, starts } = yield* startsUpTo(16)
      const some = (of: Queues.Sharded) => customersOf(of).map((customer) => order(customer))
      yield* withClient(Client.enqueueMany(taskOf(four), [...some(four), ...some(four)]))

      yield* serve(taskOf(eight), run)
      yield* withClient(Client.enqueueMany(taskOf(eight), some(eight)))
      yield* all

      assert.sameMembers([...new Set(starts.map(({ queue }) => queue))], [...Queues.shardsOf(eight)])
    })
  )

  it.effect("SHARD-5 a worker does not start with what cannot be a sharded queue, or twice with a shard", (queue) =>
    Effect.gen(function* () {
      const task = taskOf(shardedOf(queue, 2))
      const run = () => Effect.void
      const exits = yield* Effect.forEach(
        [
          serve(taskOf(shardedOf(queue, 1e9)), run),
          serve(task, run, { queues: [shardedOf(queue, 0)] }),
          serve(task, run, { queues: [shardedOf(queue, 2), `${queue.name}.1`] })
        ],
        (started) => Effect.exit(Effect.scoped(started))
      )

      assert.isTrue(exits.every((exit) => Exit.isFailure(exit) && Exit.hasFails(exit)))
    })
  )
})
