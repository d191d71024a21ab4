import { connect as connectHttp2, constants } from "node:http2"
import { assert, describe, it } from "@effect/vitest"
import { create, type MessageInitShape, type MessageShape, toBinary } from "@bufbuild/protobuf"
import * as grpc from "@grpc/grpc-js"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { Task, Worker, Workflows } from "winterq"
import * as Memory from "winterq/memory"
import {
  CancelWorkflowResponse_Outcome,
  FailurePolicy,
  GetParentResultsRequestSchema,
  type Job,
  QueueService,
  type StartWorkflowRequestSchema,
  Workflow_StopCause,
  WorkflowNode_State,
  type WorkflowShapeSchema,
  WorkflowState
} from "../../src/grpc/gen/winter/v1/queue_service_pb.ts"
import type { ServerOptions } from "../../src/grpc/index.ts"
import { WorkflowStore } from "../../src/ports/WorkflowStore.ts"
import { backends, connect, json, serve, until } from "../support/grpc.ts"

const { method } = QueueService

type Client = Effect.Success<ReturnType<typeof connect>>
type Shape = Exclude<MessageInitShape<typeof WorkflowShapeSchema>, MessageShape<typeof WorkflowShapeSchema>>
type Start = Exclude<
  MessageInitShape<typeof StartWorkflowRequestSchema>,
  MessageShape<typeof StartWorkflowRequestSchema>
>

const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes)

const job = (n: number | string, kind = "say"): Shape => ({
  shape: { case: "job", value: { kind, payload: json(JSON.stringify(n)), queue: "q" } }
})
const chain = (...steps: Array<Shape>): Shape => ({ shape: { case: "chain", value: { steps } } })
const group = (...members: Array<Shape>): Shape => ({ shape: { case: "group", value: { members } } })

const start = (client: Client, shape: Shape, more: Start = {}) =>
  client.call(method.startWorkflow, { shape, workflowId: "flow", ...more })

const awaited = (client: Client, timeoutMs = 20_000n) =>
  Effect.map(client.call(method.awaitWorkflow, { workflowId: "flow", timeoutMs }), ({ workflow }) => workflow!)

const about = ({ id: jobId, token }: Job) => ({ jobId, queue: "q", workerId: "w", token })

const ack = (client: Client, job: Job, result: unknown) =>
  client.call(method.ack, { ...about(job), result: json(JSON.stringify(result)) })

const next = (client: Client) => Effect.map(client.dequeue({ queue: "q", timeoutMs: 20_000n }), ({ job }) => job!)

/** What the jobs gave that this one waited for, in words. */
const parents = (client: Client, { node, workflowId }: Job) =>
  Effect.map(client.all(method.getParentResults, { workflowId, node: node! }), (messages) =>
    messages.map(({ result }) => {
      const { ending, kind } = result!
      switch (ending.case) {
        case "completed":
          return `${kind} ${text(ending.value.result)}`
        case "dead":
          return `${kind} dead ${ending.value.error}`
        default:
          return `${kind} ${ending.case}`
      }
    })
  )

class Sum extends Task.make("sum", { payload: Schema.String, success: Schema.Int, queue: "q" }) {}
class Say extends Task.make("say", { payload: Schema.Int, success: Schema.Int, queue: "q" }) {}

const asIs = (bytes: Buffer): Buffer => bytes

const parentResultsPath = `/${QueueService.typeName}/GetParentResults`
const grpcContent = { "content-type": "application/grpc" }

/** A shape as deep as a message allows, which no encoder here writes. */
const bottomless = (levels: number): Buffer => {
  let length = 0
  const heads: Array<Uint8Array> = []
  for (let level = 0; level < levels; level++) {
    const head = [level % 2 === 0 ? 0x0a : 0x12]
    let rest = length
    for (; rest > 127; rest >>>= 7) head.push((rest & 127) | 128)
    heads.push(Uint8Array.from([...head, rest]))
    length += head.length + 1
  }
  return Buffer.concat(heads.toReversed())
}

