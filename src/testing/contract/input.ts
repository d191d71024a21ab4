import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import * as Task from "../../domain/Task.ts"
import { Client } from "../../features/client/Client.ts"
import { JobStore } from "../../ports/JobStore.ts"
import { contract } from "./contract.ts"
import { depths } from "./support.ts"
import type { TestQueue } from "./TestQueue.ts"

class Order extends Task.make("contract.order", { payload: { customer: Schema.NonEmptyString, cents: Schema.Int } }) {}

const good = { customer: "ada", cents: 5 }

const failure = <A, E>(effect: Effect.Effect<A, E, Client>) => Effect.flip(Effect.provide(effect, Client.layer))

const nothingStored = (queue: TestQueue) =>
  Effect.map(queue.depths, (found) => assert.deepStrictEqual(found, depths({})))

/** A store whose first answer to every enqueue is lost. */
const repeating = Effect.map(JobStore, (store) =>
  JobStore.of({
    ...store,
    enqueue: (queue, jobs) => Effect.andThen(store.enqueue(queue, jobs), store.enqueue(queue, jobs))
  })
)

export const inputContract = contract("input", (it) => {
  it.effect("INPUT-1 a payload that does not fit its schema is refused", (queue) =>
    Effect.gen(function* () {
      const error = yield* failure(Client.enqueue(Order, { ...good, cents: 0.5 }, { queue: queue.name }))

      assert.strictEqual(error._tag, "InvalidPayload")
      assert.include(error.message, "cents")
      yield* nothingStored(queue)
    })
  )

  it.effect("INPUT-1 one bad payload of many leaves all out", (queue) =>
    Effect.gen(function* () {
      const error = yield* failure(
        Client.enqueueMany(Order, [good, { ...good, customer: "" }, good], { queue: queue.name })
      )

      assert.strictEqual(error._tag, "InvalidPayload")
      yield* nothingStored(queue)
    })
  )

  it.effect("INPUT-2 an argument that breaks its rule is refused by name", (queue) =>
    Effect.gen(function* () {
      const at = { queue: queue.name }
      const cases = {
        queue: [{ queue: "a b" }, { queue: "" }, { queue: "{x}" }, { queue: "a\nb" }, { queue: "q".repeat(129) }],
        id: [{ id: "" }, { id: "a,b" }, { id: "{a}" }, { id: "i".repeat(129) }, { id: "a\n" }],
        delay: [{ delay: -1 }, { delay: Number.NaN }, { delay: Infinity }, { delay: "soon" as never }],
        at: [{ at: Number.NaN }, { at: new Date(Number.NaN) }, { at: 1, delay: 1 }],
        priority: [{ priority: 0.5 }, { priority: 4096 }, { priority: -4097 }, { priority: Number.NaN }],
        maxAttempts: [{ maxAttempts: 0 }, { maxAttempts: 1.5 }]
      }

      for (const [field, wrong] of Object.entries(cases)) {
        for (const options of wrong) {
          const error = yield* failure(Client.enqueue(Order, good, { ...at, ...options }))
          assert.strictEqual(error._tag, "InvalidInput")
          assert.strictEqual(error._tag === "InvalidInput" && error.field, field)
        }
      }
      yield* nothingStored(queue)
    })
  )

  it.effect("INPUT-2 a task with a bad kind is refused", (queue) =>
    Effect.gen(function* () {
      class Bad extends Task.make("no,comma", { payload: Schema.Void }) {}

      const error = yield* failure(Client.enqueue(Bad, undefined, { queue: queue.name }))

      assert.deepInclude(error, { _tag: "InvalidInput", field: "kind" })
    })
  )

  it.effect("INPUT-2 more jobs than one step stores are refused", (queue) =>
    Effect.gen(function* () {
      const error = yield* failure(Client.enqueueMany(Order, Array(5001).fill(good), { queue: queue.name }))

      assert.deepInclude(error, { _tag: "InvalidInput", field: "payloads" })
      yield* nothingStored(queue)
    })
  )

  it.effect("INPUT-3 a payload over the limit is refused, one at the limit is stored", (queue) =>
    Effect.gen(function* () {
      const limit = 1000
      const order = (letters: number, letter = "x") => ({ customer: letter.repeat(letters), cents: 1 })
      const frame = JSON.stringify(order(0)).length
      const enqueue = (payload: typeof good) =>
        Client.enqueue(Order, payload, { queue: queue.name }).pipe(
          Effect.provide(Client.layerWith({ maxPayloadBytes: limit })),
          Effect.result
        )

      const results = yield* Effect.forEach(
        [order(limit - frame), order(limit - frame + 1), order(limit - frame - 1, "é")],
        enqueue
      )

      assert.deepStrictEqual(
        results.map((result) => result._tag),
        ["Success", "Failure", "Failure"]
      )
      assert.deepStrictEqual(yield* queue.depths, depths({ pending: 1 }))
    })
  )

  it.effect("INPUT-3 the limit is 512 KiB unless configured", (queue) =>
    Effect.gen(function* () {
      const error = yield* failure(
        Client.enqueue(Order, { customer: "x".repeat(512 * 1024), cents: 1 }, { queue: queue.name })
      )

      assert.deepInclude(error, { _tag: "PayloadTooLarge", limit: 524_288 })
    })
  )

  it.effect("ENQUEUE-3 a client tells what became of each job", (queue) =>
    Effect.gen(function* () {
      const enqueue = (payload: typeof good, options: { readonly id?: string; readonly unique?: true }) =>
        Effect.provide(Client.enqueue(Order, payload, { queue: queue.name, ...options }), Client.layer)

      const handles = [
        yield* enqueue(good, { id: "a" }),
        yield* enqueue(good, { id: "a" }),
        yield* enqueue({ ...good, cents: 6 }, { id: "a" }),
        yield* enqueue(good, { id: "b", unique: true }),
        yield* enqueue(good, { id: "c", unique: true })
      ]

      assert.deepStrictEqual(
        handles.map(({ id, outcome }) => [id, outcome]),
        [
          ["a", "enqueued"],
          ["a", "existing"],
          ["a", "conflict"],
          ["b", "enqueued"],
          ["b", "duplicate"]
        ]
      )
    })
  )

  it.effect("ENQUEUE-7 a drawn id is told as enqueued when its request came twice", (queue) =>
    Effect.gen(function* () {
      const at = { queue: queue.name }
      const outcomes = yield* Effect.gen(function* () {
        const one = yield* Client.enqueue(Order, good, at)
        const many = yield* Client.enqueueMany(Order, [good, good], at)
        const named = yield* Client.enqueue(Order, good, { ...at, id: "order" })
        return [one, ...many, named].map(({ outcome }) => outcome)
      }).pipe(Effect.provide(Client.layer), Effect.provideServiceEffect(JobStore, repeating))

      assert.deepStrictEqual(outcomes, ["enqueued", "enqueued", "enqueued", "existing"])
      assert.deepStrictEqual(yield* queue.depths, depths({ pending: 4 }))
    })
  )

  it.effect("ENQUEUE-7 a drawn id that another job has is a conflict", (queue) =>
    Effect.gen(function* () {
      const drawn = (cents: number) =>
        Random.withSeed(Client.enqueue(Order, { ...good, cents }, { queue: queue.name }), "the same")

      const outcomes = yield* Effect.all([drawn(1), drawn(2)]).pipe(Effect.provide(Client.layer))

      assert.deepStrictEqual(
        outcomes.map(({ outcome }) => outcome),
        ["enqueued", "conflict"]
      )
    })
  )
})
