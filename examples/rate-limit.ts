// A limit that all workers share: five calls at once, then ten a second; other kinds are not held back.
//
//   node -C winterq-source examples/rate-limit.ts
import { Console, Deferred, Effect, Layer, Schema } from "effect"
import { Client, QueueControl, Task, Worker } from "winterq"
import * as Memory from "winterq/memory"

class CallApi extends Task.make("api.call", {
  payload: { n: Schema.Int },
  queue: "calls",
  rateLimit: { limit: 10, per: "1 second", burst: 5 }
}) {}

class Note extends Task.make("note", { payload: Schema.Void, queue: "calls" }) {}

const program = Effect.gen(function* () {
  const finished = yield* Deferred.make<void>()
  const startedAt: Array<number> = []
  let notedAfter = 0

  const CallApiLive = Worker.handler(CallApi, () =>
    Effect.suspend(() => {
      startedAt.push(performance.now())
      return startedAt.length === 12 ? Deferred.succeed(finished, undefined) : Effect.void
    })
  )
  const NoteLive = Worker.handler(Note, () =>
    Effect.sync(() => {
      notedAfter = startedAt.length
    })
  )
  const WorkerLive = Worker.layer({ tasks: [CallApi, Note], concurrency: 20 }).pipe(
    Layer.provide([CallApiLive, NoteLive])
  )

  yield* Effect.gen(function* () {
    yield* Client.enqueueMany(
      CallApi,
      Array.from({ length: 12 }, (_, n) => ({ n }))
    )
    yield* Client.enqueue(Note, undefined)
    yield* Deferred.await(finished)

    const atOnce = startedAt.filter((at) => at - startedAt[0]! < 50).length
    const seconds = (startedAt.at(-1)! - startedAt[0]!) / 1000
    yield* Console.log(`${atOnce} calls at once, the other 7 ${seconds > 0.6 ? "one by one" : "too soon"}`)
    yield* Console.log(`the note behind them ran after ${notedAfter} of them`)
    const limits = yield* QueueControl.use((control) => control.rateLimits("calls"))
    yield* Console.log(JSON.stringify(limits))
  }).pipe(Effect.provide(WorkerLive))
})

await Effect.runPromise(program.pipe(Effect.provide(Client.layer.pipe(Layer.provideMerge(Memory.layer)))))

// Output:
// 5 calls at once, the other 7 one by one
// the note behind them ran after 5 of them
// {"api.call":{"limit":10,"perMillis":1000,"burst":5}}
