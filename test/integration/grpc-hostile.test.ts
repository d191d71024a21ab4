import { create, type DescMessage, type MessageShape } from "@bufbuild/protobuf"
import { assert, describe, it } from "@effect/vitest"
import { status } from "@grpc/grpc-js"
import * as Effect from "effect/Effect"
import { Queues } from "winterq"
import { QueueService } from "../../src/grpc/gen/winter/v1/queue_service_pb.ts"
import { backends, type CallFailed, connect, json, serve } from "../support/grpc.ts"
import { hostileRequests } from "../support/hostile-requests.ts"

const { method } = QueueService

type Name = keyof typeof method

/** What is there for requests to be about. */
interface Known {
  readonly queue: string
  readonly jobId: string
  readonly token: bigint
  readonly workerId: string
  readonly workflowId: string
}

const timing = { case: "cron" as const, value: "0 0 * * *" }
const interval = { case: "everyMs" as const, value: 60_000n }
const job = { kind: "test", payload: json("1"), queue: "aside" }
const shape = { shape: { case: "job" as const, value: job } }

/** Requests of each call that are understood, as far as they go. */
const requests = (known: Known): Record<Name, ReadonlyArray<object>> => {
  const { jobId, queue, token, workerId, workflowId } = known
  const attempt = { jobId, queue, token, workerId }
  return {
    enqueue: [job, { ...job, uniquePeriodMs: 1000n, delayMs: 1000n }],
    enqueueBatch: [{ queue: "aside", jobs: [{ ...job, tags: ["a"] }] }],
    dequeue: [{ queue, workerId, timeoutMs: 1n }],
    dequeueBatch: [{ queue, workerId, timeoutMs: 1n, maxJobs: 1 }],
    dequeueStream: [{ open: { queues: [queue], workerId } }],
    ack: [attempt],
    nack: [attempt],
    snooze: [attempt],
    release: [attempt],
    heartbeat: [{ workerId, queues: [queue] }],
    extendLease: [{ queue, workerId, leases: [{ jobId, token }] }],
    annotate: [{ ...attempt, logs: ["line"] }],
    getJob: [{ jobId, queue }],
    getResult: [{ jobId, queue }],
    cancel: [{ jobId: "nobody", queue }],
    queueStats: [{ queue }],
    listQueues: [{}],
    listJobs: [{ queue, state: "active" }],
    pause: [{ queue: "other" }],
    resume: [{ queue: "other" }],
    redrive: [{ queue: "aside", jobIds: ["nobody"] }],
    runNow: [{ queue: "aside", jobIds: ["nobody"] }],
    removeQueue: [{ queue: "other" }],
    purge: [{ queue: "aside", jobIds: ["nobody"] }],
    putSchedule: [timing, interval].map((timing) => ({ name: "nightly", definition: { ...job, timing } })),
    getSchedule: [{ name: "nightly" }],
    listSchedules: [{ queue: "default" }],
    removeSchedule: [{ name: "nobody" }],
    pauseSchedule: [{ name: "nobody" }],
    resumeSchedule: [{ name: "nobody" }],
    triggerSchedule: [{ name: "nightly" }],
    nextRuns: [{ name: "nightly" }],
    startWorkflow: [{ shape }],
    getWorkflow: [{ workflowId }],
    awaitWorkflow: [{ workflowId, timeoutMs: 1n }],
    listWorkflows: [{}],
    cancelWorkflow: [{ workflowId: "nobody" }],
    getWorkflowNodes: [{ workflowId }],
    getNodeResult: [{ workflowId }],
    getParentResults: [{ workflowId }]
  }
}

type About = readonly [Name, object]

/** What shows the schedule that was just put. */
const scheduleReaders: ReadonlyArray<About> = (["getSchedule", "nextRuns", "triggerSchedule"] as const).map((name) => [
  name,
  { name: "nightly" }
])

/** What shows all that was stored. */
const readers: ReadonlyArray<About> = [
  ...["aside.0", "aside.1", "busy", "default"].flatMap((queue) =>
    ["pending", "scheduled", "retry", "completed", "dead", "cancelled"].map((state): About => [
      "listJobs",
      { queue, state, pageSize: 1000 }
    ])
  ),
  ["listSchedules", { pageSize: 1000 }],
  ["listWorkflows", { pageSize: 1000 }]
]

type Client = Effect.Success<ReturnType<typeof connect>>

/** Makes a call of any form, and tells how it ended. */
const codeOf = (client: Client, name: Name, request: MessageShape<DescMessage>) => {
  const one: any = method[name]
  const forms = {
    unary: () => client.call(one, request, { deadlineMillis: 300 }),
    server_streaming: () => client.all(one, request),
    bidi_streaming: () =>
      Effect.callback<unknown, CallFailed>((resume) => {
        const stream = client.stream({ deadlineMillis: 300 })
        stream.on("data", () => undefined)
        stream.on("end", () => resume(Effect.void))
        stream.on("error", ({ code, details }: any) => resume(Effect.fail({ code: status[code], details } as never)))
        stream.write(request as never)
        stream.end()
      })
  }
  return forms[one.methodKind as keyof typeof forms]().pipe(
    Effect.as(["OK", ""] as const),
    Effect.catch(({ code, details }) => Effect.succeed([code, details] as const))
  )
}

const wrong = new Set(["INTERNAL", "UNKNOWN", "UNAVAILABLE"])

describe.each(backends)("hostile values on %s", (_, backend) => {
  it.live(
    "in any field of any call are refused for what they are",
    () =>
      Effect.gen(function* () {
        const queues = [Queues.sharded("aside", { shards: 2 })]
        const { address } = yield* serve(backend(), { logCalls: "failures", queues })
        const client = yield* connect(address)
        const { workflowId } = yield* client.call(method.startWorkflow, { shape })
        const claimed = Effect.gen(function* () {
          yield* client.enqueue({ queue: "busy" })
          const { job } = yield* client.dequeue({ queue: "busy", workerId: "ada" })
          return { queue: "busy", jobId: job!.id, token: job!.token, workerId: "ada", workflowId }
        })
        const found: Array<string> = []
        const look = Effect.fnUntraced(function* (name: Name, request: MessageShape<DescMessage>, what: string) {
          const [code, details] = yield* codeOf(client, name, request)
          if (wrong.has(code)) found.push(`${name} ${what}: ${details}`)
          return code
        })
        const read = (some: ReadonlyArray<About>, what: string) =>
          Effect.forEach(some, ([name, about]) => {
            const input: DescMessage = method[name].input
            return look(name, create(input, about as never), `after ${what}`)
          })

        for (const name of Object.keys(method) as ReadonlyArray<Name>) {
          const input: DescMessage = method[name].input
          for (const good of requests(yield* claimed)[name]) {
            for (const { request, what } of hostileRequests(input, create(input, good as never))) {
              const code = yield* look(name, request, what)
              if (name === "putSchedule" && code === "OK") yield* read(scheduleReaders, what)
            }
          }
        }
        yield* read(readers, "all calls")

        assert.deepStrictEqual(found, [])
      }).pipe(Effect.scoped),
    120_000
  )
})
