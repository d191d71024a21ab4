import { randomUUID } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Option from "effect/Option"
import * as References from "effect/References"
import * as Schema from "effect/Schema"
import fc from "fast-check"
import { Redis as IORedis } from "ioredis"
import { Client, DeadLetterStore, JobStore, QueueControl, Task, Worker, Workflow, Workflows } from "winterq"
import * as Redis from "winterq/redis"
import { keysOf, noticeChannel, workflowKeysOf } from "../../src/backends/redis/keys.ts"
import { job } from "../../src/testing/contract/support.ts"
import { redisUrl } from "../support/redis-url.ts"

class Good extends Task.make("good", { payload: { name: Schema.String }, success: Schema.String }) {}

const quiet = Layer.succeed(References.MinimumLogLevel, "None")

const piece = fc.oneof(
  fc.string({ unit: "binary", maxLength: 20 }),
  fc.constantFrom(
    "",
    "\n",
    ",",
    "0",
    "a5",
    "w0",
    "m:",
    "-1",
    "9".repeat(400),
    "1e400",
    "{",
    `{"__proto__":1}`,
    "nan",
    "inf"
  )
)

const garbage = fc.oneof(
  fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join("")),
  fc
    .tuple(
      fc.constantFrom(
        "0,1,1700000000000,,5,3,0,a.kind,\n\n{}",
        "7,1,1700000000000,1,5,3,0,a.kind,s:key\n{}\n{}",
        "0,1,1700000000000,,5,3,0,a.kind,\n@1700000000000\n{}",
        "a5,0,1,0,0,1700000000000,,,w,1,1700000000000,,5,3,0,a.kind,",
        "w5,1,1,0,0,1700000000000,,exhausted,w,1,1700000000000,,5,3,0,a.kind,m:0.0.flow",
        `1,1,2,retry,"it failed"`
      ),
      fc.nat(60),
      fc.nat(5),
      piece
    )
    .map(([text, at, length, inserted]) => text.slice(0, at) + inserted + text.slice(at + length))
)

/** What stands in the hashes of a queue under the id of one job. */
const fields = fc.dictionary(
  fc.constantFrom("jobs", "runs", "ledger", "result", "cancels", "progress", "logs", "watchers", "endings"),
  garbage
)

const places = fc.subarray(["pending", "scheduled", "retry", "active", "completed", "cancelled", "dead", "outbox"], {
  minLength: 1
})

