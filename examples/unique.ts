// Jobs that are there once: rejected, debounced, throttled, free at the start.
//
//   node -C winterq-source examples/unique.ts
import { Console, Effect, Layer, Schema } from "effect"
import { Client, JobStore, Task } from "winterq"
import * as Memory from "winterq/memory"

class Reindex extends Task.make("search.reindex", { payload: { customer: Schema.String, rev: Schema.Int } }) {}

const program = Effect.gen(function* () {
  const enqueue = (rev: number, unique: Parameters<typeof Client.enqueue<typeof Reindex>>[2]) =>
    Effect.flatMap(Client.enqueue(Reindex, { customer: "ada", rev }, unique), ({ id, outcome }) =>
      Console.log(`revision ${rev}: ${outcome}${outcome === "enqueued" ? "" : `, see ${id}`}`)
    )
  const customer = ({ customer }: { readonly customer: string }) => customer

  yield* Console.log("the same payload twice")
  yield* enqueue(1, { id: "first", unique: true })
  yield* enqueue(1, { unique: true })

  yield* Console.log("one per customer; the latest wins while it waits")
  yield* enqueue(2, { id: "second", unique: { key: customer, replace: true }, delay: "1 minute" })
  yield* enqueue(3, { unique: { key: customer, replace: true }, delay: "1 minute" })

  yield* Console.log("at most one an hour, done or not")
  yield* enqueue(4, { id: "hourly", unique: { key: "nightly", window: "1 hour" } })
  yield* enqueue(5, { unique: { key: "nightly", window: "1 hour" } })

  const store = yield* JobStore
  const latest = yield* store.get(Reindex.queue, "second")
  yield* Console.log(latest._tag === "Some" ? latest.value.payload : "gone")
})

await Effect.runPromise(program.pipe(Effect.provide(Client.layer.pipe(Layer.provideMerge(Memory.layer)))))

// Output:
// the same payload twice
// revision 1: enqueued
// revision 1: duplicate, see first
// one per customer; the latest wins while it waits
// revision 2: enqueued
// revision 3: replaced, see second
// at most one an hour, done or not
// revision 4: enqueued
// revision 5: duplicate, see hourly
// {"customer":"ada","rev":3}
