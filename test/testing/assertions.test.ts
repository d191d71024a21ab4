import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { assert, describe } from "vitest"
import { Client, Queues, Task } from "winterq"
import * as Memory from "winterq/memory"
import * as Testing from "winterq/testing"
import { testApp } from "winterq/testing/vitest"

class Order extends Task.make("order.ship", {
  payload: {
    id: Schema.String,
    at: Schema.Date,
    note: Schema.Option(Schema.String),
    address: Schema.Struct({ city: Schema.String, zip: Schema.String }),
    items: Schema.Array(Schema.String)
  },
  queue: "orders"
}) {}

class Ping extends Task.make("ping", { payload: Schema.Void }) {}

const start = Date.UTC(2026, 0, 1)

const order = {
  id: "a-1",
  at: new Date(start),
  note: Option.some("quick"),
  address: { city: "London", zip: "NW1" },
  items: ["book", "pen"]
}

const it = testApp(Client.layer, Memory.layer)

/** What an assertion says when it fails; nothing when it holds. */
const said = <A>(assertion: Effect.Effect<A, never, Testing.Kit>): Effect.Effect<string, never, Testing.Kit> =>
  Effect.map(Effect.exit(assertion), (exit) =>
    Exit.isSuccess(exit) ? "" : (Cause.squash(exit.cause) as { readonly message: string }).message
  )

const holds = (expected: Testing.Expected<typeof Order>) =>
  Effect.map(said(Testing.assertEnqueued(Order, expected)), (text) => text === "")

