// A hot queue split over shards: a customer's orders start in order, different customers' side by side.
//
//   node -C winterq-source examples/sharded.ts
import { Console, Effect, Layer, Schema } from "effect"
import { Client, Inspector, Queues, Task, Worker } from "winterq"
import * as Memory from "winterq/memory"

const orders = Queues.sharded("orders", { shards: 4 })

class OrderPaid extends Task.make("order.paid", {
  payload: { customer: Schema.String, number: Schema.Int },
  queue: orders,
  orderBy: ({ customer }) => customer
}) {}

const customers = ["ada", "grace", "hedy", "mary"]

const program = Effect.gen(function* () {
  for (const customer of customers) yield* Console.log(`${customer}: ${Queues.shardFor(orders, customer)}`)

  const payloads = [1, 2, 3].flatMap((number) => customers.map((customer) => ({ customer, number })))
  const handles = yield* Client.enqueueMany(OrderPaid, payloads)
  yield* Console.log(`stored: ${handles.length}, the last one in ${handles.at(-1)!.queue}`)
  const { depths, shards } = yield* Inspector.sharded(orders)
  yield* Console.log(`waiting: ${depths.pending}, by shard ${shards.map((shard) => shard.depths.pending).join(" ")}`)

  const starts: Array<{ readonly customer: string; readonly number: number }> = []
  const OrderPaidLive = Worker.handler(OrderPaid, (order) => Effect.sync(() => starts.push(order)))
  const WorkerLive = Worker.layer({ tasks: [OrderPaid], concurrency: 10 }).pipe(Layer.provide(OrderPaidLive))
  yield* Effect.gen(function* () {
    while (starts.length < payloads.length) yield* Effect.sleep("5 millis")
  }).pipe(Effect.provide(WorkerLive))

  for (const customer of customers) {
    const own = starts.filter((start) => start.customer === customer)
    yield* Console.log(`${customer} in order: ${own.map(({ number }) => number).join(" ")}`)
  }
})

await Effect.runPromise(program.pipe(Effect.provide(Client.layer.pipe(Layer.provideMerge(Memory.layer)))))

// Output:
// ada: orders.0
// grace: orders.3
// hedy: orders.0
// mary: orders.1
// stored: 12, the last one in orders.1
// waiting: 12, by shard 6 3 0 3
// ada in order: 1 2 3
// grace in order: 1 2 3
// hedy in order: 1 2 3
// mary in order: 1 2 3
