import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { Queues } from "winterq"
import * as Memory from "winterq/memory"
import { FaultyJobStore } from "winterq/testing"
import {
  EnqueuedJob_Outcome,
  ExtendedLease_Status,
  QueueService,
  RedriveResponse_Redriven_Outcome
} from "../../src/grpc/gen/winter/v1/queue_service_pb.ts"
import { JobStore } from "../../src/ports/JobStore.ts"
import { backends, connect, json, serve, type Served, until } from "../support/grpc.ts"

const { method } = QueueService

const orders = Queues.sharded("orders", { shards: 4 })
const shards = Queues.shardsOf(orders)

/** One for each shard. */
const customers = shards.map((shard) =>
  Array.from({ length: 100 }, (_, n) => `customer-${n}`).find((key) => Queues.shardFor(orders, key) === shard)!
)

type Client = Effect.Success<ReturnType<typeof connect>>

for (const [backend, layer] of backends) {
  describe(`queues split over shards, on ${backend}`, () => {
    const test = (title: string, run: (client: Client, server: Served) => Effect.Effect<void, unknown>) =>
      it.live(title, () =>
        Effect.gen(function* () {
          const server = yield* serve(layer(), {
            queues: [orders],
            queueDefaults: { orders: { maxAttempts: 7 }, "orders.0": { maxAttempts: 8 } }
          })
          yield* run(yield* connect(server.address), server)
        }).pipe(Effect.scoped)
      )

    const stored = ({ services }: Served, queue: string, jobId: string) =>
      Effect.map(Context.get(services, JobStore).get(queue, jobId), Option.getOrThrow)

    test("a job goes to the shard of its order key, its unique key, or its id", (client, server) =>
      Effect.gen(function* () {
        const ordered = yield* client.enqueue({ queue: "orders", orderKey: customers[2]!, uniqueKey: "other" })
        const unique = yield* client.enqueue({ queue: "orders", uniqueKey: customers[3]!, jobId: "a" })
        const free = yield* client.enqueue({ queue: "orders", jobId: customers[1]! })
        const plain = yield* client.enqueue({ queue: "mail", orderKey: customers[1]! })
        const named = yield* client.enqueue({ queue: "orders.0", orderKey: customers[1]! })
        const again = yield* client.enqueue({ queue: "orders", jobId: customers[1]! })
        const attempts = yield* Effect.forEach([ordered, named], ({ jobId, queue }) => stored(server, queue, jobId))

        assert.deepStrictEqual(
          [ordered, unique, free, plain, named].map(({ queue }) => queue),
          ["orders.2", "orders.3", "orders.1", "mail", "orders.0"]
        )
        assert.deepInclude(again, { existing: true, queue: "orders.1" })
        assert.deepStrictEqual(
          attempts.map(({ maxAttempts }) => maxAttempts),
          [7, 8]
        )
      }))

    test("a batch is told in its order, each job with its shard", (client) =>
      Effect.gen(function* () {
        const { jobs } = yield* client.call(method.enqueueBatch, {
          queue: "orders",
          jobs: [3, 0, 3, 1].map((n) => ({ kind: "k", payload: json("1"), orderKey: customers[n]! }))
        })

        assert.deepStrictEqual(
          jobs.map(({ outcome, queue }) => [queue, outcome]),
          ["orders.3", "orders.0", "orders.3", "orders.1"].map((queue) => [queue, EnqueuedJob_Outcome.ENQUEUED])
        )
      }))

    test("whoever asks for jobs of the queue gets those of all shards, with the shard", (client) =>
      Effect.gen(function* () {
        for (const orderKey of customers) yield* client.enqueue({ queue: "orders", orderKey })
        const { job } = yield* client.dequeue({ queue: "orders" })
        const { jobs } = yield* client.call(method.dequeueBatch, { queue: "orders", workerId: "w", maxJobs: 10 })
        const all = [job!, ...jobs]
        const waiting = yield* Effect.forkChild(client.dequeue({ queue: "orders", timeoutMs: 20_000n }))
        yield* client.enqueue({ queue: "orders", orderKey: customers[2]!, jobId: "late" })
        const late = yield* Fiber.join(waiting)

        assert.sameMembers(
          all.map(({ queue }) => queue),
          [...shards]
        )
        assert.deepInclude(late.job, { id: "late", queue: "orders.2" })
        const { leases } = yield* client.call(method.heartbeat, { workerId: "w", queues: ["orders"] })
        assert.deepStrictEqual(new Set(leases.map(({ queue }) => queue)), new Set(shards))
        const settled = yield* Effect.forEach(all, ({ id: jobId, queue, token }) =>
          client.call(method.extendLease, { queue, workerId: "w", leases: [{ jobId, token }] })
        )
        assert.isTrue(settled.every(({ leases: [one] }) => one?.status === ExtendedLease_Status.HELD))
      }))

    test("a stream of the queue is one of its shards", (client) =>
      Effect.gen(function* () {
        for (const orderKey of customers) yield* client.enqueue({ queue: "orders", orderKey })
        const wire = client.stream()
        const seen: Array<string> = []
        wire.on("data", ({ job }) => seen.push(job!.queue))
        wire.on("error", () => undefined)

        wire.write({ open: { queues: ["orders", "orders.1"], workerId: "w" }, credit: 10 })
        yield* until(
          Effect.sync(() => seen.length),
          (count) => count === 4
        )
        wire.cancel()

        assert.sameMembers(seen, [...shards])
      }))

    test("the queue is counted, paused and resumed as a whole", (client) =>
      Effect.gen(function* () {
        for (const orderKey of [customers[0]!, ...customers]) yield* client.enqueue({ queue: "orders", orderKey })
        yield* client.call(method.pause, { queue: "orders.1" })
        const half = yield* client.stats("orders")
        const paused = yield* client.call(method.pause, { queue: "orders" })
        const whole = yield* client.stats("orders")
        const nothing = yield* client.dequeue({ queue: "orders", timeoutMs: 100n })
        const resumed = yield* client.call(method.resume, { queue: "orders" })
        const again = yield* client.call(method.resume, { queue: "orders" })

        assert.deepInclude(half, { queue: "orders", ready: 5n, enqueued: 5n, paused: false })
        assert.deepInclude(whole, { ready: 5n, paused: true })
        assert.isUndefined(nothing.job)
        assert.deepStrictEqual([paused.changed, resumed.changed, again.changed], [true, true, false])
      }))

    test("a call about one job names its shard", (client) =>
      Effect.gen(function* () {
        yield* client.enqueue({ queue: "orders", jobId: "a" })
        const { job } = yield* client.dequeue({ queue: "orders" })
        const { id: jobId, queue, token } = job!
        const calls = [
          client.call(method.ack, { jobId, queue: "orders", workerId: "w", token }),
          client.call(method.getResult, { jobId, queue: "orders" }),
          client.call(method.cancel, { jobId, queue: "orders" }),
          client.call(method.listJobs, { queue: "orders", state: "active" })
        ]
        const refused = yield* Effect.forEach(calls, (call) => Effect.flip(call as Effect.Effect<unknown, unknown>))
        const { outcome } = yield* client.call(method.ack, { jobId, queue, workerId: "w", token })

        for (const error of refused) {
          assert.deepInclude(error, {
            code: "INVALID_ARGUMENT",
            details: "queue must name one shard of orders: orders.0 to orders.3"
          })
        }
        assert.strictEqual(outcome, 1)
      }))

    test("dead letters of all shards are redriven and purged together", (client) =>
      Effect.gen(function* () {
        const ids = customers.flatMap((_, n) => [`${n}-a`, `${n}-b`])
        for (const jobId of ids) {
          yield* client.enqueue({ queue: "orders", jobId, orderKey: customers[Number(jobId[0])]! })
          const { job } = yield* client.dequeue({ queue: "orders" })
          const { queue, token } = job!
          yield* client.call(method.nack, { jobId, queue, workerId: "w", token, error: "no", skipRetry: true })
        }

        const named = yield* client.call(method.redrive, { queue: "orders", jobIds: ["3-a", "nobody", "0-a"] })
        const oldest = yield* client.call(method.redrive, { queue: "orders", oldest: 2 })
        const purged = yield* client.call(method.purge, { queue: "orders", jobIds: ["2-a", "3-a", "3-b"] })
        const rest = yield* client.call(method.purge, { queue: "orders", oldest: 1 })

        const { NOT_DEAD, REDRIVEN } = RedriveResponse_Redriven_Outcome
        assert.deepStrictEqual(
          named.jobs.map(({ jobId, outcome }) => [jobId, outcome]),
          [
            ["3-a", REDRIVEN],
            ["nobody", NOT_DEAD],
            ["0-a", REDRIVEN]
          ]
        )
        assert.deepStrictEqual(
          oldest.jobs.map(({ jobId, outcome }) => [jobId, outcome]),
          [
            ["0-b", REDRIVEN],
            ["1-a", REDRIVEN]
          ]
        )
        assert.deepStrictEqual([purged.purged, rest.purged], [2, 1])
        assert.deepInclude(yield* client.stats("orders"), { ready: 4n, dead: 1n })
        assert.deepInclude(yield* client.stats("orders.2"), { dead: 1n })
      }))

    test("jobs of all shards run now, and one shard at a time is removed", (client) =>
      Effect.gen(function* () {
        const delayed = { queue: "orders", delayMs: 3_600_000n }
        for (const [n, orderKey] of customers.entries()) yield* client.enqueue({ ...delayed, orderKey, jobId: `${n}` })

        const moved = yield* client.call(method.runNow, { queue: "orders", jobIds: ["3", "nobody", "0"] })
        const whole = yield* Effect.flip(client.call(method.removeQueue, { queue: "orders" }))
        const shard = yield* client.call(method.removeQueue, { queue: "orders.1" })

        assert.deepStrictEqual(moved.jobIds, ["3", "0"])
        assert.deepInclude(yield* client.stats("orders"), { ready: 2n, delayed: 2n })
        assert.strictEqual(whole.details, "queue must name one shard of orders: orders.0 to orders.3")
        assert.isFalse(shard.removed)
      }))

    test("one that cannot be redriven does not keep those of other shards", (client) =>
      Effect.gen(function* () {
        const keyed = { queue: "orders", orderKey: customers[0]!, uniqueKey: "u" }
        for (const request of [
          { ...keyed, jobId: "a" },
          { queue: "orders", orderKey: customers[1]!, jobId: "b" }
        ]) {
          yield* client.enqueue(request)
          const { job } = yield* client.dequeue({ queue: "orders" })
          const { id: jobId, queue, token } = job!
          yield* client.call(method.nack, { jobId, queue, workerId: "w", token, error: "no", skipRetry: true })
        }
        yield* client.enqueue({ ...keyed, jobId: "holder" })

        const { jobs } = yield* client.call(method.redrive, { queue: "orders", oldest: 1 })

        const { KEY_TAKEN, REDRIVEN } = RedriveResponse_Redriven_Outcome
        assert.deepStrictEqual(
          jobs.map(({ jobId, outcome }) => [jobId, outcome]),
          [
            ["a", KEY_TAKEN],
            ["b", REDRIVEN]
          ]
        )
      }))

    test("schedules and members of workflows go by their order keys", (client, server) =>
      Effect.gen(function* () {
        const definition = { kind: "k", payload: json("1"), timing: { case: "cron" as const, value: "@daily" } }
        yield* client.call(method.putSchedule, {
          name: "ordered",
          definition: { ...definition, queue: "orders", orderKey: customers[3]! }
        })
        yield* client.call(method.putSchedule, { name: customers[2]!, definition: { ...definition, queue: "orders" } })
        const { schedules } = yield* client.call(method.listSchedules, { queue: "orders" })
        const { workflowId } = yield* client.call(method.startWorkflow, {
          shape: {
            shape: { case: "job", value: { kind: "k", payload: json("1"), queue: "orders", orderKey: customers[1]! } }
          }
        })
        const { nodes } = yield* client.call(method.getWorkflowNodes, { workflowId })

        assert.deepStrictEqual(
          schedules.map(({ definition, name }) => [name, definition!.queue]),
          [
            [customers[2]!, "orders.2"],
            ["ordered", "orders.3"]
          ]
        )
        assert.deepInclude(nodes[0], { queue: "orders.1" })
        assert.deepInclude(yield* stored(server, "orders.1", nodes[0]!.jobId), { maxAttempts: 7 })
      }))
  })
}