describe("a Redis that somebody else writes to", () => {
  it("an id of anybody's making costs a repeated claim no other job", async () => {
    const prefix = `hostile-${randomUUID().slice(0, 8)}`
    const url = redisUrl()
    const admin = new IORedis(url)
    const ids = ["a", "b", "c", "d"]
    for (const [queue, bad] of ["x,y", "", ",", "a,b,c", "b", "bäd"].entries()) {
      const keys = keysOf(prefix, `q${queue}`)
      const [first, again] = await Effect.runPromise(
        Effect.gen(function* () {
          const store = yield* JobStore
          yield* store.enqueue(
            `q${queue}`,
            ids.map((id) => job(id))
          )
          yield* Effect.promise(async () => {
            await admin.hset(keys.jobs, bad, (await admin.hget(keys.jobs, "a"))!)
            await admin.zadd(keys.pending, -1, bad)
          })
          const claim = { number: 1, limit: 10, leaseMillis: 30_000 }
          const ask = store.exchange({ queue: `q${queue}`, worker: "w", settlements: [], claim })
          return [(yield* ask).claimed, (yield* ask).claimed]
        }).pipe(Effect.provide(Layer.mergeAll(Redis.layer({ url, prefix }), quiet)))
      )

      const good = (jobs: typeof first = []) => jobs.filter(({ id }) => ids.includes(id))
      assert.sameMembers(
        good(first).map(({ id }) => id),
        ids,
        bad
      )
      assert.deepStrictEqual(good(again), good(first), bad)
    }
    admin.disconnect()
  })

  it("counters, limits and buckets of anybody's making hold up no job", async () => {
    const prefix = `hostile-${randomUUID().slice(0, 8)}`
    const url = redisUrl()
    const admin = new IORedis(url)
    const odd = ["", "x", "1,2", "-1", "{}", "1,x"]
    const claimed = await Effect.runPromise(
      Effect.gen(function* () {
        const store = yield* JobStore
        const ids: Array<ReadonlyArray<string>> = []
        for (const [n, text] of odd.entries()) {
          const keys = keysOf(prefix, `q${n}`)
          yield* Effect.promise(async () => {
            await admin.hset(keys.meta, { token: text, claimed: text })
            await admin.hset(keys.limits, { other: text, limited: "5,1000,5" })
            await admin.hset(keys.buckets, { limited: text })
          })
          yield* store.enqueue(`q${n}`, [job("a"), job("b", { kind: "limited" })])
          const claim = { number: 1, limit: 10, leaseMillis: 30_000 }
          const reply = yield* store.exchange({ queue: `q${n}`, worker: "w", settlements: [], claim })
          ids.push(reply.claimed.map(({ id }) => id).toSorted())
        }
        return ids
      }).pipe(Effect.provide(Layer.mergeAll(Redis.layer({ url, prefix }), quiet)))
    )
    admin.disconnect()

    assert.deepStrictEqual(
      claimed,
      odd.map(() => ["a", "b"])
    )
  })

  it("a record of anybody's making costs no other job anything", { timeout: 120_000 }, async () => {
    const prefix = `hostile-${randomUUID().slice(0, 8)}`
    const url = redisUrl()
    const admin = new IORedis(url)
    const runtime = ManagedRuntime.make(Layer.mergeAll(Redis.layer({ url, prefix }), quiet))
    let runs = 0
    try {
      await fc.assert(
        fc.asyncProperty(fields, places, fc.constantFrom("bad", "b,a,d", ",", "bäd"), async (planted, indexes, bad) => {
          const queue = `q${++runs}`
          const keys = keysOf(prefix, queue)
          const answers = await runtime.runPromise(
            Effect.gen(function* () {
              const store = yield* JobStore
              const control = yield* QueueControl
              const dead = yield* DeadLetterStore
              yield* store.enqueue(queue, [job("good-1", { retainMillis: 60_000 })])
              yield* Effect.promise(async () => {
                for (const [key, text] of Object.entries(planted)) await admin.hset(keys[key as "jobs"], bad, text)
                for (const index of indexes) await admin.zadd(keys[index as "dead"], 1, bad)
              })
              yield* store.enqueue(queue, [job("good-2", { retainMillis: 60_000 })])
              // whatever names the bad one may be refused, but never dies
              const exits = yield* Effect.forEach(
                [
                  store.get(queue, bad),
                  store.logs(queue, bad),
                  store.watch({ queue, jobId: bad, watcher: "w", ref: 1 }),
                  store.cancel({ queue, jobId: bad, reason: "r" }),
                  store.annotate({ queue, jobId: bad, token: 5, progress: "1", logs: { from: 0, lines: ["l"] } }),
                  store.enqueue(queue, [job(bad)]),
                  dead.redrive(queue, { jobIds: [bad] })
                ],
                (call) => Effect.exit(call as Effect.Effect<unknown, unknown>)
              )
              // and whatever does not goes on
              yield* store.promote(queue, 100)
              yield* store.rescue(queue, 100)
              yield* store.endings(queue, 100)
              for (const state of [
                "pending",
                "scheduled",
                "retry",
                "active",
                "completed",
                "cancelled",
                "dead"
              ] as const) {
                yield* control.list({ queue, state, limit: 10 })
              }
              const done: Array<string> = []
              for (let number = 1; number <= 3; number++) {
                const claim = { number, limit: 10, leaseMillis: 10_000 }
                const { claimed } = yield* store.exchange({ queue, worker: "w", settlements: [], claim })
                const settlements = claimed.map(({ id: jobId, token }) => ({ _tag: "Complete" as const, jobId, token }))
                const { settled } = yield* store.exchange({ queue, worker: "w", settlements })
                done.push(...claimed.filter((_, i) => settled[i] === "settled").map(({ id }) => id))
              }
              yield* store.prune(queue, { limit: 100, deadRetainMillis: 0, maxDead: 0, maxFinished: 100 })
              return { exits, done }
            })
          )
          assert.includeMembers(answers.done, ["good-1", "good-2"])
          for (const exit of answers.exits) {
            if (Exit.isFailure(exit))
              assert.isTrue(
                exit.cause.reasons.every(({ _tag }) => _tag === "Fail"),
                String(exit)
              )
          }
        }),
        { numRuns: 300 }
      )
    } finally {
      await runtime.dispose()
      admin.disconnect()
    }
  })

  it.live("a worker goes on among records, notices and nodes that are not its own", () =>
    Effect.gen(function* () {
      const prefix = `hostile-${randomUUID().slice(0, 8)}`
      const url = redisUrl()
      const admin = yield* Effect.acquireRelease(
        Effect.sync(() => new IORedis(url)),
        (client) => Effect.sync(() => client.disconnect())
      )
      const keys = keysOf(prefix, "default")
      const ports = yield* Layer.build(
        Layer.mergeAll(Client.layer, Workflows.layer).pipe(
          Layer.provideMerge(Layer.mergeAll(Redis.layer({ url, prefix }), quiet))
        )
      )
      yield* Effect.gen(function* () {
        yield* Effect.promise(async () => {
          for (let i = 0; i < 20; i++) {
            await admin.hset(
              keys.jobs,
              `bad-${i}`,
              i % 2 === 0 ? "garbage" : `0,${i},1,,5,3,0,good,\n{"headers":1}\n{}`
            )
            await admin.zadd(keys.pending, -i, `bad-${i}`)
            await admin.hset(keys.runs, `bad-${i}`, "garbage")
            await admin.zadd(keys.active, 1, `bad-${i}`)
            await admin.hset(keys.endings, `bad-${i}`, i % 2 === 0 ? "garbage" : `${i},0.0.nowhere\nq`)
            await admin.zadd(keys.outbox, 1, `bad-${i}`)
          }
        })
        const worker = yield* Layer.build(
          Worker.layer({ tasks: [Good], sweep: "50 millis" }).pipe(
            Layer.provide(
              Worker.handler(Good, ({ name }, { id }) =>
                Effect.as(
                  Effect.promise(async () => {
                    for (const text of [
                      "",
                      "ended\n1\n{",
                      "ended\n1\nd\n{",
                      "ended\nx\nc",
                      "cancel",
                      "cancel\nq",
                      "workflow\n\n",
                      "\0"
                    ])
                      for (const channel of await admin.pubsub("CHANNELS", noticeChannel(prefix, "*")))
                        await admin.publish(String(channel), text)
                    return id
                  }),
                  name
                )
              )
            )
          )
        )
        assert.isDefined(worker)
        const handle = yield* Client.enqueue(Good, { name: "alive" })
        assert.strictEqual(yield* Client.awaitResult(handle), "alive")

        const flow = Workflow.chain(Workflow.job(Good, { name: "one" }), Workflow.job(Good, { name: "two" }))
        const started = yield* Workflows.start(flow, { id: "flow", onFailure: "stop" })
        yield* Effect.promise(() => admin.hset(workflowKeysOf(prefix, "flow").nodes, "1", "garbage"))
        const end = yield* Workflows.awaitEnd(started.id)
        assert.include(["failed", "completed"], Option.getOrThrow(end).state)

        const last = yield* Client.enqueue(Good, { name: "still alive" })
        assert.strictEqual(yield* Client.awaitResult(last), "still alive")
      }).pipe(Effect.provide(ports))
    }).pipe(Effect.scoped)
  )
})
