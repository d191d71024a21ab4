import { assert, describe, it } from "@effect/vitest"
import type { MessageInitShape, MessageShape } from "@bufbuild/protobuf"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Schedules, Task } from "winterq"
import {
  MissedPolicy,
  OverlapPolicy,
  PutScheduleResponse_Outcome,
  QueueService,
  type PutScheduleRequestSchema
} from "../../src/grpc/gen/winter/v1/queue_service_pb.ts"
import type { ServerOptions } from "../../src/grpc/index.ts"
import { backends, connect, json, serve } from "../support/grpc.ts"

const { method } = QueueService

type Client = Effect.Success<ReturnType<typeof connect>>
type Put = Exclude<MessageInitShape<typeof PutScheduleRequestSchema>, MessageShape<typeof PutScheduleRequestSchema>>
type Definition = Put["definition"]

class Report extends Task.make("report", { payload: { full: Schema.Boolean } }) {}

const daily = {
  kind: "report",
  payload: json('{"full":true}'),
  timing: { case: "cron" as const, value: "0 2 * * *" }
}

const put = (client: Client, name: string, definition: Definition = daily, onlyNew = false) =>
  client.call(method.putSchedule, { name, definition, onlyNew })

const get = (client: Client, name: string) =>
  Effect.map(client.call(method.getSchedule, { name }), ({ schedule }) => schedule!)

