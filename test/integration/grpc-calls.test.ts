import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { Client, Schedules, Task, Worker, Workflow, Workflows } from "winterq"
import * as Schema from "effect/Schema"
import * as Layer from "effect/Layer"
import { EnqueuedJob_Outcome, QueueService, SettleOutcome } from "../../src/grpc/gen/winter/v1/queue_service_pb.ts"
import { ExtendedLease_Status, CancelResponse_Outcome } from "../../src/grpc/gen/winter/v1/queue_service_pb.ts"
import { RedriveResponse_Redriven_Outcome } from "../../src/grpc/gen/winter/v1/queue_service_pb.ts"
import { GrpcServer } from "../../src/grpc/index.ts"
import { QueueControl } from "../../src/ports/QueueControl.ts"
import { backends, type CallFailed, connect, json, serve, until } from "../support/grpc.ts"

const { method } = QueueService

const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes)

class Double extends Task.make("double", { payload: { n: Schema.Int }, success: Schema.Int }) {}

for (const [backend, layer] of backends) {
  describe(`gRPC calls on ${backend}`, () => {
    const test = (
      title: string,
      run: (
        client: Effect.Success<ReturnType<typeof connect>>,
        server: Effect.Success<ReturnType<typeof serve>>
      ) => Effect.Effect<void, unknown>
    ) =>
      it.live(title, () =>
        Effect.gen(function* () {
          const server = yield* serve(layer())
          yield* run(yield* connect(server.address), server)
        }).pipe(Effect.scoped)
      )

    test("unset priority and retries are the library's defaults; zero priority is zero", (client) =>
      Effect.gen(function* () {
        const unset = yield* client.enqueue({})
        const zero = yield* client.enqueue({ priority: 0, maxRetries: 1 })

        const first = yield* client.getJob(unset.jobId)
        const second = yield* client.getJob(zero.jobId)

        assert.deepInclude(first, { queue: "default", priority: 5, maxRetries: 20, state: "pending" })
        assert.deepInclude(second, { priority: 0, maxRetries: 1 })
      }))

    test("a delayed job and a retry come without anybody promoting them", (client) =>
      Effect.gen(function* () {
        const { jobId } = yield* client.enqueue({ queue: "q", delayMs: 300n })
        const waiting = yield* client.getJob(jobId)
        const none = yield* client.dequeue({ queue: "q", timeoutMs: 50n })

        const first = yield* client.dequeue({ queue: "q" })
        yield* client.call(method.nack, { jobId, queue: "q", workerId: "w", error: "one", delayMs: 100n })
        const second = yield* client.dequeue({ queue: "q" })

        assert.strictEqual(waiting.state, "pending")
        assert.isAbove(Number(waiting.scheduledAt), 0)
        assert.isUndefined(none.job)
        assert.deepInclude(first.job, { id: jobId, attempt: 0, lastError: "" })
        assert.deepInclude(second.job, { id: jobId, attempt: 1, lastError: "one", state: "active" })
      }))

    test("the server itself makes due jobs ready", (client) =>
      Effect.gen(function* () {
        yield* client.enqueue({ queue: "q", delayMs: 100n })

        const ready = yield* until(client.stats("q"), ({ ready }) => ready === 1n)

        assert.strictEqual(ready.delayed, 0n)
      }))

    test("the last failed attempt makes a dead letter", (client) =>
      Effect.gen(function* () {
        const { jobId } = yield* client.enqueue({ queue: "q", maxRetries: 1 })
        yield* client.dequeue({ queue: "q" })

        const nack = { jobId, queue: "q", workerId: "w", error: "boom" }
        const answer = yield* client.call(method.nack, nack)
        const again = yield* client.call(method.nack, nack)
        const job = yield* client.getJob(jobId)

        assert.deepInclude(answer, { outcome: "dead", settled: SettleOutcome.DIED })
        assert.deepInclude(again, { outcome: "", settled: SettleOutcome.STALE })
        assert.deepInclude(job, { state: "dead", attempt: 1, lastError: "boom", deadReason: "exhausted" })
      }))

    test("a repeated nack with its token hears the first answer", (client) =>
      Effect.gen(function* () {
        const { jobId } = yield* client.enqueue({ queue: "q" })
        const { job } = yield* client.dequeue({ queue: "q" })
        const nack = { jobId, queue: "q", workerId: "w", error: "boom", skipRetry: true, token: job!.token }

        const first = yield* client.call(method.nack, nack)
        const second = yield* client.call(method.nack, nack)

        assert.deepInclude(first, { outcome: "dead", settled: SettleOutcome.SETTLED })
        assert.deepInclude(second, { outcome: "dead", settled: SettleOutcome.REPEATED })
      }))

    test("ack and nack of an unknown job or by another worker change nothing", (client, { services }) =>
      Effect.gen(function* () {
        const { jobId } = yield* client.enqueue({ queue: "q" })
        yield* client.dequeue({ queue: "q" })
        const stranger = { jobId, queue: "q", workerId: "stranger" }
        const before = yield* QueueControl.use((control) => control.counters("q"))

        const acked = yield* client.call(method.ack, stranger)
        const nacked = yield* client.call(method.nack, { ...stranger, error: "x" })
        const unknown = yield* client.call(method.ack, { ...stranger, jobId: "nobody" })
        const after = yield* QueueControl.use((control) => control.counters("q"))
        const job = yield* client.getJob(jobId)

        assert.strictEqual(acked.outcome, SettleOutcome.STALE)
        assert.deepInclude(nacked, { outcome: "", settled: SettleOutcome.STALE })
        assert.strictEqual(unknown.outcome, SettleOutcome.GONE)
        assert.deepStrictEqual(after, before)
        assert.strictEqual(job.state, "active")
      }).pipe(Effect.provideContext(services)))

    test("a stale token changes nothing, whoever sends it", (client) =>
      Effect.gen(function* () {
        const { jobId } = yield* client.enqueue({ queue: "q" })
        const first = yield* client.dequeue({ queue: "q", leaseMs: 100n })
        const second = yield* client.dequeue({ queue: "q" })

        const late = yield* client.call(method.ack, { jobId, queue: "q", workerId: "w", token: first.job!.token })
        const job = yield* client.getJob(jobId)

        assert.strictEqual(late.outcome, SettleOutcome.STALE)
        assert.isAbove(Number(second.job!.token), Number(first.job!.token))
        assert.strictEqual(job.state, "active")
      }))

    test("heartbeats keep the jobs of their worker and of no other", (client) =>
      Effect.gen(function* () {
        yield* client.enqueue({ queue: "q" })
        yield* client.enqueue({ queue: "q" })
        const mine = yield* client.dequeue({ queue: "q", workerId: "a b/c,%d", leaseMs: 10_000n })
        const other = yield* client.dequeue({ queue: "q", workerId: "a", leaseMs: 10_000n })

        const beat = yield* client.call(method.heartbeat, { workerId: "a b/c,%d", leaseMs: 60_000n })
        const kept = yield* client.getJob(mine.job!.id)
        const left = yield* client.getJob(other.job!.id)

        assert.deepStrictEqual(
          beat.leases.map(({ jobId, queue, status }) => ({ jobId, queue, status })),
          [{ jobId: mine.job!.id, queue: "q", status: ExtendedLease_Status.HELD }]
        )
        assert.strictEqual(kept.workerId, "a b/c,%d")
        assert.isAbove(Number(kept.leaseExpiresAt - kept.startedAt), 50_000)
        assert.strictEqual(Number(left.leaseExpiresAt - left.startedAt), 10_000)
      }))

    test("a lease is extended by token and by worker; a lost one is told", (client) =>
      Effect.gen(function* () {
        const { jobId } = yield* client.enqueue({ queue: "q" })
        const { job } = yield* client.dequeue({ queue: "q" })
        yield* client.call(method.cancel, { jobId, queue: "q", reason: "enough" })

        const leases = [{ jobId, token: job!.token }, { jobId }, { jobId, token: 1n }, { jobId: "nobody" }]
        const extended = yield* client.call(method.extendLease, {
          queue: "q",
          workerId: "w",
          leaseMs: 90_000n,
          leases
        })
        const seen = yield* client.getJob(jobId)

        const { CANCEL_REQUESTED, LOST } = ExtendedLease_Status
        assert.deepStrictEqual(
          extended.leases.map(({ status }) => status),
          [CANCEL_REQUESTED, CANCEL_REQUESTED, LOST, LOST]
        )
        assert.isAbove(Number(seen.leaseExpiresAt - seen.startedAt), 80_000)
        assert.strictEqual(seen.cancelRequested, "enough")
      }))

    test("snooze and release count no attempt", (client) =>
      Effect.gen(function* () {
        const { jobId } = yield* client.enqueue({ queue: "q", maxRetries: 1 })
        const about = { jobId, queue: "q", workerId: "w" }
        yield* client.dequeue({ queue: "q" })

        const snoozed = yield* client.call(method.snooze, { ...about, delayMs: 100n })
        const waiting = yield* client.getJob(jobId)
        yield* client.dequeue({ queue: "q" })
        const released = yield* client.call(method.release, about)
        const back = yield* client.getJob(jobId)

        assert.deepStrictEqual([snoozed.outcome, released.outcome], [SettleOutcome.SETTLED, SettleOutcome.SETTLED])
        assert.deepInclude(waiting, { state: "pending", attempt: 0 })
        assert.isAbove(Number(waiting.scheduledAt), 0)
        assert.deepInclude(back, { state: "pending", attempt: 0, scheduledAt: 0n })
      }))

    test("a waiting job is cancelled at once, a running one by its holder", (client) =>
      Effect.gen(function* () {
        const waiting = yield* client.enqueue({ queue: "q" })
        const running = yield* client.enqueue({ queue: "r" })
        yield* client.dequeue({ queue: "r" })

        const first = yield* client.call(method.cancel, { jobId: waiting.jobId, queue: "q", reason: "no" })
        const second = yield* client.call(method.cancel, { jobId: running.jobId, queue: "r" })
        const about = { jobId: running.jobId, queue: "r", workerId: "w" }
        const nacked = yield* client.call(method.nack, about)
        const result = yield* client.call(method.getResult, { jobId: waiting.jobId, queue: "q" })

        assert.strictEqual(first.outcome, CancelResponse_Outcome.CANCELLED)
        assert.strictEqual(second.outcome, CancelResponse_Outcome.REQUESTED)
        assert.deepInclude(nacked, { outcome: "cancelled", settled: SettleOutcome.CANCELLED })
        assert.strictEqual(result.ending.case === "cancelled" ? result.ending.value.reason : "", "no")
      }))

    test("whoever waits for a result is told, and a running job has none yet", (client) =>
      Effect.gen(function* () {
        const { jobId } = yield* client.enqueue({ queue: "q" })
        const { job } = yield* client.dequeue({ queue: "q" })
        const none = yield* client.call(method.getResult, { jobId, queue: "q" })
        const waiting = yield* Effect.forkChild(
          client.call(method.getResult, { jobId, queue: "q", timeoutMs: 20_000n }),
          {
            startImmediately: true
          }
        )

        yield* client.call(method.ack, { jobId, queue: "q", workerId: "w", token: job!.token, result: json("42") })
        const { ending } = yield* Fiber.join(waiting)
        const missing = yield* Effect.flip(
          client.call(method.getResult, { jobId: "nobody", queue: "q", timeoutMs: 50n })
        )

        assert.isUndefined(none.ending.case)
        assert.strictEqual(ending.case === "completed" ? text(ending.value.result) : "", "42")
        assert.deepInclude(missing, { code: "NOT_FOUND", details: "job not found" })
      }))

    test("progress and log lines are kept while the job is held", (client) =>
      Effect.gen(function* () {
        const { jobId } = yield* client.enqueue({ queue: "q" })
        yield* client.dequeue({ queue: "q" })
        const about = { jobId, queue: "q", workerId: "w" }

        const held = yield* client.call(method.annotate, { ...about, progress: json("50"), logs: ["one", "two"] })
        const other = yield* client.call(method.annotate, { ...about, workerId: "other", logs: ["three"] })
        const seen = yield* client.call(method.getJob, { jobId, queue: "q" })

        assert.deepStrictEqual([held.held, other.held], [true, false])
        assert.deepStrictEqual([text(seen.job?.progress), seen.logs], ["50", ["one", "two"]])
      }))

    test("a unique period lets one job of a payload in, whoever enqueues it", (client, { services }) =>
      Effect.gen(function* () {
        const job = { kind: "double", queue: "q", payload: json('{"n":1}'), uniquePeriodMs: 60_000n }
        yield* client.enqueue(job)

        const error = yield* Effect.flip(client.enqueue(job))
        const other = yield* client.enqueue({ ...job, payload: json('{"n":2}') })
        const byLibrary = yield* Client.use((client) => client.enqueue(Double, { n: 1 }, { queue: "q", unique: true }))

        assert.deepInclude(error, { code: "ALREADY_EXISTS", details: "duplicate job" })
        assert.isNotEmpty(other.jobId)
        assert.strictEqual(byLibrary.outcome, "duplicate")
      }).pipe(Effect.provide(Client.layer), Effect.provideContext(services)))

    test("an id of the caller's makes enqueueing repeatable", (client) =>
      Effect.gen(function* () {
        const first = yield* client.enqueue({ jobId: "mine" })
        const second = yield* client.enqueue({ jobId: "mine" })
        const other = yield* Effect.flip(client.enqueue({ jobId: "mine", payload: json("2") }))

        assert.deepStrictEqual([first.existing, second.existing], [false, true])
        assert.deepInclude(other, { code: "ALREADY_EXISTS" })
      }))

    test("a batch is stored whole, in order, and dequeued at once", (client) =>
      Effect.gen(function* () {
        const jobs = ["a", "b", "a"].map((jobId) => ({ kind: "k", jobId, payload: json("1") }))

        const stored = yield* client.call(method.enqueueBatch, { queue: "q", jobs })
        const wrong = [{ kind: "k", payload: json("1") }, { kind: "" }]
        const refused = yield* Effect.flip(client.call(method.enqueueBatch, { queue: "q", jobs: wrong }))
        const taken = yield* client.call(method.dequeueBatch, { queue: "q", workerId: "w", maxJobs: 10 })

        const { ENQUEUED, EXISTING } = EnqueuedJob_Outcome
        assert.deepStrictEqual(
          stored.jobs.map(({ outcome }) => outcome),
          [ENQUEUED, ENQUEUED, EXISTING]
        )
        assert.strictEqual(refused.code, "INVALID_ARGUMENT")
        assert.deepStrictEqual(
          taken.jobs.map(({ id }) => id),
          ["a", "b"]
        )
      }))

    test("a batch that fits no message is cut, and the rest waits again", (client) =>
      Effect.gen(function* () {
        const payload = json(`"${"x".repeat(500_000)}"`)
        for (let n = 0; n < 10; n++) yield* client.enqueue({ queue: "q", payload })

        const first = yield* client.call(method.dequeueBatch, { queue: "q", workerId: "w", maxJobs: 10 })
        const stats = yield* client.stats("q")
        const page = yield* client.call(method.listJobs, { queue: "q", state: "active" })

        assert.isAbove(first.jobs.length, 5)
        assert.isBelow(first.jobs.length, 10)
        assert.deepInclude(stats, { active: BigInt(first.jobs.length), ready: BigInt(10 - first.jobs.length) })
        assert.isNotEmpty(page.jobs)
      }))

    test("a paused queue hands out nothing until it is resumed", (client) =>
      Effect.gen(function* () {
        yield* client.enqueue({ queue: "q" })
        const paused = yield* client.call(method.pause, { queue: "q" })
        const again = yield* client.call(method.pause, { queue: "q" })
        const none = yield* client.dequeue({ queue: "q", timeoutMs: 100n })
        const waiting = yield* Effect.forkChild(client.dequeue({ queue: "q", timeoutMs: 20_000n }))
        const stats = yield* client.stats("q")
        const resumed = yield* client.call(method.resume, { queue: "q" })

        const { job } = yield* Fiber.join(waiting)
        const { queues } = yield* client.call(method.listQueues, {})

        assert.deepStrictEqual(
          [paused.changed, again.changed, resumed.changed, stats.paused],
          [true, false, true, true]
        )
        assert.isUndefined(none.job)
        assert.isDefined(job)
        assert.deepStrictEqual(
          queues.map(({ queue }) => queue),
          ["q"]
        )
      }))

    test("dead letters are listed, redriven and purged", (client) =>
      Effect.gen(function* () {
        const ids = ["a", "b", "c"]
        for (const jobId of ids) {
          yield* client.enqueue({ queue: "q", jobId })
          yield* client.dequeue({ queue: "q" })
          yield* client.call(method.nack, { jobId, queue: "q", workerId: "w", error: "no", skipRetry: true })
        }

        const first = yield* client.call(method.listJobs, { queue: "q", state: "dead", pageSize: 2 })
        const page = { queue: "q", state: "dead", pageToken: first.nextPageToken }
        const second = yield* client.call(method.listJobs, page)
        const redriven = yield* client.call(method.redrive, { queue: "q", jobIds: ["a", "nobody"] })
        const purged = yield* client.call(method.purge, { queue: "q", oldest: 5 })
        const neither = yield* Effect.flip(client.call(method.purge, { queue: "q" }))
        const stats = yield* client.stats("q")

        assert.sameMembers(
          [...first.jobs, ...second.jobs].map(({ id }) => id),
          ids
        )
        const { NOT_DEAD, REDRIVEN } = RedriveResponse_Redriven_Outcome
        assert.deepStrictEqual(
          redriven.jobs.map(({ outcome }) => outcome),
          [REDRIVEN, NOT_DEAD]
        )
        assert.strictEqual(purged.purged, 2)
        assert.strictEqual(neither.code, "INVALID_ARGUMENT")
        assert.deepInclude(stats, { ready: 1n, dead: 0n, failed: 3n })
      }))

    test("jobs that wait for their time run now when told to", (client) =>
      Effect.gen(function* () {
        const waiting = yield* Effect.forkChild(client.dequeue({ queue: "q", timeoutMs: 20_000n }))
        yield* client.enqueue({ queue: "q", jobId: "delayed", delayMs: 3_600_000n })
        yield* client.enqueue({ queue: "q", jobId: "later", delayMs: 3_600_000n })

        const moved = yield* client.call(method.runNow, { queue: "q", jobIds: ["nobody", "delayed"] })
        const { job } = yield* Fiber.join(waiting)
        const again = yield* client.call(method.runNow, { queue: "q", jobIds: ["delayed"] })
        const none = yield* Effect.flip(client.call(method.runNow, { queue: "q" }))
        const stats = yield* client.stats("q")

        assert.deepStrictEqual([moved.jobIds, again.jobIds], [["delayed"], []])
        assert.strictEqual(job?.id, "delayed")
        assert.deepInclude(none, { code: "INVALID_ARGUMENT", details: "job_ids is required" })
        assert.deepInclude(stats, { active: 1n, delayed: 1n })
      }))

    test("a queue is removed once it holds nothing", (client) =>
      Effect.gen(function* () {
        yield* client.call(method.pause, { queue: "q" })
        yield* client.enqueue({ queue: "q", jobId: "a", retentionMs: 0n })
        const full = yield* client.call(method.removeQueue, { queue: "q" })
        yield* client.call(method.cancel, { queue: "q", jobId: "a" })

        const empty = yield* client.call(method.removeQueue, { queue: "q" })
        const again = yield* client.call(method.removeQueue, { queue: "q" })
        const { queues } = yield* client.call(method.listQueues, {})
        const stats = yield* client.stats("q")

        assert.deepStrictEqual([full.removed, empty.removed, again.removed], [false, true, true])
        assert.isEmpty(queues)
        assert.deepInclude(stats, { paused: false, enqueued: 0n })
      }))

    test("what makes no sense is an invalid argument that names the field", (client) =>
      Effect.gen(function* () {
        const refusals = yield* Effect.forEach(
          [
            client.enqueue({ kind: "" }),
            client.enqueue({ queue: "no spaces" }),
            client.enqueue({ payload: Uint8Array.of(0xff) }),
            client.enqueue({ maxRetries: -1 }),
            client.enqueue({ uniquePeriodMs: -1n }),
            client.enqueue({ scheduledAt: -5n }),
            client.enqueue({ scheduledAt: 5n, delayMs: 5n }),
            client.enqueue({ payload: json("x".repeat(600_000)) }),
            client.dequeue({ queue: "" }),
            client.dequeue({ queue: "q", workerId: "" }),
            client.dequeue({ queue: "q", leaseMs: 5n }),
            client.call(method.ack, { jobId: "", queue: "q", workerId: "w" }),
            client.call(method.nack, { jobId: "a", queue: "", workerId: "w" }),
            client.call(method.heartbeat, {}),
            client.getJob(""),
            client.call(method.listJobs, { queue: "q", state: "lost" })
          ],
          (call) =>
            Effect.map(Effect.flip(Effect.asVoid<unknown, CallFailed, never>(call)), ({ code, details }) => [
              code,
              details.split(" ")[0]
            ])
        )

        const fields = ["kind", "queue", "payload", "max_retries", "unique_period_ms", "scheduled_at", "scheduled_at"]
        const more = ["payload", "queue", "worker_id", "lease_ms", "job_id", "queue", "worker_id", "job_id", "state"]
        assert.deepStrictEqual(
          refusals,
          [...fields, ...more].map((field) => ["INVALID_ARGUMENT", field])
        )
      }))

    test("the caller's trace travels with the job", (client) =>
      Effect.gen(function* () {
        const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

        const { jobId } = yield* client.enqueue({ queue: "q" }, { metadata: { traceparent } })
        const job = yield* client.getJob(jobId)

        assert.deepStrictEqual(job.headers, { traceparent })
      }))

    test("jobs go both ways between remote callers and the library", (client, { services }) =>
      Effect.gen(function* () {
        const { jobId } = yield* client.enqueue({ kind: "double", payload: json('{"n":21}') })
        const { ending } = yield* client.call(method.getResult, { jobId, queue: "default", timeoutMs: 20_000n })
        const handle = yield* Client.use((client) => client.enqueue(Double, { n: 4 }, { queue: "remote" }))
        const { job } = yield* client.dequeue({ queue: "remote" })
        const about = { jobId: handle.id, queue: "remote", workerId: "w" }
        const waiting = yield* Effect.forkChild(Client.use((client) => client.awaitResult(handle)))
        yield* client.call(method.ack, { ...about, result: json("8") })

        assert.strictEqual(ending.case === "completed" ? text(ending.value.result) : "", "42")
        assert.deepStrictEqual([text(job?.payload), yield* Fiber.join(waiting)], ['{"n":4}', 8])
      }).pipe(
        Effect.provide(
          Layer.merge(
            Client.layer,
            Worker.layer({ queues: ["default"], tasks: [Double] }).pipe(
              Layer.provide(Worker.handler(Double, ({ n }) => Effect.succeed(2 * n)))
            )
          )
        ),
        Effect.provideContext(services)
      ))

    test("the server lets schedules tick", (client, { services }) =>
      Effect.gen(function* () {
        yield* Schedules.add(Schedules.entry("often", Double, { every: "1 second", payload: { n: 5 } }))

        const { job } = yield* client.dequeue({ queue: "default", timeoutMs: 20_000n })

        assert.strictEqual(text(job?.payload), '{"n":5}')
      }).pipe(Effect.provideContext(services)))

    test("acks of remote workers advance workflows", (client, { services }) =>
      Effect.gen(function* () {
        const handle = yield* Workflows.start(
          Workflow.chain(Workflow.job(Double, { n: 1 }), Workflow.job(Double, { n: 2 }), Workflow.job(Double, { n: 3 }))
        )
        const seen: Array<string> = []
        for (let step = 1; step <= 3; step++) {
          const { job } = yield* client.dequeue({ queue: "default" })
          seen.push(text(job?.payload))
          const about = { jobId: job!.id, queue: "default", workerId: "w" }
          yield* client.call(method.ack, { ...about, result: json(String(2 * step)) })
        }

        const result = yield* Workflows.awaitResult(handle)

        assert.deepStrictEqual(seen, ['{"n":1}', '{"n":2}', '{"n":3}'])
        assert.strictEqual(result, 6)
      }).pipe(Effect.provide(Workflows.layer), Effect.provideContext(services)))

    test("a member that dies in a remote worker's hands fails its workflow", (client, { services }) =>
      Effect.gen(function* () {
        const handle = yield* Workflows.start(
          Workflow.chain(Workflow.job(Double, { n: 1 }), Workflow.job(Double, { n: 2 }))
        )
        const { job } = yield* client.dequeue({ queue: "default" })
        const about = { jobId: job!.id, queue: "default", workerId: "w" }
        yield* client.call(method.nack, { ...about, error: "no", skipRetry: true })

        const error = yield* Effect.flip(Workflows.awaitResult(handle))

        assert.deepInclude(error, { _tag: "WorkflowFailed" })
      }).pipe(Effect.provide(Workflows.layer), Effect.provideContext(services)))

    test("every call about a job may go to another server than its claim", (client, { services }) =>
      Effect.gen(function* () {
        const { address } = yield* Effect.map(
          Layer.build(Layer.fresh(GrpcServer.layer({ port: 0, logCalls: "failures" }))),
          Context.get(GrpcServer)
        )
        const other = yield* connect(address)
        const { jobId } = yield* client.enqueue({ queue: "q" })
        yield* client.dequeue({ queue: "q", leaseMs: 10_000n })

        const { leases } = yield* other.call(method.heartbeat, { workerId: "w", leaseMs: 60_000n })
        const held = yield* client.getJob(jobId)
        const acked = yield* other.call(method.ack, { jobId, queue: "q", workerId: "w" })

        assert.lengthOf(leases, 1)
        assert.isAbove(Number(held.leaseExpiresAt - held.startedAt), 50_000)
        assert.strictEqual(acked.outcome, SettleOutcome.SETTLED)
      }).pipe(Effect.scoped, Effect.provideContext(services)))

    test("many dequeues of one worker at once get a job each", (client) =>
      Effect.gen(function* () {
        const waiting = yield* Effect.forkChild(
          Effect.forEach(Array(50).keys(), () => client.dequeue({ queue: "q", timeoutMs: 20_000n }), {
            concurrency: "unbounded"
          }),
          { startImmediately: true }
        )
        const ids = yield* Effect.forEach(Array(50).keys(), () => client.enqueue({ queue: "q" }))

        const answers = yield* Fiber.join(waiting)

        assert.sameMembers(
          answers.map(({ job }) => job?.id),
          ids.map(({ jobId }) => jobId)
        )
      }))
  })
}