describe("gRPC workflows", () => {
  it.live("a shape nested without end is refused, and the server goes on", () =>
    Effect.gen(function* () {
      const { address } = yield* serve(Memory.layer)
      const { call, client } = yield* connect(address)
      const send = (bytes: Buffer) =>
        Effect.callback<string>((resume) => {
          const path = `/${QueueService.typeName}/StartWorkflow`
          client.makeUnaryRequest(path, asIs, asIs, bytes, (error) =>
            resume(Effect.succeed(error === null ? "OK" : grpc.status[error.code]))
          )
        })

      // a request's shape is its field 1, a shape's chain 2, a chain's step 1
      const codes = yield* Effect.forEach([99, 101, 500_001], (levels) => send(bottomless(levels)))
      const { workflows } = yield* call(method.listWorkflows, {})

      // what reads messages stops at a depth of a hundred
      assert.deepStrictEqual(codes, ["INVALID_ARGUMENT", "INTERNAL", "INTERNAL"])
      assert.lengthOf(workflows, 0)
    }).pipe(Effect.scoped)
  )

  it.live("whoever waits for a workflow hears how it stands when the server stops", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { address } = yield* Scope.provide(serve(Memory.layer, { drain: "10 seconds" }), scope)
      const client = yield* connect(address)
      yield* start(client, job(1))
      const waiting = yield* Effect.forkChild(awaited(client, 60_000n), { startImmediately: true })
      yield* client.stats("q")

      const since = performance.now()
      yield* Scope.close(scope, Exit.void)
      const { state } = yield* Fiber.join(waiting)

      assert.strictEqual(state, WorkflowState.RUNNING)
      assert.isBelow(performance.now() - since, 5000)
    }).pipe(Effect.scoped)
  )

  it.live("results are read no faster than the client takes them, and no more once it has gone", () =>
    Effect.gen(function* () {
      let read = 0
      const counting = Layer.effect(
        WorkflowStore,
        Effect.map(WorkflowStore, (store) => ({
          ...store,
          outcomes: (id: string, nodes: ReadonlyArray<number>) => {
            read += nodes.length
            return store.outcomes(id, nodes)
          }
        }))
      )
      const { address, log } = yield* serve(counting.pipe(Layer.provideMerge(Memory.layer)))
      const client = yield* connect(address)
      const members = Array.from({ length: 500 }, (_, n) => job(n))
      yield* start(client, chain(group(...members), job("all", "sum")))
      const sum = { workflowId: "flow", node: members.length }
      const large = "x".repeat(10_000)
      for (let done = 0; done < members.length;) {
        const { jobs } = yield* client.call(method.dequeueBatch, { queue: "q", workerId: "w", maxJobs: 1000 })
        yield* Effect.forEach(jobs, (one) => ack(client, one, large), { concurrency: 50 })
        done += jobs.length
      }
      // clients of grpc-js read ahead whatever comes
      const session = connectHttp2(`http://${address}`)
      const slow = session.request({ ":method": "POST", ":path": parentResultsPath, te: "trailers", ...grpcContent })
      slow.on("error", () => undefined)
      const request = toBinary(GetParentResultsRequestSchema, create(GetParentResultsRequestSchema, sum))
      slow.end(Buffer.concat([Uint8Array.of(0, 0, 0, 0, request.length), request]))
      let looks = 0
      let last = 0
      const early = yield* until(
        Effect.sync(() => read),
        (now) => {
          looks = now === last ? looks + 1 : 0
          last = now
          return now > 0 && looks === 50
        }
      )

      slow.close(constants.NGHTTP2_CANCEL)
      const line = yield* until(
        Effect.sync(() => log.find(({ annotations }) => `${annotations["method"]}`.endsWith("GetParentResults"))),
        (line) => line !== undefined
      )
      session.destroy()

      assert.isAbove(early, 0)
      assert.isBelow(early, 400)
      assert.isBelow(read, 400)
      assert.strictEqual(line?.annotations["code"], "CANCELLED")
    }).pipe(Effect.scoped)
  )
})

