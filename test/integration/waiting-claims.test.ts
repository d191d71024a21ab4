import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { JobStore, QueueControl, Wakeups } from "winterq"
import { freshRedis } from "../support/fresh-redis.ts"
import { respProxy } from "../support/RespProxy.ts"
import { producerOn, until, workerOn } from "../support/Station.ts"

describe("claims that wait at Redis", () => {
  it.live("WAKE-6 a signal brings a job without another round trip", () =>
    Effect.gen(function* () {
      const server = yield* freshRedis()
      const proxy = yield* respProxy(server.port)
      const producer = yield* producerOn({ url: server.url })
      const { said } = yield* workerOn({ url: proxy.url }, { sweep: "1 minute" })
      const waits = () => proxy.calls.get("BZPOPMIN") ?? 0
      const exchanges = () => proxy.calls.get("exchange") ?? 0
      yield* until("the worker waits", () => waits() > 0)
      // the first of all finds that the script is not known there yet, and the second that settlements bring nothing
      for (const n of [0, 1, 2]) {
        const before = waits()
        yield* producer.say(n)
        yield* until(`job ${n} has run, and the worker waits again`, () => said.includes(n) && waits() > before)
      }
      const before = { waits: waits(), exchanges: exchanges() }

      yield* producer.say(3)
      yield* until("the job has run, and the worker waits again", () => said.includes(3) && waits() > before.waits)

      // the settlement, and the claim with the next wait
      yield* until("that claim is on its way", () => exchanges() === before.exchanges + 2)
      yield* Effect.sleep("100 millis")
      assert.deepStrictEqual([waits() - before.waits, exchanges() - before.exchanges], [1, 2])
    }).pipe(Effect.scoped)
  )

  it.live("WAKE-2 a wait of months is none of a moment", () =>
    Effect.gen(function* () {
      const { ports } = yield* producerOn({ url: (yield* freshRedis()).url })
      const ear = yield* Context.get(ports, Wakeups).subscribe(["say"])

      const ended = yield* Effect.timeoutOption(ear.wait(365 * 24 * 3_600_000), "200 millis")

      assert.strictEqual(ended._tag, "None")
    }).pipe(Effect.scoped)
  )

  it.live("WAKE-6 a claimant that throws ends neither the process nor the ear", () =>
    Effect.gen(function* () {
      const server = yield* freshRedis()
      const { ports, say } = yield* producerOn({ url: server.url })
      let taken = 0
      const request = (number: number) => ({
        queue: "say",
        worker: "w",
        settlements: [],
        claim: { number, limit: 1, leaseMillis: 30_000 }
      })
      // known to the server before a claim waits
      yield* Context.get(ports, JobStore).exchange(request(1))
      const ear = yield* Context.get(ports, Wakeups).subscribe(["say"], {
        claim: () => ({ request: request(taken + 2), forMillis: 5000 }),
        claimNow: () => undefined,
        take: () => {
          taken++
          throw new Error("a mistake")
        },
        lose: () => undefined,
        forgo: () => undefined
      })

      const first = yield* Effect.forkChild(ear.wait(8000), { startImmediately: true })
      yield* say(1)
      yield* until("an answer was given", () => taken === 1)
      yield* Fiber.interrupt(first)
      const second = yield* Effect.forkChild(ear.wait(60_000), { startImmediately: true })
      yield* say(2)
      const woken = yield* Effect.timeoutOption(Fiber.join(second), "10 seconds")

      assert.strictEqual(woken._tag, "Some")
    }).pipe(Effect.scoped)
  )

  it.live("WAKE-6 STOP-1 a worker that leaves takes no job with it", () =>
    Effect.gen(function* () {
      const server = yield* freshRedis()
      const { ports, say } = yield* producerOn({ url: server.url })
      const left: Array<string> = []
      for (let round = 1; round <= 15; round++) {
        yield* Effect.scoped(
          Effect.gen(function* () {
            const { said } = yield* workerOn({ url: server.url })
            yield* say(round)
            yield* until("a job has run", () => said.includes(round))
          })
        )
        const { id } = yield* say(-round)
        const job = Option.getOrThrow(yield* Context.get(ports, JobStore).get("say", id))
        left.push(job.state)
        yield* Context.get(ports, QueueControl).remove("say", [id])
      }

      assert.deepStrictEqual(
        left,
        left.map(() => "pending")
      )
    }).pipe(Effect.scoped)
  )
})
