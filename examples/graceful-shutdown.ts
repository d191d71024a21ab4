// What a stopping worker does with its jobs: those that end in time are recorded, those that do not are handed back
// without costing them an attempt, and what it had not started waits for others.
//
//   node -C winterq-source examples/graceful-shutdown.ts
import { Console, Deferred, Effect, Exit, Layer, Scope, Schema } from "effect"
import { Client, JobStore, Task, Worker } from "winterq"
import * as Memory from "winterq/memory"

class Import extends Task.make("import", {
  payload: { file: Schema.String, takes: Schema.Int },
  success: Schema.String
}) {}

const program = Effect.gen(function* () {
  const busy = yield* Deferred.make<void>()
  const ImportLive = Worker.handler(Import, ({ file, takes }) =>
    Effect.gen(function* () {
      if (takes > 1000) yield* Deferred.succeed(busy, undefined)
      yield* Effect.sleep(takes)
      return `${file} imported`
    }).pipe(Effect.onInterrupt(() => Console.log(`${file}: interrupted, its finalizers run`)))
  )

  const quick = yield* Client.enqueue(Import, { file: "quick.csv", takes: 200 })
  const slow = yield* Client.enqueue(Import, { file: "slow.csv", takes: 60_000 })
  const later = yield* Client.enqueue(Import, { file: "later.csv", takes: 1 })

  const scope = yield* Scope.make()
  yield* Layer.buildWithScope(
    Worker.layer({ tasks: [Import], concurrency: 2, drain: "500 millis" }).pipe(Layer.provide(ImportLive)),
    scope
  )
  yield* Deferred.await(busy)
  // a signal closes the scope of `Layer.launch` in the same way; examples/worker.ts is a whole process
  yield* Scope.close(scope, Exit.void)

  const store = yield* JobStore
  for (const [name, { id, queue }] of Object.entries({ quick, slow, later })) {
    const job = yield* store.get(queue, id)
    if (job._tag === "Some") yield* Console.log(`${name}: ${job.value.state} after ${job.value.attempt} attempts`)
  }
})

await Effect.runPromise(program.pipe(Effect.provide(Client.layer.pipe(Layer.provideMerge(Memory.layer)))))

// Output:
// slow.csv: interrupted, its finalizers run
// quick: completed after 1 attempts
// slow: pending after 0 attempts
// later: pending after 0 attempts
