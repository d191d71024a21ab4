import { mkdtemp, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { QueueService } from "../../src/grpc/gen/winter/v1/queue_service_pb.ts"
import { freePort } from "../support/fresh-redis.ts"
import { connect } from "../support/grpc.ts"
import { redisUrl } from "../support/redis-url.ts"
import { startWinter, winterOn } from "../support/winter.ts"

const { method } = QueueService

const known = { metadata: { authorization: "Bearer secret" } }

it.live("winter server serves the wire protocol as its configuration says", () =>
  Effect.gen(function* () {
    const winter = winterOn(redisUrl())
    const port = yield* Effect.promise(freePort)
    const config = join(yield* Effect.promise(() => mkdtemp(join(tmpdir(), "winterq-server-"))), "winter.yaml")
    const text = `server: { grpc_port: ${port}, tokens: [secret], lease: 20s }
queues: { mail: { max_retries: 4, priority_default: 2, backoff: linear, backoff_base: 100s, max_active: 9 } }
`
    yield* Effect.promise(() => writeFile(config, text))
    const server = startWinter(["server", "--config", config, ...winter.place])
    yield* Effect.promise(() => server.said("server started"))
    const client = yield* connect(`127.0.0.1:${port}`)
    const queue = "mail"

    const refused = yield* Effect.flip(client.enqueue({ queue }))
    const { jobId } = yield* client.enqueue({ queue }, known)
    const stored = yield* Effect.promise(() => winter.json("jobs", "get", jobId))
    const taken = yield* client.dequeue({ queue }, known)
    const active = yield* Effect.promise(() => winter.json("jobs", "get", jobId))
    const nacked = yield* client.call(method.nack, { jobId, queue, workerId: "w", error: "no" }, known)
    const waiting = yield* Effect.promise(() => winter.json("jobs", "get", jobId))
    const limits = yield* Effect.promise(() => winter.json("queues", "limits", queue))
    server.kill("SIGTERM")
    const ended = yield* Effect.promise(() => server.ended)

    assert.match(String(refused), /UNAUTHENTICATED/)
    assert.deepInclude(stored, { maxAttempts: 4, priority: 2, state: "pending" })
    assert.strictEqual(taken.job?.id, jobId)
    assert.approximately(active.leaseExpiresAt - active.startedAt, 20_000, 100)
    assert.strictEqual(nacked.outcome, "retry")
    // a hundred seconds, spread by a fifth
    assert.approximately(waiting.visibleAt - waiting.failures[0].endedAt, 100_000, 20_000)
    assert.deepStrictEqual(limits.limits, { maxActive: 9 })
    assert.deepStrictEqual([ended.code, ended.stderr], [0, ""])
  }).pipe(Effect.scoped)
)
