// An app, and what its tests can do: see what was enqueued, let workers run it, and let days pass in milliseconds.
// docs/guides/testing.md has the same as vitest tests.
//
//   node -C winterq-source examples/testing-an-app.ts          with --time it also says how long it took
import { Console, Context, Effect, Layer, Schema } from "effect"
import { Backoff, Client, Task, Worker } from "winterq"
import * as Memory from "winterq/memory"
import * as Testing from "winterq/testing"
import { FaultyJobStore } from "winterq/testing"

// ---- the app ----

class SendEmail extends Task.make("email.send", {
  payload: { to: Schema.String, subject: Schema.String },
  queue: "mail",
  maxAttempts: 21,
  backoff: Backoff.exponential("1 minute").pipe(Backoff.jittered, Backoff.capped("12 hours"))
}) {}

class Remind extends Task.make("customer.remind", { payload: { customer: Schema.String, left: Schema.Int } }) {}

class Mailer extends Context.Service<
  Mailer,
  { readonly send: (to: string, subject: string) => Effect.Effect<void, Error> }
>()("example/Mailer") {}

const SendEmailLive = Worker.handler(SendEmail, ({ subject, to }) => Mailer.use(({ send }) => send(to, subject)))

const RemindLive = Worker.handler(Remind, ({ customer, left }) =>
  Effect.gen(function* () {
    yield* Client.enqueue(SendEmail, { to: customer, subject: `${left} days left` })
    if (left > 1) yield* Client.enqueue(Remind, { customer, left: left - 1 }, { delay: "1 day" })
  })
)

const App = Worker.layer({ tasks: [SendEmail, Remind], log: false }).pipe(
  Layer.provide([SendEmailLive, RemindLive]),
  Layer.provideMerge(Client.layer)
)

const signUp = (customer: string) =>
  Effect.gen(function* () {
    yield* Client.enqueue(SendEmail, { to: customer, subject: "Welcome" }, { priority: 1, unique: { key: customer } })
    yield* Client.enqueue(Remind, { customer, left: 3 }, { delay: "1 day" })
  })

// ---- its tests ----

/** A mailer that is down for as long as a test says, and keeps what arrives. */
const sent: Array<string> = []
let isDown = (_attempt: number): boolean => false
let attempts = 0
const TestMailer = Layer.succeed(Mailer, {
  send: (to, subject) =>
    Effect.suspend(() =>
      isDown(++attempts)
        ? Effect.fail(new Error("the mail server is down"))
        : Effect.sync(() => sent.push(`${to}: ${subject}`))
    )
})

/** The app as it is in production, except for its mailer and its backend. */
const inTest = App.pipe(Layer.provide(TestMailer), Layer.provideMerge(Testing.layer(Memory.layer)))

const days = (millis: number) => `${(millis / 86_400_000).toFixed(1)} days`

const assertions = Effect.gen(function* () {
  yield* signUp("ada@example.org")

  // nothing has run yet: workers wait until the test lets them
  yield* Testing.assertEnqueued(SendEmail, { payload: { to: "ada@example.org" }, priority: 1, unique: true, count: 1 })
  yield* Testing.assertEnqueued(Remind, { payload: ({ left }) => left === 3, delay: "1 day" })
  yield* Testing.assertNoneEnqueued(SendEmail, { queue: "default" })
  yield* Console.log(`enqueued: ${(yield* Testing.enqueued(SendEmail)).map(({ payload }) => payload.subject)}`)
}).pipe(Effect.provide(inTest))

const draining = Effect.gen(function* () {
  yield* signUp("ada@example.org")

  const now = yield* Testing.drain()
  yield* Console.log(`drain: ${now.completed} completed, sent ${sent.length}`)
  const later = yield* Testing.runUntilIdle()
  yield* Console.log(`until idle: ${later.completed} more over ${days(later.elapsedMillis)}, sent ${sent.length}`)
}).pipe(Effect.provide(inTest))

const retries = Effect.gen(function* () {
  attempts = 0
  isDown = (attempt) => attempt <= 20
  yield* Client.enqueue(SendEmail, { to: "ada@example.org", subject: "Hello" })

  const { completed, elapsedMillis, retry, stopped } = yield* Testing.runUntilIdle()
  yield* Console.log(`retries: ${retry} over ${days(elapsedMillis)}, then ${completed} completed; ${stopped}`)
}).pipe(Effect.provide(inTest))

const faulty = FaultyJobStore.layer([FaultyJobStore.failsAfter({ method: "exchange", probability: 0.3 })]).pipe(
  Layer.provideMerge(Memory.layer)
)
const lostReplies = Effect.gen(function* () {
  isDown = () => false
  for (let i = 0; i < 20; i++) yield* Client.enqueue(SendEmail, { to: "ada@example.org", subject: `${i}` })

  const { completed } = yield* Testing.runUntilIdle()
  const { count } = yield* FaultyJobStore.FaultyJobStore
  yield* Console.log(`lost replies: ${(yield* count) > 0 ? "some" : "none"}, completed ${completed} of 20`)
}).pipe(Effect.provide(App.pipe(Layer.provide(TestMailer), Layer.provideMerge(Testing.layer(faulty)))))

const start = performance.now()
await Effect.runPromise(Effect.all([assertions, draining, retries, lostReplies]))
if (process.argv.includes("--time")) console.log(`${Math.round(performance.now() - start)} ms of real time`)

// Output:
// enqueued: Welcome
// drain: 1 completed, sent 1
// until idle: 6 more over 3.0 days, sent 4
// retries: 20 over 5.7 days, then 1 completed; idle
// lost replies: some, completed 20 of 20
