import { execFile } from "node:child_process"
import { join } from "node:path"
import { promisify } from "node:util"
import * as grpc from "@grpc/grpc-js"
import * as protoLoader from "@grpc/proto-loader"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { backends, serve } from "../support/grpc.ts"
import { findPython, pythonStubs } from "../support/python.ts"

const folder = join(import.meta.dirname, "grpc")
const proto = join(folder, "seven_calls.proto")
const run = promisify(execFile)
const { python, why } = await findPython()

type Answer = Readonly<Record<string, any>>
type Ask = (request: Answer) => Promise<Answer>

/** A client that knows the seven calls alone. */
const oldClient = (address: string) => {
  const loaded = grpc.loadPackageDefinition(
    protoLoader.loadSync(proto, { keepCase: true, longs: Number, defaults: true, enums: String })
  ) as unknown as { winter: { v1: { QueueService: grpc.ServiceClientConstructor } } }
  const client = new loaded.winter.v1.QueueService(address, grpc.credentials.createInsecure())
  const ask =
    (name: string): Ask =>
    (request) =>
      new Promise((resolve, reject) => {
        client[name]!.call(client, request, (error: grpc.ServiceError | null, answer: Answer) =>
          error === null ? resolve(answer) : reject(error)
        )
      })
  return {
    close: () => client.close(),
    enqueue: (queue: string, more: Answer = {}) =>
      ask("Enqueue")({ kind: "test_task", payload: Buffer.from('{"n":1}'), queue, ...more }),
    dequeue: (queue: string, timeout_ms = 2000) => ask("Dequeue")({ queue, worker_id: "worker-1", timeout_ms }),
    ack: ask("Ack"),
    nack: ask("Nack"),
    heartbeat: ask("Heartbeat"),
    getJob: (job_id: string) => ask("GetJob")({ job_id }),
    stats: (queue: string) => ask("QueueStats")({ queue })
  }
}

const pythonTests = [
  "enqueue_returns_an_id",
  "enqueue_dequeue_ack_get_ends_completed",
  "dequeue_of_an_empty_queue_returns_no_job",
  "nack_with_retries_left_says_retry",
  "heartbeat_is_ok",
  "an_unknown_job_is_not_found",
  "stats_follow_the_jobs",
  "three_dequeues_give_three_jobs"
]

for (const [backend, layer] of backends) {
  describe(`a client of the first system on ${backend}`, () => {
    const scope = Effect.runSync(Scope.make())
    let address: string
    let client: ReturnType<typeof oldClient>

    beforeAll(async () => {
      address = (await Effect.runPromise(Scope.provide(serve(layer()), scope))).address
      client = oldClient(address)
    })
    afterAll(async () => {
      client.close()
      await Effect.runPromise(Scope.close(scope, Exit.void))
    })

    it("enqueues and gets an id", async () => {
      const { job_id } = await client.enqueue("a")

      assert.isNotEmpty(job_id)
    })

    it("enqueues, dequeues, acks, and sees the job completed", async () => {
      const { job_id } = await client.enqueue("b")

      const { job } = await client.dequeue("b")
      await client.ack({ job_id, queue: "b", worker_id: "worker-1" })
      const ended = await client.getJob(job_id)

      assert.deepInclude(job, { id: job_id, kind: "test_task", queue: "b", state: "active", attempt: 0 })
      assert.deepInclude(job, { priority: 5, max_retries: 20, payload: Buffer.from('{"n":1}') })
      assert.strictEqual(ended["job"].state, "completed")
      assert.isAbove(ended["job"].completed_at, 0)
    })

    it("gets no job from an empty queue in time", async () => {
      const since = performance.now()

      const { job } = await client.dequeue("c", 500)

      assert.isNull(job)
      assert.isAtLeast(performance.now() - since, 490)
    })

    it("hears retry when it fails a job with retries left", async () => {
      const { job_id } = await client.enqueue("d", { max_retries: 3 })
      await client.dequeue("d")

      const { outcome } = await client.nack({ job_id, queue: "d", worker_id: "worker-1", error: "boom" })
      const { job } = await client.getJob(job_id)

      assert.strictEqual(outcome, "retry")
      assert.deepInclude(job, { state: "retry", attempt: 1, max_retries: 3, last_error: "boom" })
    })

    it("sends heartbeats", async () => {
      assert.deepEqual(await client.heartbeat({ worker_id: "worker-1", queues: ["e"] }), {})
    })

    it("hears that an unknown job is not found", async () => {
      const error = await client.getJob("no-such-job").catch((error: grpc.ServiceError) => error)

      assert.deepInclude(error, { code: grpc.status.NOT_FOUND, details: "job not found" })
    })

    it("sees counts follow the jobs", async () => {
      for (let n = 0; n < 3; n++) await client.enqueue("f")

      const first = await client.stats("f")
      const { job } = await client.dequeue("f")
      await client.ack({ job_id: job.id, queue: "f", worker_id: "worker-1" })
      const second = await client.stats("f")

      assert.deepInclude(first, { ready: 3, completed: 0 })
      assert.deepInclude(second, { ready: 2, completed: 1, active: 0 })
    })

    it("gets three jobs from three dequeues", async () => {
      const enqueued = [await client.enqueue("g"), await client.enqueue("g"), await client.enqueue("g")]

      const dequeued = [await client.dequeue("g"), await client.dequeue("g"), await client.dequeue("g")]

      assert.sameMembers(
        dequeued.map(({ job }) => job.id),
        enqueued.map(({ job_id }) => job_id)
      )
    })

    it.skipIf(python === undefined)(`in Python, passes the same eight tests${why}`, async () => {
      const stubs = await pythonStubs(python!, proto)
      try {
        const args = [join(folder, "seven_calls.py"), stubs.folder, address, "python-"]
        const { stdout } = await run(python!, args, { timeout: 50_000 })

        assert.deepStrictEqual(
          stdout.trim().split("\n"),
          pythonTests.map((name) => `ok ${name}`)
        )
      } finally {
        await stubs.remove()
      }
    })
  })
}
