// A process of its own for redis-close.test.ts: a worker that runs until it is told to stop, and then must end by itself.
import { once } from "node:events"
import * as Effect from "effect/Effect"
import { workerOn } from "../support/Station.ts"

const [url] = process.argv.slice(2) as [string]

await Effect.runPromise(
  Effect.gen(function* () {
    yield* workerOn({ url, timeout: "1 second" })
    console.log("running")
    yield* Effect.promise(() => once(process.stdin, "data"))
    process.stdin.destroy()
  }).pipe(Effect.scoped)
)
console.log("closed")
