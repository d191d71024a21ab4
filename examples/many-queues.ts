// One worker for several queues: shares by weight, limits of their own, and changes while it runs.
//
//   node -C winterq-source examples/many-queues.ts
import { Console, Effect, Latch, Layer, Schema } from "effect"
import { Client, Queues, Task, Worker } from "winterq"
import * as Memory from "winterq/memory"

class Send extends Task.make("example.send", { payload: { n: Schema.Int } }) {}

const program = Effect.gen(function* () {
  const starts: Array<string> = []
  const gate = yield* Latch.make(true)
  const SendLive = Worker.handler(Send, (_, { queue }) =>
    Effect.andThen(
      Effect.sync(() => starts.push(queue)),
      gate.await
    )
  )

  const fill = (queue: string, count: number) =>
    Client.enqueueMany(
      Send,
      Array.from({ length: count }, (_, n) => ({ n })),
      { queue }
    )
  /** The parts of the jobs that start first when some queues are filled, in steps of 5 percent. */
  const shareOf = Effect.fnUntraced(function* (count: number, ...queues: ReadonlyArray<string>) {
    starts.length = 0
    for (const queue of queues) yield* fill(queue, count)
    while (starts.length < count * queues.length) yield* Effect.sleep("5 millis")
    const first = starts.slice(0, count)
    const percent = (queue: string) => 5 * Math.round((20 * first.filter((other) => other === queue).length) / count)
    return queues.map((queue) => `${queue} ${percent(queue)} %`).join(", ")
  })

  const WorkerLive = Worker.layer({
    tasks: [Send],
    queues: Queues.weighted({ critical: 6, mail: 3, low: { weight: 1, concurrency: 5 } }), // or Queues.strict([...])
    concurrency: 10
  }).pipe(Layer.provide(SendLive))

  yield* Effect.gen(function* () {
    const worker = yield* Worker
    yield* Console.log(`all have work:     ${yield* shareOf(100, "critical", "mail", "low")}`)
    yield* Console.log(`critical is idle:  ${yield* shareOf(100, "mail", "low")}`)

    yield* worker.addQueue("reports", { weight: 10 })
    yield* Console.log(`with one more:     ${yield* shareOf(200, "critical", "mail", "low", "reports")}`)

    // handlers that take their time: now limits count
    yield* gate.close
    yield* worker.setConcurrency(8)
    yield* worker.setQueueConcurrency("reports", 2)
    yield* fill("reports", 20)
    yield* fill("low", 20)
    while ((yield* worker.running) < 7) yield* Effect.sleep("5 millis")
    for (const { concurrency, name, running } of yield* worker.queues) {
      if (running > 0) yield* Console.log(`${name} runs ${running}, its limit is ${concurrency}`)
    }

    yield* worker.removeQueue("reports")
    yield* gate.open
    while ((yield* worker.running) > 0) yield* Effect.sleep("5 millis")
    yield* Console.log(`served at the end: ${(yield* worker.queues).map(({ name }) => name).join(", ")}`)
  }).pipe(Effect.provide(WorkerLive))
})

await Effect.runPromise(program.pipe(Effect.provide(Client.layer.pipe(Layer.provideMerge(Memory.layer)))))

// Output:
// all have work:     critical 60 %, mail 30 %, low 10 %
// critical is idle:  mail 75 %, low 25 %
// with one more:     critical 30 %, mail 15 %, low 5 %, reports 50 %
// low runs 5, its limit is 5
// reports runs 2, its limit is 2
// served at the end: critical, mail, low