for (const [backend, layer] of backends) {
  describe(`gRPC schedules on ${backend}`, () => {
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

    test("a schedule that was put ticks, and a remote worker gets its jobs", (client) =>
      Effect.gen(function* () {
        const timing = { case: "everyMs" as const, value: 1000n }
        yield* put(client, "often", { ...daily, timing, queue: "q", priority: 0, maxRetries: 2, tags: ["eu"] })

        const first = yield* client.dequeue({ queue: "q", timeoutMs: 20_000n })
        const second = yield* client.dequeue({ queue: "q", timeoutMs: 20_000n })
        const schedule = yield* get(client, "often")

        assert.deepInclude(first.job, { kind: "report", payload: json('{"full":true}'), priority: 0, maxRetries: 2 })
        assert.deepStrictEqual(first.job?.tags, ["eu"])
        assert.strictEqual(first.job?.headers["winterq-schedule"], "often")
        assert.notStrictEqual(first.job?.id, second.job?.id)
        assert.isAtLeast(Number(schedule.runs), 2)
        assert.isAbove(Number(schedule.nextAt), Number(schedule.lastTickAt))
        assert.isNotEmpty(schedule.lastJobId)
      }))

    test("what was put reads back complete, and put again changes nothing", (client) =>
      Effect.gen(function* () {
        const definition = {
          ...daily,
          ...{ timezone: "Europe/Berlin", queue: "q", priority: -3, maxRetries: 4, retentionMs: 0n },
          ...{ expiresInMs: 60_000n, tags: ["eu"], missed: MissedPolicy.ALL, missedLimit: 7 },
          overlap: OverlapPolicy.SKIP
        }
        const added = yield* put(client, "nightly", definition)
        const schedule = yield* get(client, "nightly")

        const again = yield* put(client, "nightly", schedule.definition)
        const changed = yield* put(client, "nightly", { ...definition, priority: 5 })

        assert.deepInclude(schedule.definition, definition)
        assert.deepInclude(schedule, { name: "nightly", paused: false, runs: 0n, skipped: 0n, group: "" })
        assert.deepStrictEqual(
          [added, again, changed].map(({ outcome }) => outcome),
          [
            PutScheduleResponse_Outcome.ADDED,
            PutScheduleResponse_Outcome.UNCHANGED,
            PutScheduleResponse_Outcome.CHANGED
          ]
        )
      }))

    test("what is left out has its default", (client) =>
      Effect.gen(function* () {
        yield* put(client, "hourly", { ...daily, timing: { case: "everyMs", value: 3_600_000n }, anchor: 3_660_000n })

        const { definition } = yield* get(client, "hourly")

        assert.deepInclude(definition, {
          ...{ timezone: "", anchor: 60_000n, queue: "default", priority: 5, maxRetries: 20, expiresInMs: 0n },
          ...{ retentionMs: 604_800_000n, missed: MissedPolicy.LATEST, missedLimit: 0, overlap: OverlapPolicy.ALLOW }
        })
      }))

    test("only a new one leaves the one that is there alone", (client) =>
      Effect.gen(function* () {
        yield* put(client, "mine", daily, true)

        const error = yield* Effect.flip(put(client, "mine", { ...daily, priority: 1 }, true))
        const { definition } = yield* get(client, "mine")

        assert.deepInclude(error, { code: "ALREADY_EXISTS", details: "a schedule has this name" })
        assert.strictEqual(definition?.priority, 5)
      }))

    test("a schedule is paused, resumed, triggered, looked ahead of and removed", (client) =>
      Effect.gen(function* () {
        const name = "s"
        yield* put(client, name, { ...daily, queue: "q", timezone: "Asia/Kolkata" })
        const { ticks } = yield* client.call(method.nextRuns, { name, count: 3 })
        const paused = yield* client.call(method.pauseSchedule, { name })
        const pausedAgain = yield* client.call(method.pauseSchedule, { name })
        const none = yield* client.call(method.nextRuns, { name })
        const whilePaused = yield* get(client, name)
        const triggered = yield* client.call(method.triggerSchedule, { name })
        const { job } = yield* client.dequeue({ queue: "q" })
        const resumed = yield* client.call(method.resumeSchedule, { name })
        const resumedAgain = yield* client.call(method.resumeSchedule, { name })
        const after = yield* get(client, name)
        const removed = yield* client.call(method.removeSchedule, { name })
        const removedAgain = yield* client.call(method.removeSchedule, { name })

        const day = 24 * 60 * 60 * 1000
        // two in the morning, five and a half hours before it is in UTC
        assert.deepStrictEqual(
          ticks.map((tick) => Number(tick) % day),
          Array(3).fill(20.5 * 60 * 60 * 1000)
        )
        assert.deepStrictEqual([paused.changed, pausedAgain.changed], [true, false])
        assert.deepStrictEqual(none.ticks, [])
        assert.deepInclude(whilePaused, { paused: true, nextAt: 0n })
        assert.deepInclude(triggered, { jobId: job!.id, queue: "q" })
        assert.deepStrictEqual([resumed.changed, resumedAgain.changed], [true, false])
        assert.deepInclude(after, { paused: false, nextAt: ticks[0]!, triggeredJobId: triggered.jobId })
        assert.deepStrictEqual([removed.removed, removedAgain.removed], [true, false])
      }))

    test("schedules are listed by name, a page at a time, of a queue or a group", (client, { services }) =>
      Effect.gen(function* () {
        for (const name of ["d", "a", "c"]) yield* put(client, name, { ...daily, queue: "q" })
        const entry = Schedules.entry("b", Report, { every: "1 hour", payload: { full: false } })
        yield* Schedules.reconcile({ group: "reports", entries: [entry] })
        const list = (more: { pageToken?: string; queue?: string; group?: string; pageSize?: number }) =>
          Effect.map(client.call(method.listSchedules, more), ({ nextPageToken, schedules }) => ({
            names: schedules.map(({ name }) => name).join(""),
            nextPageToken
          }))

        const first = yield* list({ pageSize: 2 })
        const second = yield* list({ pageSize: 2, pageToken: first.nextPageToken })
        const ofQueue = yield* list({ queue: "q" })
        const ofGroup = yield* list({ group: "reports" })

        assert.deepStrictEqual([first.names, second.names, second.nextPageToken], ["ab", "cd", ""])
        assert.deepStrictEqual([ofQueue.names, ofGroup.names], ["acd", "b"])
        assert.strictEqual((yield* get(client, "b")).group, "reports")
      }).pipe(Effect.provideContext(services)))

    test(
      "a page of large schedules is as long as fits a message",
      (client) =>
        Effect.gen(function* () {
          const payload = json(JSON.stringify("x".repeat(20_000)))
          for (const name of ["a", "b", "c"]) yield* put(client, name, { ...daily, payload })

          const first = yield* client.call(method.listSchedules, {})
          const rest = yield* client.call(method.listSchedules, { pageToken: first.nextPageToken })

          assert.deepStrictEqual([first.schedules.length, rest.schedules.length], [2, 1])
        }),
      { maxMessageBytes: 100_000, ticks: false }
    )

    test(
      "what makes no sense is refused, and the field named",
      (client) =>
        Effect.gen(function* () {
          const every = (value: bigint) => ({ timing: { case: "everyMs" as const, value } })
          const cron = (value: string) => ({ timing: { case: "cron" as const, value } })
          const requests: ReadonlyArray<readonly [string, Definition | undefined, string?]> = [
            ["name", daily, ""],
            ["name", daily, "a name"],
            ["definition", undefined],
            ["kind", { ...daily, kind: "" }],
            ["payload", { ...daily, payload: new Uint8Array([0xff]) }],
            ["payload of report", { ...daily, payload: json("x".repeat(101)) }],
            ["timing", { kind: "report" }],
            ["cron", { ...daily, ...cron("0 0 30 2 *") }],
            ["timezone", { ...daily, timezone: "Mars/Base" }],
            ["timezone", { ...daily, ...every(1000n), timezone: "UTC" }],
            ["anchor", { ...daily, anchor: 1n }],
            ["every_ms", { ...daily, ...every(999n) }],
            ["queue", { ...daily, queue: "a b" }],
            ["priority", { ...daily, priority: 5000 }],
            ["max_retries", { ...daily, maxRetries: -1 }],
            ["retention_ms", { ...daily, retentionMs: -1n }],
            ["expires_in_ms", { ...daily, expiresInMs: -1n }],
            ["tags", { ...daily, tags: [""] }],
            ["missed_limit", { ...daily, missed: MissedPolicy.ALL }],
            ["missed_limit", { ...daily, missed: MissedPolicy.ALL, missedLimit: 1001 }],
            ["missed_limit", { ...daily, missedLimit: 1 }],
            ["missed", { ...daily, missed: 9 as MissedPolicy }],
            ["overlap", { ...daily, overlap: 9 as OverlapPolicy }]
          ]

          const errors = yield* Effect.forEach(requests, ([, definition, name = "s"]) =>
            Effect.flip(client.call(method.putSchedule, { name, ...(definition === undefined ? {} : { definition }) }))
          )
          const { schedules } = yield* client.call(method.listSchedules, {})

          assert.deepStrictEqual(
            errors.map(({ code, details }, i) => [code, details.startsWith(`${requests[i]![0]} `) || details]),
            requests.map(() => ["INVALID_ARGUMENT", true])
          )
          assert.lengthOf(schedules, 0)
        }),
      { maxPayloadBytes: 100 }
    )

    test("calls about a schedule that is not there say so", (client) =>
      Effect.gen(function* () {
        const name = "nobody"
        const errors = yield* Effect.all([
          Effect.flip(client.call(method.getSchedule, { name })),
          Effect.flip(client.call(method.pauseSchedule, { name })),
          Effect.flip(client.call(method.resumeSchedule, { name })),
          Effect.flip(client.call(method.triggerSchedule, { name })),
          Effect.flip(client.call(method.nextRuns, { name }))
        ])

        assert.deepStrictEqual(
          errors.map(({ code, details }) => `${code} ${details}`),
          errors.map(() => "NOT_FOUND schedule not found")
        )
      }))
  })
}