for (const [backend, layer] of backends) {
  describe(`gRPC workflows on ${backend}`, () => {
    const test = (
      title: string,
      run: (client: Client, server: Effect.Success<ReturnType<typeof serve>>) => Effect.Effect<void, unknown>,
      options: ServerOptions = {}
    ) =>
      it.live(title, () =>
        Effect.gen(function* () {
          const server = yield* serve(layer(), options)
          yield* run(yield* connect(server.address), server)
        }).pipe(Effect.scoped)
      )

    test("a remote worker runs a chord, with its parents' results", (client) =>
      Effect.gen(function* () {
        const { existing } = yield* start(client, chain(group(job(1), job(2), job(3)), job("all", "sum")))
        const waiting = yield* Effect.forkChild(awaited(client), { startImmediately: true })
        for (let i = 0; i < 3; i++) {
          const member = yield* next(client)
          yield* ack(client, member, 10 * Number(text(member.payload)))
        }
        const last = yield* next(client)
        const results = yield* parents(client, last)
        yield* ack(client, last, 60)

        const workflow = yield* Fiber.join(waiting)
        const { result } = yield* client.call(method.getNodeResult, { workflowId: "flow", node: 3 })

        assert.isFalse(existing)
        assert.deepInclude(last, { kind: "sum", workflowId: "flow", node: 3 })
        assert.deepStrictEqual(results, ["say 10", "say 20", "say 30"])
        assert.deepInclude(workflow, {
          ...{ id: "flow", name: "say", state: WorkflowState.COMPLETED, onFailure: FailurePolicy.STOP },
          ...{ total: 4, completed: 4, open: 0, waiting: 0, failed: 0, stopped: 0, deadlineAt: 0n },
          ...{ stopCause: Workflow_StopCause.UNSPECIFIED, reason: "" }
        })
        assert.isUndefined(workflow.failedNode)
        assert.isAtLeast(Number(workflow.endedAt), Number(workflow.createdAt))
        assert.deepInclude(result, { node: 3, kind: "sum", queue: "q", jobId: last.id })
        assert.strictEqual(result?.ending.case === "completed" && text(result.ending.value.result), "60")
      }))

    test("a job that a remote worker fails to death fails its workflow", (client) =>
      Effect.gen(function* () {
        const fragile: Shape = { shape: { case: "job", value: { kind: "fragile", queue: "q", maxRetries: 2 } } }
        yield* start(client, chain(job(0), fragile, job(2)))
        yield* ack(client, yield* next(client), 0)
        for (const error of ["one", "two"]) {
          yield* client.call(method.nack, { ...about(yield* next(client)), error, delayMs: 0n })
        }

        const workflow = yield* awaited(client)
        const { result } = yield* client.call(method.getNodeResult, { workflowId: "flow", node: 1 })
        const never = yield* client.call(method.getNodeResult, { workflowId: "flow", node: 2 })

        assert.deepInclude(workflow, {
          ...{ state: WorkflowState.FAILED, failedNode: 1, stopCause: Workflow_StopCause.FAILURE },
          ...{ completed: 1, failed: 1, stopped: 1 }
        })
        assert.strictEqual(result?.ending.case, "dead")
        assert.deepInclude(result?.ending.value, { reason: "exhausted", error: "two" })
        assert.deepInclude(never.result, { kind: "say", jobId: "" })
        assert.isUndefined(never.result?.ending.case)
      }))

    test("with continue, what comes after a dead job sees how it died", (client) =>
      Effect.gen(function* () {
        const onFailure = FailurePolicy.CONTINUE
        yield* start(client, chain(group(job(1), job(2)), group(job(3), job(4))), { onFailure, name: "brave" })
        yield* ack(client, yield* next(client), 1)
        yield* client.call(method.nack, { ...about(yield* next(client)), error: "no", skipRetry: true })
        const third = yield* next(client)
        const results = yield* parents(client, third)
        yield* ack(client, third, 3)
        yield* ack(client, yield* next(client), 4)

        const workflow = yield* awaited(client)

        // a join stands between the groups, and for those before it
        assert.deepInclude(third, { node: 3 })
        assert.deepStrictEqual(results, ["say 1", "say dead no"])
        assert.deepInclude(workflow, { name: "brave", state: WorkflowState.COMPLETED, failed: 1, onFailure })
      }))

    test("the results of a large group arrive whole and in order", (client) =>
      Effect.gen(function* () {
        const numbers = [...Array(1250).keys()]
        yield* start(client, chain(group(...numbers.map((n) => job(n))), job("all", "sum")))
        const { jobs } = yield* client.call(method.dequeueBatch, { queue: "q", workerId: "w", maxJobs: 1000 })
        const rest = yield* client.call(method.dequeueBatch, { queue: "q", workerId: "w", maxJobs: 1000 })
        const all = [...jobs, ...rest.jobs]
        yield* Effect.forEach(all.toReversed(), (one) => ack(client, one, -Number(text(one.payload))), {
          concurrency: 50
        })
        const last = yield* next(client)

        const results = yield* parents(client, last)

        assert.deepStrictEqual(
          results,
          numbers.map((n) => `say ${n === 0 ? 0 : -n}`)
        )
      }))

    test("every way to a job tells its place in its workflow", (client) =>
      Effect.gen(function* () {
        yield* start(client, group(job(0), job(1), job(2)))
        const single = yield* next(client)
        const { jobs } = yield* client.call(method.dequeueBatch, { queue: "q", workerId: "w" })
        const wire = client.stream()
        const streamed = yield* Effect.callback<Job>((resume) => {
          wire.on("data", ({ job }) => {
            if (job !== undefined) resume(Effect.succeed(job))
          })
          wire.write({ open: { queues: ["q"], workerId: "w" }, credit: 1 })
          wire.end()
        })
        const read = yield* client.getJob(single.id)
        const { jobId } = yield* client.enqueue({ queue: "q" })
        const alone = yield* client.getJob(jobId)

        assert.deepStrictEqual(
          [single, jobs[0]!, streamed, read, alone].map(({ node, workflowId }) => [workflowId, node]),
          [
            ["flow", 0],
            ["flow", 1],
            ["flow", 2],
            ["flow", 0],
            ["", undefined]
          ]
        )
      }))

    test("the same start again starts nothing, another one under its id is refused", (client) =>
      Effect.gen(function* () {
        yield* start(client, job(1))

        const again = yield* start(client, job(1))
        const other = yield* Effect.flip(start(client, job(2)))
        const generated = yield* start(client, job(2), { workflowId: "" })
        const { ready } = yield* client.stats("q")

        assert.deepInclude(again, { workflowId: "flow", existing: true })
        assert.deepInclude(other, { code: "ALREADY_EXISTS", details: "another workflow has this workflow_id" })
        assert.match(generated.workflowId, /^.{10,}$/)
        assert.strictEqual(ready, 2n)
      }))

    test("options and the caller's trace reach the jobs", (client) =>
      Effect.gen(function* () {
        const shape: Shape = {
          shape: {
            case: "job",
            value: { kind: "k", queue: "q", priority: 0, maxRetries: 3, tags: ["eu"], delayMs: 50n, retentionMs: 0n }
          }
        }
        const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        yield* client.call(method.startWorkflow, { shape, workflowId: "flow" }, { metadata: { traceparent } })

        const taken = yield* next(client)
        yield* ack(client, taken, "kept")
        const workflow = yield* awaited(client)
        const gone = yield* Effect.flip(client.getJob(taken.id))
        const { result } = yield* client.call(method.getNodeResult, { workflowId: "flow" })

        assert.deepInclude(taken, { priority: 0, maxRetries: 3, tags: ["eu"] })
        assert.include(taken.headers["traceparent"], "0af7651916cd43dd8448eb211c80319c")
        assert.strictEqual(workflow.state, WorkflowState.COMPLETED)
        assert.strictEqual(gone.code, "NOT_FOUND")
        assert.strictEqual(result?.ending.case === "completed" && text(result.ending.value.result), '"kept"')
      }))

    test("a worker in TypeScript runs what was started over gRPC", (client, { services }) =>
      Effect.gen(function* () {
        yield* start(client, chain(group(job(1), job(2)), job("all", "sum")))

        const { state } = yield* Effect.provide(
          awaited(client),
          Worker.layer({ queues: ["q"], tasks: [Say, Sum] }).pipe(
            Layer.provide(Worker.handler(Say, (n) => Effect.succeed(n * 10))),
            Layer.provide(
              Worker.handler(Sum, (_, job) =>
                Workflows.parentResults(Say, job).pipe(
                  Effect.map((numbers) => numbers.reduce((a, b) => a + b, 0)),
                  Effect.orDie
                )
              )
            )
          )
        )
        const { result } = yield* client.call(method.getNodeResult, { workflowId: "flow", node: 2 })

        assert.strictEqual(state, WorkflowState.COMPLETED)
        assert.strictEqual(result?.ending.case === "completed" && text(result.ending.value.result), "30")
      }).pipe(Effect.provideContext(services)))

    test("a wait that is over answers how it stands", (client) =>
      Effect.gen(function* () {
        yield* start(client, job(1), { deadlineMs: 60_000n })

        const { deadlineAt, createdAt, open, state } = yield* awaited(client, 50n)

        assert.strictEqual(state, WorkflowState.RUNNING)
        assert.strictEqual(open, 1)
        assert.strictEqual(deadlineAt - createdAt, 60_000n)
      }))

    test(
      "neither wait is longer than the server allows, nor an error",
      (client) =>
        Effect.gen(function* () {
          yield* start(client, job(1))
          const one = yield* next(client)

          const { state } = yield* awaited(client, 60_000n)
          const { ending } = yield* client.call(method.getResult, { jobId: one.id, queue: "q", timeoutMs: 60_000n })

          assert.strictEqual(state, WorkflowState.RUNNING)
          assert.isUndefined(ending.case)
        }),
      { maxDeadline: "3 seconds" }
    )

    test("a workflow past its deadline fails by the server's own doing", (client) =>
      Effect.gen(function* () {
        yield* start(client, job(1), { deadlineMs: 100n })

        const workflow = yield* awaited(client)

        assert.deepInclude(workflow, { state: WorkflowState.FAILED, stopCause: Workflow_StopCause.DEADLINE })
      }))

    test("a cancelled workflow stops, and hands out nothing more", (client) =>
      Effect.gen(function* () {
        yield* start(client, chain(job(1), job(2)))

        const first = yield* client.call(method.cancelWorkflow, { workflowId: "flow", reason: "no need" })
        const workflow = yield* awaited(client)
        const second = yield* client.call(method.cancelWorkflow, { workflowId: "flow" })
        const none = yield* client.dequeue({ queue: "q", timeoutMs: 50n })

        assert.strictEqual(first.outcome, CancelWorkflowResponse_Outcome.REQUESTED)
        assert.deepInclude(workflow, {
          ...{ state: WorkflowState.CANCELLED, reason: "no need", stopCause: Workflow_StopCause.CANCELLED },
          stopped: 2
        })
        assert.strictEqual(second.outcome, CancelWorkflowResponse_Outcome.ENDED)
        assert.isUndefined(none.job)
      }))

    test("workflows are listed newest first, by state, a page at a time", (client) =>
      Effect.gen(function* () {
        for (const workflowId of ["a", "b", "c"]) yield* start(client, job(1), { workflowId })
        yield* client.call(method.cancelWorkflow, { workflowId: "b" })
        yield* until(client.call(method.getWorkflow, { workflowId: "b" }), ({ workflow }) => workflow!.endedAt > 0n)
        const list = (more: { pageToken?: string; pageSize?: number; state?: WorkflowState }) =>
          Effect.map(client.call(method.listWorkflows, more), ({ nextPageToken, workflows }) => ({
            ids: workflows.map(({ id }) => id).join(""),
            nextPageToken
          }))

        const first = yield* list({ pageSize: 2 })
        const second = yield* list({ pageSize: 2, pageToken: first.nextPageToken })
        const running = yield* list({ state: WorkflowState.RUNNING })
        const cancelled = yield* list({ state: WorkflowState.CANCELLED })
        const beyond = yield* Effect.flip(client.call(method.listWorkflows, { pageToken: "no-place" }))

        assert.deepStrictEqual([first.ids, second.ids, second.nextPageToken], ["cb", "a", ""])
        assert.deepStrictEqual([running.ids, cancelled.ids], ["ca", "b"])
        assert.deepInclude(beyond, { code: "INVALID_ARGUMENT", details: "page_token is none that a page gave" })
      }))

    test("nodes are listed by number, a page at a time", (client) =>
      Effect.gen(function* () {
        yield* start(client, chain(group(job(0), job(1)), group(job(2, "late"), job(3, "late"))))
        const page = (pageToken: string) =>
          client.call(method.getWorkflowNodes, { workflowId: "flow", pageSize: 3, pageToken })

        const first = yield* page("")
        const second = yield* page(first.nextPageToken)

        assert.deepStrictEqual(
          [...first.nodes, ...second.nodes].map(({ kind, node, parents, state }) => [...[node, kind, state], parents]),
          [
            [0, "say", WorkflowNode_State.OPEN, []],
            [1, "say", WorkflowNode_State.OPEN, []],
            [2, "", WorkflowNode_State.WAITING, [0, 1]],
            [3, "late", WorkflowNode_State.WAITING, [2]],
            [4, "late", WorkflowNode_State.WAITING, [2]]
          ]
        )
        assert.isNotEmpty(first.nodes[0]?.jobId)
        assert.strictEqual(second.nextPageToken, "")
      }))

    test("what makes no sense is refused, and the place named", (client) =>
      Effect.gen(function* () {
        const value = { kind: "k", queue: "q" }
        const one = (more: object): Shape => ({ shape: { case: "job", value: { ...value, ...more } } })
        const deep = Array.from({ length: 33 }).reduce<Shape>((inner) => group(inner), job(1))
        const requests: ReadonlyArray<readonly [string, Start]> = [
          ["shape", {}],
          ["shape", { shape: {} }],
          ["shape", { shape: deep }],
          ["shape.steps", { shape: chain() }],
          ["shape.steps[1].members", { shape: chain(job(1), group()) }],
          ["shape.steps[1].members[0].kind", { shape: chain(job(1), group(one({ kind: "" }))) }],
          ["shape.payload", { shape: one({ payload: new Uint8Array([0xff]) }) }],
          ["shape.queue", { shape: one({ queue: "a b" }) }],
          ["shape.scheduled_at", { shape: one({ scheduledAt: -1n }) }],
          ["scheduled_at", { shape: one({ scheduledAt: 1n, delayMs: 1n }) }],
          ["shape.retention_ms", { shape: one({ retentionMs: -1n }) }],
          ["max_retries", { shape: one({ maxRetries: -1 }) }],
          ["tags", { shape: one({ tags: [""] }) }],
          ["payload of k", { shape: one({ payload: json("x".repeat(600_000)) }) }],
          ["workflow_id", { shape: job(1), workflowId: "a b" }],
          ["name", { shape: job(1), name: "x".repeat(129) }],
          ["on_failure", { shape: job(1), onFailure: 9 as FailurePolicy }],
          ["deadline_ms", { shape: job(1), deadlineMs: -1n }],
          ["retention_ms", { shape: job(1), retentionMs: -1n }],
          ["retention_failed_ms", { shape: job(1), retentionFailedMs: -1n }]
        ]

        const errors = yield* Effect.forEach(requests, ([, request]) =>
          Effect.flip(client.call(method.startWorkflow, request))
        )
        const { workflows } = yield* client.call(method.listWorkflows, {})

        assert.deepStrictEqual(
          errors.map(({ code, details }, i) => [code, details.startsWith(`${requests[i]![0]} `) || details]),
          requests.map(() => ["INVALID_ARGUMENT", true])
        )
        assert.lengthOf(workflows, 0)
      }))

    test("calls about a workflow or node that is not there say so", (client) =>
      Effect.gen(function* () {
        yield* start(client, job(1))
        const nobody = { workflowId: "nobody" }

        const missing = yield* Effect.all([
          Effect.flip(client.call(method.getWorkflow, nobody)),
          Effect.flip(client.call(method.awaitWorkflow, nobody)),
          Effect.flip(client.call(method.cancelWorkflow, nobody)),
          Effect.flip(client.call(method.getWorkflowNodes, nobody))
        ])
        const result = yield* Effect.flip(client.call(method.getNodeResult, nobody))
        const parents = yield* Effect.flip(client.all(method.getParentResults, nobody))
        const beyond = yield* Effect.flip(client.all(method.getParentResults, { workflowId: "flow", node: 1 }))
        const negative = yield* Effect.flip(client.all(method.getParentResults, { workflowId: "flow", node: -1 }))

        assert.deepStrictEqual(
          [...missing, result, parents].map(({ code, details }) => `${code} ${details}`),
          Array(6).fill("NOT_FOUND workflow not found")
        )
        assert.deepInclude(beyond, { code: "NOT_FOUND", details: "the workflow has no such node" })
        assert.deepInclude(negative, { code: "INVALID_ARGUMENT", details: "node must not be negative" })
      }))
  })
}
