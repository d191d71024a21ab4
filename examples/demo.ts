// The whole life of jobs: completed, retried, put off, buried and redriven, and rescued from a worker that vanished.
//
//   npm run demo                                   in memory, no server
//   npm run demo -- --redis redis://localhost:6379 the same program on Redis
import { Console, Effect, Layer, Logger, Option, Schema } from "effect"
import {
  Backoff,
  Client,
  DeadLetters,
  type JobHandle,
  type JobInfo,
  JobStore,
  QueueControl,
  SkipRetry,
  Snooze,
  Task,
  Worker
} from "winterq"
import * as Memory from "winterq/memory"
import * as Redis from "winterq/redis"

class CardDeclined extends Schema.TaggedError<CardDeclined>()("CardDeclined", { card: Schema.String }) {}

class Charge extends Task.make("payment.charge", {
  payload: { customer: Schema.String, cents: Schema.Int },
  success: Schema.Struct({ receipt: Schema.String }),
  queue: "demo",
  maxAttempts: 3,
  backoff: Backoff.fixed("200 millis")
}) {}

const queue = Charge.queue

/** What each customer's charge goes through before it succeeds. */
const charge = ({ customer }: { readonly customer: string }, job: JobInfo) => {
  if (customer === "retried" && job.attempt === 1) return Effect.fail(new CardDeclined({ card: "…4242" }))
  if (customer === "put off" && job.snoozes === 0) return Effect.fail(Snooze.for("200 millis"))
  if (customer === "blocked" && !unblocked) return Effect.fail(new SkipRetry({ error: "account is blocked" }))
  return Effect.succeed({ receipt: `receipt of ${customer}, attempt ${job.attempt}` })
}
let unblocked = false

const ends = (handle: JobHandle, state: "completed" | "dead") =>
  Effect.gen(function* () {
    const store = yield* JobStore
    while (true) {
      const job = yield* store.get(queue, handle.id)
      if (Option.isSome(job) && job.value.state === state) return job.value
      yield* Effect.sleep("20 millis")
    }
  }).pipe(Effect.timeout("20 seconds"))

const show = (name: string, handle: JobHandle) =>
  Effect.flatMap(ends(handle, "completed"), (job) =>
    Console.log(
      `${name.padEnd(10)} ${job.state}, attempt ${job.attempt} of ${job.maxAttempts}` +
        `${job.failures.map((failure) => `, attempt ${failure.attempt} ${failure.outcome}`).join("")}: ${job.result}`
    )
  )

const program = Effect.gen(function* () {
  const enqueue = (customer: string) => Client.enqueue(Charge, { customer, cents: 4999 })

  // a worker that takes a job and is never heard of again: no settlement, no extension
  const lost = yield* enqueue("rescued")
  const store = yield* JobStore
  yield* store.exchange({
    queue,
    worker: "vanished",
    settlements: [],
    claim: { number: 1, limit: 1, leaseMillis: 1000 }
  })

  const ChargeLive = Worker.handler(Charge, charge)
  const WorkerLive = Worker.layer({ tasks: [Charge], concurrency: 10 }).pipe(Layer.provide(ChargeLive))

  yield* Effect.gen(function* () {
    const plain = yield* enqueue("plain")
    const retried = yield* enqueue("retried")
    const putOff = yield* enqueue("put off")
    const blocked = yield* enqueue("blocked")
    const invalid = yield* Effect.flip(Client.enqueue(Charge, { customer: "x", cents: 0.5 }))
    yield* Console.log(`refused    ${invalid._tag}`)
    yield* show("plain", plain)
    yield* show("retried", retried)
    yield* show("put off", putOff)
    const dead = yield* ends(blocked, "dead")
    yield* Console.log(`blocked    ${dead.state}, ${dead.deadReason}: ${dead.failures[0]?.error}`)
    unblocked = true
    yield* DeadLetters.redrive(queue, [dead.id])
    yield* show("redriven", blocked)
    yield* show("rescued", lost)
  }).pipe(Effect.provide(WorkerLive))

  const control = yield* QueueControl
  const { completed, died, enqueued, rescued, retried, snoozed } = yield* control.counters(queue)
  yield* Console.log(
    `${enqueued} enqueued, ${completed} completed, ${retried} retried, ${snoozed} snoozed, ${died} died, ${rescued} rescued`
  )
})

const redisAt = process.argv.indexOf("--redis")
const url = process.argv[redisAt + 1]
const Backend =
  redisAt < 0 || url === undefined
    ? Memory.layer
    : // a prefix of its own, so that each run starts with empty queues
      Redis.layer({ url, prefix: `winterq-demo-${Date.now()}` })

await Effect.runPromise(
  program.pipe(
    Effect.provide(Client.layer.pipe(Layer.provideMerge(Backend))),
    // warnings tell of the rescue as it happens; they go to stderr, the story to stdout
    Effect.provide(Logger.layer([Logger.withConsoleError(Logger.formatLogFmt)]))
  )
)

// Output:
// refused    InvalidPayload
// plain      completed, attempt 1 of 3: {"receipt":"receipt of plain, attempt 1"}
// retried    completed, attempt 2 of 3, attempt 1 retry: {"receipt":"receipt of retried, attempt 2"}
// put off    completed, attempt 1 of 3: {"receipt":"receipt of put off, attempt 1"}
// blocked    dead, skipped: account is blocked
// redriven   completed, attempt 1 of 3, attempt 1 dead: {"receipt":"receipt of blocked, attempt 1"}
// rescued    completed, attempt 2 of 3, attempt 1 crashed: {"receipt":"receipt of rescued, attempt 2"}
// 5 enqueued, 5 completed, 1 retried, 1 snoozed, 1 died, 1 rescued
