import { randomUUID } from "node:crypto"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { Client, Inspector, Task, Worker, Workflow, Workflows } from "winterq"
import * as Redis from "winterq/redis"
import { type AclRules, aclRules } from "../../src/backends/redis/acl.ts"
import { keysOf } from "../../src/backends/redis/keys.ts"
import { aclUser, ask } from "../support/acl-user.ts"
import { redisUrl } from "../support/redis-url.ts"

class Greet extends Task.make("greet", { payload: { name: Schema.String }, success: Schema.String }) {}

const parts = ["producer", "worker", "operator"] as const satisfies ReadonlyArray<keyof AclRules>

const answerOf = (url: string, command: string, ...args: ReadonlyArray<string | number>) =>
  Effect.promise(() =>
    ask(url, command, ...args).then(
      () => "allowed",
      (error: unknown) => (error instanceof Error ? error.message : String(error))
    )
  )

describe("least-privilege users", () => {
  it.live("a user of each part is refused what is not its business", () =>
    Effect.gen(function* () {
      const prefix = `acl-${randomUUID().slice(0, 8)}`
      const other = keysOf(`${prefix}x`, "q").jobs
      const own = keysOf(prefix, "q").jobs
      for (const part of parts) {
        const url = yield* aclUser(part, prefix)
        const refused: ReadonlyArray<readonly [string, ...ReadonlyArray<string | number>]> = [
          ["KEYS", "*"],
          ["SCAN", "0"],
          ["FLUSHALL"],
          ["FLUSHDB"],
          ["CONFIG", "SET", "maxmemory", "1"],
          ["ACL", "LIST"],
          ["CLIENT", "LIST"],
          ["SCRIPT", "FLUSH"],
          ["SHUTDOWN"],
          ["REPLICAOF", "NO", "ONE"],
          ["MIGRATE", "127.0.0.1", "1", own, "0", "1"],
          ["HGET", other, "a"],
          ["GET", "elsewhere"],
          ["PUBLISH", `${prefix}x:notices:w`, "ended"],
          ["SUBSCRIBE", `${prefix}x:notices:w`],
          ["EVAL", `return redis.call("HGET", KEYS[1], "a")`, 1, other],
          ["EVAL", `return redis.call("HGET", "${other}", "a")`, 0],
          ["EVAL", `return redis.call("FLUSHALL")`, 0],
          ["EVAL", `return redis.call("KEYS", "*")`, 0]
        ]
        for (const [command, ...args] of refused) {
          assert.match(
            yield* answerOf(url, command, ...args),
            /NOPERM|ACL failure|permissions|script can't/i,
            `${part}: ${command} ${args.join(" ")}`
          )
        }
        assert.strictEqual(yield* answerOf(url, "EVAL", `return redis.call("HGET", KEYS[1], "a")`, 1, own), "allowed")
      }
    }).pipe(Effect.scoped)
  )

  it.live("each part does its work under its own user", () =>
    Effect.gen(function* () {
      const prefix = `acl-${randomUUID().slice(0, 8)}`
      const backend = (part: keyof AclRules) => Effect.map(aclUser(part, prefix), (url) => Redis.layer({ url, prefix }))
      yield* Layer.build(
        Worker.layer({ tasks: [Greet] }).pipe(
          Layer.provide(Worker.handler(Greet, ({ name }) => Effect.succeed(`hello ${name}`))),
          Layer.provide(yield* backend("worker"))
        )
      )
      const producer = Layer.mergeAll(Client.layer, Workflows.layer).pipe(Layer.provide(yield* backend("producer")))
      yield* Effect.gen(function* () {
        const handle = yield* Client.enqueue(Greet, { name: "ada" }, { unique: true })
        assert.strictEqual(yield* Client.awaitResult(handle), "hello ada")
        const late = yield* Client.enqueue(Greet, { name: "late" }, { delay: "1 hour" })
        assert.strictEqual(yield* Client.cancel(late), "cancelled")
        const flow = yield* Workflows.start(
          Workflow.chord(
            [Workflow.job(Greet, { name: "a" }), Workflow.job(Greet, { name: "b" })],
            Workflow.job(Greet, { name: "c" })
          )
        )
        assert.strictEqual(yield* Workflows.awaitResult(flow), "hello c")
        assert.lengthOf((yield* Workflows.list()).workflows, 1)
      }).pipe(Effect.provide(producer))
      yield* Effect.gen(function* () {
        const view = yield* Inspector.queue("default")
        assert.strictEqual(view.depths.completed, 4)
      }).pipe(Effect.provide(yield* backend("operator")))
    }).pipe(Effect.scoped)
  )

  it.live("no right of a user is one that nothing uses", () =>
    Effect.gen(function* () {
      const sent = new Set(
        (yield* Effect.promise(() => ask(redisUrl(), "COMMAND", "LIST") as Promise<ReadonlyArray<string>>)).map(String)
      )
      for (const part of parts) {
        const { [part]: rules } = aclRules("p")
        for (const right of rules.filter((rule) => rule.startsWith("+"))) {
          // each is a command of the server, and none is a category
          assert.isTrue(sent.has(right.slice(1).split("|")[0]!), right)
        }
      }
    })
  )
})
