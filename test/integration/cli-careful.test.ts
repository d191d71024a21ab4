import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { assert, describe, it } from "vitest"
import { JobStore, type NewJob, QueueControl } from "winterq"
import * as Redis from "winterq/redis"
import { startFreshRedis } from "../support/fresh-redis.ts"
import { redisUrl } from "../support/redis-url.ts"
import { runWinter, winterOn } from "../support/winter.ts"

/** What must not happen by a mistake: nothing more than was meant is changed, and nothing secret is shown. */

const job = (id: string, options: Partial<NewJob> = {}): NewJob => ({
  ...{ id, kind: "cli.job", payload: "{}", priority: 5, maxAttempts: 3, retainMillis: 600_000 },
  ...options
})

const onStore = <A, E>(prefix: string, call: Effect.Effect<A, E, JobStore | QueueControl>, url = redisUrl()) =>
  Effect.runPromise(Effect.provide(call, Redis.layer({ url, prefix })))

const enqueue = (prefix: string, queue: string, ...jobs: ReadonlyArray<NewJob>) =>
  onStore(
    prefix,
    JobStore.use((store) => store.enqueue(queue, jobs))
  )

const claim = (prefix: string, queue: string, leaseMillis = 60_000) =>
  onStore(
    prefix,
    JobStore.use((store) =>
      store.exchange({ queue, worker: "w", settlements: [], claim: { number: 1, limit: 1, leaseMillis } })
    )
  )

describe("a job", () => {
  it("whose id is in several queues is not touched until one is named", async () => {
    const winter = winterOn(redisUrl())
    for (const queue of ["a", "b"]) await enqueue(winter.prefix, queue, job("twin"))

    const cancelled = await winter.run("cancel", "twin")
    const deleted = await winter.run("jobs", "delete", "twin", "--yes")
    const explained = await winter.run("explain", "twin")
    const one = await winter.text("cancel", "twin", "--queue", "b")
    const { jobs } = await winter.json("jobs", "list")

    assert.deepStrictEqual([cancelled.code, deleted.code, explained.code], [2, 2, 2])
    assert.match(cancelled.stderr, /2 queues have a job twin: a, b; name one with --queue/)
    assert.strictEqual(one, "cancelled twin")
    assert.deepStrictEqual(
      jobs.map(({ queue, state }: { queue: string; state: string }) => [queue, state]).toSorted(),
      [
        ["a", "pending"],
        ["b", "cancelled"]
      ]
    )
  })

  it("that runs is not cancelled by its deletion", async () => {
    const winter = winterOn(redisUrl())
    await enqueue(winter.prefix, "q", job("runs"))
    await claim(winter.prefix, "q")

    const deleted = await winter.run("jobs", "delete", "runs", "--yes")
    const shown = await winter.json("jobs", "get", "runs")

    assert.strictEqual(deleted.code, 1)
    assert.match(deleted.stderr, /job runs runs; cancel it first/)
    assert.strictEqual(shown.state, "active")
    assert.notProperty(shown, "cancelRequested")
  })

  it("is not left out of a list without a word", async () => {
    const winter = winterOn(redisUrl())
    await enqueue(winter.prefix, "a", job("1"), job("2"))
    await enqueue(winter.prefix, "b", job("3", { visible: { inMillis: 60_000 } }))

    const [two, three, text] = [
      await winter.json("jobs", "list", "--limit", "2"),
      await winter.json("jobs", "list", "--limit", "3"),
      await winter.text("jobs", "list", "--limit", "1")
    ]

    assert.deepStrictEqual([two.jobs.length, two.more, three.jobs.length, three.more], [2, true, 3, false])
    assert.match(text, /\nmore page by page with --queue and --state$/)
  })
})

