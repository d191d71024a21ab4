import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import { assert, describe } from "vitest"
import { Client } from "winterq"
import * as Testing from "winterq/testing"
import { testApp } from "winterq/testing/vitest"
import { App, CallApi, Mailer, MailboxFull, Remind, SendEmail, signUp } from "./shop.ts"

const hour = 3_600_000
const day = 24 * hour

/** The app's own tests: nothing in them says on which backend they run. */
export const shopSuite = (name: string, backend: () => Layer.Layer<Testing.Ports, unknown>): void => {
  const it = testApp(App, backend)

  describe(`the shop on ${name}`, () => {
    it(
      "nothing runs before the test lets it",
      Effect.gen(function* () {
        yield* signUp("ada")

        yield* Testing.assertEnqueued(SendEmail, { payload: { to: "ada" }, priority: 1, tags: ["welcome"], count: 1 })
        yield* Testing.assertEnqueued(Remind, { payload: ({ left }) => left === 3, delay: "1 day" })
        assert.deepStrictEqual((yield* Mailer).sent, [])
      })
    )

    it(
      "drain runs what is due and leaves the rest",
      Effect.gen(function* () {
        const handle = yield* signUp("ada")

        const summary = yield* Testing.drain()

        assert.deepInclude(summary, { completed: 1, running: 0, elapsedMillis: 0, stopped: "idle" })
        assert.deepStrictEqual((yield* Mailer).sent, ["ada: Welcome"])
        assert.deepStrictEqual(yield* Client.awaitResult(handle), { messageId: "ada/1" })
      })
    )

    it(
      "a chain of enqueues runs to its end, days later",
      Effect.gen(function* () {
        yield* signUp("ada")

        const summary = yield* Testing.runUntilIdle()

        assert.deepStrictEqual((yield* Mailer).sent, ["ada: Welcome", "ada: 3 left", "ada: 2 left", "ada: 1 left"])
        assert.deepInclude(summary, { completed: 7, elapsedMillis: 3 * day, stopped: "idle" })
        assert.deepInclude(summary.byKind["customer.remind"], { completed: 3, retry: 0 })
      })
    )

    it(
      "twenty retries over days, and the last attempt succeeds",
      Effect.gen(function* () {
        const { failures } = yield* Mailer
        failures.set("ada", 20)
        const handle = yield* Client.enqueue(SendEmail, { to: "ada", subject: "Hi" })

        const result = yield* Testing.runUntil(Client.awaitResult(handle))

        assert.deepStrictEqual(result, { messageId: "ada/21" })
      })
    )

    it(
      "a job that dies of its declared error fails whoever waits with it",
      Effect.gen(function* () {
        const { failures } = yield* Mailer
        failures.set("ada", 100)
        const handle = yield* Client.enqueue(SendEmail, { to: "ada", subject: "Hi" })

        const error = yield* Effect.flip(Testing.runUntil(Client.awaitResult(handle)))

        assert.instanceOf(error, MailboxFull)
      })
    )

    it(
      "snoozes pass, and count no attempt",
      Effect.gen(function* () {
        const handle = yield* Client.enqueue(SendEmail, { to: "holiday", subject: "Hi" })

        const summary = yield* Testing.runUntilIdle()

        assert.deepInclude(summary, { snoozed: 3, completed: 1, elapsedMillis: 3 * day })
        assert.deepStrictEqual(yield* Client.awaitResult(handle), { messageId: "holiday/1" })
      })
    )

    it(
      "a rate limit spreads jobs over time",
      Effect.gen(function* () {
        yield* Client.enqueueMany(
          CallApi,
          Array.from({ length: 30 }, (_, n) => ({ n }))
        )

        const summary = yield* Testing.runUntilIdle()

        assert.deepStrictEqual(
          (yield* Mailer).sent,
          Array.from({ length: 30 }, (_, n) => `${n}`)
        )
        assert.strictEqual(summary.completed, 30)
        // one at once, then one in six seconds; the store says when to come back, to the millisecond above
        assert.isAtLeast(summary.elapsedMillis, 29 * 6000)
        assert.isAtMost(summary.elapsedMillis, 29 * 6000 + 100)
      })
    )

    it(
      "a handler that sleeps longer than its timeout fails its attempt",
      Effect.gen(function* () {
        yield* Client.enqueue(SendEmail, { to: "slow", subject: "Hi" }, { maxAttempts: 2 })

        const summary = yield* Testing.runUntilIdle()

        assert.deepInclude(summary, { retry: 1, dead: 1, completed: 0 })
        assert.match(summary.attempts[0]!.error!, /longer than 30000 ms/)
      })
    )

    it(
      "a handler that cancels its job, and jobs of other queues",
      Effect.gen(function* () {
        yield* Client.enqueue(SendEmail, { to: "nobody", subject: "Hi" })
        yield* Client.enqueue(CallApi, { n: 1 })

        const mail = yield* Testing.drain({ queues: ["mail"] })
        const rest = yield* Testing.drain()

        assert.deepInclude(mail, { cancelled: 1, completed: 0 })
        assert.deepInclude(rest, { cancelled: 0, completed: 1 })
      })
    )

    it(
      "no more jobs than asked for",
      Effect.gen(function* () {
        yield* Client.enqueueMany(SendEmail, [
          { to: "ada", subject: "1" },
          { to: "ada", subject: "2" },
          { to: "ada", subject: "3" }
        ])

        const some = yield* Testing.drain({ jobs: 2 })
        const rest = yield* Testing.drain()

        assert.deepInclude(some, { completed: 2, stopped: "jobs" })
        assert.deepInclude(rest, { completed: 1, stopped: "idle" })
        assert.deepStrictEqual((yield* Mailer).sent, ["ada: 1", "ada: 2", "ada: 3"])
      })
    )

    it(
      "time stops where it is told to",
      Effect.gen(function* () {
        yield* signUp("ada")

        const first = yield* Testing.runUntilIdle({ time: "36 hours" })
        const rest = yield* Testing.runUntilIdle()

        assert.deepInclude(first, { stopped: "time", elapsedMillis: day })
        assert.deepInclude(rest, { stopped: "idle", elapsedMillis: 2 * day })
      })
    )
  })
}