describe("assertEnqueued", () => {
  it(
    "accepts any shard of a sharded queue, and no other queue",
    Effect.gen(function* () {
      const shards = Queues.sharded("bulk", { shards: 4 })
      yield* Client.enqueueMany(
        Order,
        Array.from({ length: 9 }, () => order),
        { queue: shards }
      )
      yield* Client.enqueue(Order, order, { queue: "bulk" })

      const found = yield* Testing.assertEnqueued(Order, { queue: shards, count: 9 })
      const refused = yield* said(Testing.assertEnqueued(Order, { queue: Queues.sharded("orders", { shards: 4 }) }))

      assert.isTrue(found.every(({ queue }) => Queues.shardsOf(shards).includes(queue)))
      assert.include(refused, `queue is 'bulk', no shard of 'orders'`)
    })
  )

  it(
    "sees everything that was said of a job",
    Effect.gen(function* () {
      const options = { queue: "express", priority: 1, delay: "1 hour", tags: ["eu", "vip"], maxAttempts: 3 } as const
      yield* Client.enqueue(Order, order, { ...options, unique: { key: "a-1" }, id: "ship-1", expires: "2 hours" })

      const [found] = yield* Testing.assertEnqueued(Order)

      assert.deepInclude(found, {
        payload: order,
        queue: "express",
        priority: 1,
        maxAttempts: 3,
        delayMillis: 3_600_000
      })
      assert.deepInclude(found, { at: start + 3_600_000, expiresAt: start + 7_200_000, outcome: "Enqueued" })
      const right: ReadonlyArray<Testing.Expected<typeof Order>> = [
        { payload: order },
        { payload: { address: { city: "London" }, note: Option.some("quick"), at: new Date(start) } },
        { payload: { items: ["book", "pen"] } },
        { payload: ({ items }) => items.length === 2 },
        { queue: "express", priority: 1, maxAttempts: 3, id: "ship-1", count: 1 },
        { delay: "60 minutes" },
        { at: new Date(start + 3_600_000) },
        { unique: true },
        { unique: "a-1" },
        { tags: ["vip"] }
      ]
      const wrong: ReadonlyArray<Testing.Expected<typeof Order>> = [
        { payload: { ...order, note: Option.none() } },
        { payload: { address: { city: "Paris" } } },
        { payload: { items: ["book"] } },
        { payload: ({ items }) => items.length === 1 },
        { queue: "orders" },
        { priority: 2 },
        { maxAttempts: 4 },
        { id: "ship-2" },
        { count: 2 },
        { count: 0 },
        { delay: 0 },
        { at: start },
        { unique: false },
        { unique: "a-2" },
        { tags: ["vip", "us"] },
        { outcome: "Duplicate" }
      ]
      assert.deepStrictEqual(
        yield* Effect.forEach(right, holds),
        right.map(() => true)
      )
      assert.deepStrictEqual(
        yield* Effect.forEach(wrong, holds),
        wrong.map(() => false)
      )
    })
  )

  it(
    "lists what was enqueued instead, near misses first",
    Effect.gen(function* () {
      yield* Client.enqueue(Ping, undefined)
      yield* Client.enqueue(Order, { ...order, id: "far", address: { city: "Rome", zip: "1" } }, { delay: "1 second" })
      yield* Client.enqueue(Order, { ...order, id: "near", items: [] }, { tags: ["eu"] })

      const text = yield* said(
        Testing.assertEnqueued(Order, { payload: { address: { city: "Paris", zip: "NW1" } }, delay: 0 })
      )

      assert.strictEqual(
        text,
        `no job was enqueued that is order.ship with payload { address: { city: 'Paris', zip: 'NW1' } }, delay 0
enqueued were:
  order.ship { id: 'near', at: 2026-01-01T00:00:00.000Z, note: { _id: 'Option', _tag: 'Some', value: 'quick' }, address: { city: 'London', zip: 'NW1' }, items: [] } in orders, priority 5, tags eu
    payload.address.city is 'London', not 'Paris'
  order.ship { id: 'far', at: 2026-01-01T00:00:00.000Z, note: { _id: 'Option', _tag: 'Some', value: 'quick' }, address: { city: 'Rome', zip: '1' }, items: [ 'book', 'pen' ] } in orders, priority 5, delay 1000 ms
    payload.address.city is 'Rome', not 'Paris'
    payload.address.zip is '1', not 'NW1'
    delay is 1000 ms, not 0 ms
  ping, 1 job`
      )
    })
  )

  it(
    "counts",
    Effect.gen(function* () {
      yield* Client.enqueueMany(Ping, [undefined, undefined])

      const text = yield* said(Testing.assertEnqueued(Ping, { count: 3 }))

      assert.strictEqual(text.split("\n")[0], "2 jobs were enqueued, and not 3, that are ping")
      yield* Testing.assertEnqueued(Ping, { count: 2 })
    })
  )

  it(
    "tells jobs that were stored from those that were left out",
    Effect.gen(function* () {
      yield* Client.enqueue(Order, order, { unique: true })
      yield* Client.enqueue(Order, order, { unique: true })

      yield* Testing.assertEnqueued(Order, { count: 1 })
      yield* Testing.assertEnqueued(Order, { outcome: "Duplicate", count: 1 })
      assert.lengthOf(yield* Testing.enqueued(Order), 1)
    })
  )
})

describe("assertNoneEnqueued", () => {
  it(
    "holds when there is none, of a task or at all",
    Effect.gen(function* () {
      yield* Testing.assertNoneEnqueued()
      yield* Client.enqueue(Ping, undefined)

      yield* Testing.assertNoneEnqueued(Order)
      yield* Testing.assertNoneEnqueued(Ping, { queue: "other" })
      assert.strictEqual(
        yield* said(Testing.assertNoneEnqueued(Ping)),
        "no ping was to be enqueued, but these were:\n  ping undefined in default, priority 5"
      )
      assert.strictEqual(
        yield* said(Testing.assertNoneEnqueued()),
        "no job was to be enqueued, but these were:\n  ping null in default"
      )
    })
  )

  it(
    "looks only at what came since it was told to forget",
    Effect.gen(function* () {
      yield* Client.enqueue(Ping, undefined)
      yield* Testing.forgetEnqueued

      yield* Testing.assertNoneEnqueued()
    })
  )
})