describe("a queue", () => {
  it("goes on when the cancelling of what waits in it was not confirmed", async () => {
    const winter = winterOn(redisUrl())
    await enqueue(winter.prefix, "q", job("a"))

    const unsure = await winter.run("queues", "drain", "q", "--cancel-waiting")
    const shown = await winter.json("queues", "get", "q")

    assert.strictEqual(unsure.code, 5)
    assert.isFalse(shown.paused)
  })

  it("has no limit set when another one of the same call makes no sense", async () => {
    const winter = winterOn(redisUrl())
    await enqueue(winter.prefix, "q", job("a"))

    const wrong = [
      await winter.run("queues", "limits", "q", "--max-active", "5", "--rate", "5"),
      await winter.run("queues", "limits", "q", "--max-active", "5", "--per", "5s"),
      await winter.run("queues", "limits", "q", "--max-active", "5", "--kind", "k", "--rate", "0")
    ]
    const { limits, rateLimits } = await winter.json("queues", "limits", "q")

    assert.deepStrictEqual(
      wrong.map(({ code }) => code),
      [2, 2, 2]
    )
    assert.deepStrictEqual([limits, rateLimits], [{}, {}])
  })

  it("of a store that is full is resumed, and drained", async () => {
    const server = await startFreshRedis()
    const winter = winterOn(server.url)
    const store = JobStore.use(({ enqueue }) => enqueue("q", [job("a"), job("b")]))
    await onStore(winter.prefix, store, server.url)
    await winter.text("pause", "q")
    await server.ask("CONFIG", "SET", "maxmemory", "1mb")

    const refused = await winter.run("enqueue", "-k", "x", "-q", "q")
    const resumed = await winter.text("resume", "q")
    const drained = await winter.text("queues", "drain", "q", "--cancel-waiting", "--yes")
    await server.stop()

    assert.strictEqual(refused.code, 4)
    assert.match(refused.stderr, /full/)
    assert.strictEqual(resumed, "resumed q")
    assert.match(drained, /cancelled 2 jobs/)
  })

  it("is removed when nobody serves it, and with its jobs only when told so", async () => {
    const winter = winterOn(redisUrl())
    await enqueue(winter.prefix, "q", job("waits"), job("later", { visible: { inMillis: 60_000 } }))
    await claim(winter.prefix, "q", 600_000)

    const runs = await winter.run("queues", "remove", "q", "--with-jobs", "--yes")
    await winter.text("cancel", "waits")
    await onStore(
      winter.prefix,
      Effect.gen(function* () {
        const store = yield* JobStore
        const { token } = Option.getOrThrow(yield* store.get("q", "waits"))
        const settlements = [{ _tag: "Complete", jobId: "waits", token: token! }] as const
        yield* store.exchange({ queue: "q", worker: "w", settlements })
        yield* QueueControl.use((control) => control.removeWorker("q", "w"))
      })
    )
    const holds = await winter.run("queues", "remove", "q")
    const unsure = await winter.run("queues", "remove", "q", "--with-jobs")
    const before = await winter.json("queues", "get", "q")
    const removed = await winter.text("queues", "remove", "q", "--with-jobs", "--yes")
    const { queues } = await winter.json("status")
    const again = await winter.run("queues", "remove", "q")

    assert.deepStrictEqual([runs.code, holds.code, unsure.code, again.code], [1, 1, 5, 3])
    assert.match(runs.stderr, /served by 1 worker|1 job of queue q run/)
    assert.match(holds.stderr, /queue q holds 2 jobs; --with-jobs removes them too/)
    assert.isFalse(before.paused)
    assert.strictEqual(removed, "removed queue q with 2 jobs")
    assert.deepStrictEqual(queues, [])
  })
})

describe("an address", () => {
  it("that makes no sense is told as such, and not with its password", async () => {
    const addresses = ["http://u:SECRET@h", "redis://u:SECRET@h:75x03", "redis://u:SECRET%ZZ@h"]
    const printed = await Promise.all([
      ...addresses.map((address) => runWinter(["status", "--redis", address, "--json"])),
      ...addresses.map((address) => runWinter(["status"], { env: { WINTER_REDIS_URL: address } }))
    ])

    assert.deepStrictEqual(
      printed.map(({ code }) => code),
      addresses.flatMap(() => [2, 2])
    )
    for (const { stderr, stdout } of printed) assert.notInclude(stdout + stderr, "SECRET")
    assert.match(JSON.parse(printed[1]!.stderr).error.message, /--redis is no URL: look at its port/)
  })
})