describe("a shard that gives no answer", () => {
  const served = (fault: FaultyJobStore.Fault) =>
    Effect.gen(function* () {
      const store = FaultyJobStore.layer([fault]).pipe(Layer.provideMerge(Memory.layer))
      const server = yield* serve(store, { queues: [orders] })
      return yield* connect(server.address)
    })

  const jobs = customers.map((orderKey, n) => ({ kind: "k", payload: json("1"), orderKey, jobId: `job-${n}` }))

  it.live("leaves the others what they have stored, and the call can be repeated", () =>
    Effect.gen(function* () {
      const client = yield* served(FaultyJobStore.failsBefore({ method: "enqueue", after: 3, times: 1 }))

      const error = yield* Effect.flip(client.call(method.enqueueBatch, { queue: "orders", jobs }))
      const again = yield* client.call(method.enqueueBatch, { queue: "orders", jobs })

      assert.deepInclude(error, {
        code: "INTERNAL",
        details: "enqueue batch: the store is unavailable; 3 of the jobs are stored"
      })
      assert.deepStrictEqual(error.metadata.get("winter-retryable"), ["true"])
      assert.strictEqual(again.jobs.filter(({ outcome }) => outcome === EnqueuedJob_Outcome.EXISTING).length, 3)
      assert.strictEqual(again.jobs.filter(({ outcome }) => outcome === EnqueuedJob_Outcome.ENQUEUED).length, 1)
    }).pipe(Effect.scoped)
  )

  it.live("does not keep what others have handed out from whoever asked", () =>
    Effect.gen(function* () {
      const client = yield* served(FaultyJobStore.failsBefore({ method: "exchange", after: 2, times: 1 }))
      yield* client.call(method.enqueueBatch, { queue: "orders", jobs })

      const first = yield* client.call(method.dequeueBatch, { queue: "orders", workerId: "w", maxJobs: 10 })
      const second = yield* client.call(method.dequeueBatch, { queue: "orders", workerId: "w", maxJobs: 10 })

      assert.lengthOf(first.jobs, 2)
      assert.lengthOf(second.jobs, 2)
    }).pipe(Effect.scoped)
  )
})
