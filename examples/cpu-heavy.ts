// Work that computes for long goes to a thread, so that the worker's own loop stays free to keep leases. The thread is
// ended when its handler is interrupted: by a cancel here, in the same way by a timeout, a lost lease or a shutdown.
//
//   node -C winterq-source examples/cpu-heavy.ts
import { Worker as Thread } from "node:worker_threads"
import { Console, Deferred, Effect, Layer, References, Schema } from "effect"
import { Client, Task, Worker } from "winterq"
import * as Memory from "winterq/memory"

class Primes extends Task.make("primes.count", { payload: { below: Schema.Number }, success: Schema.Int }) {}

/** Nothing interrupts this: it never gives way to anything else of its thread. */
const countPrimes = (below: number): number => {
  let count = 0
  for (let n = 2; n < below; n++) {
    let isPrime = true
    for (let d = 2; d * d <= n && isPrime; d++) isPrime = n % d !== 0
    if (isPrime) count++
  }
  return count
}

// most programs name a module of their own here: new Thread(new URL("./primes.ts", import.meta.url), { workerData })
const code = `const { parentPort, workerData } = require("node:worker_threads")
parentPort.postMessage((${String(countPrimes)})(workerData))`

/** Counts in a thread, until it answers or the handler is interrupted. */
const inThread = (below: number) =>
  Effect.callback<number, Error>((resume) => {
    const thread = new Thread(code, { eval: true, workerData: below })
    thread.once("message", (count: number) => resume(Effect.succeed(count)))
    thread.once("error", (error) => resume(Effect.fail(error)))
    thread.once("exit", (status) => resume(Effect.fail(new Error(`the thread ended with code ${status}`))))
    return Effect.promise(() => thread.terminate()).pipe(Effect.andThen(Console.log("the thread was terminated")))
  })

const program = Effect.gen(function* () {
  const busy = yield* Deferred.make<void>()
  const PrimesLive = Worker.handler(Primes, ({ below }) =>
    Effect.gen(function* () {
      if (below > 1e6) yield* Deferred.succeed(busy, undefined)
      return yield* inThread(below)
    })
  )
  // as many threads at once as there are handlers: no more than the machine has cores
  const WorkerLive = Worker.layer({ tasks: [Primes], concurrency: 2 }).pipe(Layer.provide(PrimesLive))

  yield* Effect.gen(function* () {
    const some = yield* Client.enqueue(Primes, { below: 100_000 })
    yield* Console.log(`primes below 100000: ${yield* Client.awaitResult(some)}`)

    const tooMany = yield* Client.enqueue(Primes, { below: 1e15 })
    yield* Deferred.await(busy)
    yield* Client.cancel(tooMany, "nobody needs to know")
    const error = yield* Effect.flip(Client.awaitResult(tooMany))
    yield* Console.log(`primes below 1e15: ${error._tag}`)
  }).pipe(Effect.provide(WorkerLive))
})

await Effect.runPromise(
  program.pipe(
    Effect.provide(Client.layer.pipe(Layer.provideMerge(Memory.layer))),
    // the worker warns of the job that is cancelled
    Effect.provideService(References.MinimumLogLevel, "Error")
  )
)

// Output:
// primes below 100000: 9592
// the thread was terminated
// primes below 1e15: JobCancelled
