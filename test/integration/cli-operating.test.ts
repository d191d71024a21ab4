import { mkdtemp, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { Redis as IORedis } from "ioredis"
import { assert, describe, it } from "vitest"
import { Inspector, JobStore, type NewJob, Schedules, Task, Workflow, Workflows } from "winterq"
import * as Redis from "winterq/redis"
import { startFreshRedis } from "../support/fresh-redis.ts"
import { redisUrl } from "../support/redis-url.ts"
import { runWinter, startWinter, winterOn } from "../support/winter.ts"

const handlers = join(import.meta.dirname, "../../examples/cli/handlers.ts")

const job = (id: string, options: Partial<NewJob> = {}): NewJob => ({
  ...{ id, kind: "cli.job", payload: "{}", priority: 5, maxAttempts: 3, retainMillis: 600_000 },
  ...options
})

const on = (prefix: string, url = redisUrl()) => Redis.layer({ url, prefix })

const enqueue = (prefix: string, queue: string, ...jobs: ReadonlyArray<NewJob>) =>
  Effect.runPromise(
    Effect.provide(
      JobStore.use((store) => store.enqueue(queue, jobs)),
      on(prefix)
    )
  )

/** Claims the next job; the worker stays listed. */
const claim = (prefix: string, queue: string, worker: string) =>
  Effect.runPromise(
    Effect.provide(
      JobStore.use((store) =>
        store.exchange({ queue, worker, settlements: [], claim: { number: 1, limit: 1, leaseMillis: 60_000 } })
      ),
      on(prefix)
    )
  )

describe("queues", () => {
  it("are shown, paused, resumed and limited", async () => {
    const winter = winterOn(redisUrl())
    await enqueue(winter.prefix, "mail", job("a"), job("b", { visible: { inMillis: 60_000 } }))

    const paused = [await winter.text("pause", "mail"), await winter.text("queues", "pause", "mail")]
    const status = await winter.json("status")
    const limits = await winter.json(
      ...["queues", "limits", "mail", "--max-active", "7", "--kind", "cli.job", "--rate", "50", "--per", "1m"]
    )
    const shown = await winter.text("queues", "get", "mail")
    const resumed = await winter.json("resume", "mail")
    const lifted = await winter.json(
      "queues",
      "limits",
      "mail",
      "--max-active",
      "none",
      "--kind",
      "cli.job",
      "--rate",
      "none"
    )
    const list = await winter.text("queues", "list")
    const missing = await winter.run("queues", "get", "none")
    const unknown = await winter.run("status", "--queue", "none")
    const zero = await winter.run("queues", "limits", "mail", "--max-active", "0")

    assert.deepStrictEqual([unknown.code, unknown.stderr], [3, "winter: queue none not found\n"])
    assert.strictEqual(zero.code, 2)
    assert.include(zero.stderr, "max-active must be 1 at least, or none")
    assert.deepStrictEqual(paused, ["paused mail", "mail was paused already"])
    assert.strictEqual(status.queues.length, 1)
    assert.deepInclude(status.queues[0], { name: "mail", paused: true, limits: {}, rateLimits: {}, workers: 0 })
    assert.deepInclude(status.queues[0].depths, { pending: 1, scheduled: 1, dead: 0 })
    assert.deepInclude(status.queues[0].next, { id: "a", kind: "cli.job" })
    const rate = { limit: 50, perMillis: 60_000, burst: 50 }
    assert.deepStrictEqual(limits, { queue: "mail", limits: { maxActive: 7 }, rateLimits: { "cli.job": rate } })
    assert.match(shown, /^State +paused$/m)
    assert.match(shown, /^Rate of cli\.job +50 per 1m$/m)
    assert.deepStrictEqual(resumed, { queue: "mail", paused: false, changed: true })
    assert.deepStrictEqual(lifted, { queue: "mail", limits: {}, rateLimits: {} })
    assert.match(list, /^QUEUE +PENDING .*\nmail +1 +0 +1 .* no workers$/)
    assert.deepStrictEqual([missing.code, missing.stderr], [3, "winter: queue none not found\n"])
  })

  it("a drained queue is paused and runs nothing; what waits is cancelled when asked", async () => {
    const winter = winterOn(redisUrl())
    await enqueue(winter.prefix, "q", job("runs"))
    await claim(winter.prefix, "q", "w")
    await enqueue(winter.prefix, "q", job("waits"), job("later", { visible: { inMillis: 60_000 } }))

    const late = await winter.run("queues", "drain", "q", "--timeout", "300ms")
    const unsure = await winter.run("queues", "drain", "q", "--cancel-waiting")
    const cancel = await winter.text("cancel", "runs")
    const done = winter.json("queues", "drain", "q", "--cancel-waiting", "--yes", "--timeout", "30s")
    await Effect.runPromise(
      Effect.provide(
        JobStore.use((store) =>
          Effect.flatMap(store.get("q", "runs"), () =>
            store.exchange({
              ...{ queue: "q", worker: "w", claim: { number: 1, limit: 1, leaseMillis: 60_000 } },
              settlements: []
            })
          ).pipe(
            Effect.flatMap(({ claimed }) =>
              store.exchange({
                ...{ queue: "q", worker: "w" },
                settlements: claimed.map(({ id, token }) => ({ _tag: "Complete" as const, jobId: id, token }))
              })
            )
          )
        ),
        on(winter.prefix)
      )
    )

    assert.strictEqual(late.code, 1)
    assert.match(late.stderr, /draining q; it stays paused: it took too long/)
    assert.strictEqual(unsure.code, 5)
    assert.strictEqual(cancel, "asked the worker of runs to stop it")
    assert.deepStrictEqual(await done, { queue: "q", paused: true, active: 0, cancelled: 2 })
  })
})

/** What a service logged of itself. Every line is JSON. */
const saidOf = (stdout: string, name: string): ReadonlyArray<string> =>
  stdout
    .trim()
    .split("\n")
    .map((line) => String((JSON.parse(line) as { readonly message: unknown }).message))
    .filter((message) => message.startsWith(`${name} `))

describe("a worker of a user's module", () => {
  it("runs jobs, is listed, followed, told to be quiet, and ends in good order", async () => {
    const winter = winterOn(redisUrl())
    const worker = startWinter([
      ...["worker", "--module", handlers, "--queues", "default=3,slow", "--concurrency", "7", ...winter.place]
    ])
    await worker.said("worker started")

    const result = await winter.json("enqueue", "-k", "greet", "--payload", '{"name":"Ada"}', "--wait")
    const failed = await winter.run(
      "enqueue",
      "-k",
      "fail",
      "--payload",
      '{"times":9}',
      "--max-attempts",
      "1",
      "--wait"
    )
    const tail = await winter.run("jobs", "tail", result.id, "--json")
    const list = await winter.json("workers", "list")
    const { id } = list.workers[0]
    const shown = await winter.text("workers", "get", id)
    const top = await winter.json("top")
    const text = await winter.text("top", "--once")
    const quiet = await winter.text("workers", "quiet", id)
    const table = await winter.text("workers", "list", "-q", "slow")
    worker.kill("SIGTERM")
    const ended = await worker.ended
    const after = await winter.json("workers", "list", "--all")

    assert.deepInclude(result, {
      kind: "greet",
      queue: "default",
      outcome: "enqueued",
      result: { greeting: "hello Ada" }
    })
    assert.strictEqual(failed.code, 1)
    assert.match(failed.stderr, /is dead \(exhausted\): not yet/)
    const events = tail.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    assert.isTrue(events.some(({ event, line }) => event === "log" && String(line).includes("greeting Ada")))
    assert.deepInclude(events.at(-1), { event: "state", state: "completed", attempt: 1 })
    assert.deepInclude(list.workers[0].details, { queues: ["default", "slow"], concurrency: 7, stopping: false })
    assert.match(shown, /^Busy +0 of 7$/m)
    assert.deepInclude(top.queues[0], { name: "default", workers: 1 })
    assert.strictEqual(top.workers[0].id, id)
    assert.match(text, /^winter top .* 1 workers\n/)
    assert.strictEqual(quiet, `${id} finishes what it runs and claims nothing more`)
    assert.match(table, / stopping$/m)
    assert.deepStrictEqual([ended.code, ended.stderr], [0, ""])
    assert.deepStrictEqual(after, { workers: [] })
    assert.deepStrictEqual(saidOf(ended.stdout, "worker"), ["worker started", "worker stopping", "worker stopped"])
  })

  it("a module that cannot be run is told, with 2", async () => {
    const [missing, empty] = await Promise.all([
      runWinter(["worker", "--module", "./nowhere.ts", "--redis", redisUrl()]),
      runWinter(["worker", "--module", join(import.meta.dirname, "../support/redis-url.ts"), "--redis", redisUrl()])
    ])

    assert.strictEqual(missing.code, 2)
    assert.match(missing.stderr, /^winter: .*nowhere\.ts: cannot be loaded: there is no such file\n$/)
    assert.strictEqual(empty.code, 2)
    assert.match(empty.stderr, /has nothing to run|cannot be loaded/)
  })
})

describe("a server", () => {
  it("moves on delayed jobs and takes back lost ones without a worker", async () => {
    const winter = winterOn(redisUrl())
    await enqueue(winter.prefix, "q", job("lost"))
    await Effect.runPromise(
      Effect.provide(
        JobStore.use((store) =>
          store.exchange({
            ...{ queue: "q", worker: "gone", settlements: [] },
            claim: { number: 1, limit: 1, leaseMillis: 200 }
          })
        ),
        on(winter.prefix)
      )
    )
    await enqueue(winter.prefix, "q", job("later", { visible: { inMillis: 300 } }))
    const server = startWinter(["server", "--port", "0", ...winter.place], {
      env: { WINTER_WORKERS_RECOVERY_INTERVAL: "100ms", WINTER_SCHEDULER_POLL_INTERVAL: "100ms" }
    })
    await server.said("server started")

    const pending = Inspector.queue("q").pipe(
      Effect.delay("50 millis"),
      Effect.repeat({ until: ({ depths }) => depths.pending === 2 }),
      Effect.timeout("20 seconds"),
      Effect.provide(on(winter.prefix))
    )
    const { depths } = await Effect.runPromise(pending)
    server.kill("SIGINT")
    const ended = await server.ended

    assert.strictEqual(depths.pending, 2)
    assert.deepStrictEqual([ended.code, ended.stderr], [0, ""])
    assert.deepStrictEqual(saidOf(ended.stdout, "server"), ["server started", "server stopping", "server stopped"])
  })
})

describe("schedules", () => {
  it("of the configuration tick, and are shown, steered, triggered and filled in", async () => {
    const winter = winterOn(redisUrl())
    const config = join(await mkdtemp(join(tmpdir(), "winterq-cron-")), "winter.yaml")
    await writeFile(
      config,
      `queues: { q: { max_retries: 2 } }
cron:
  - { name: often, schedule: "@every 1s", queue: q, kind: tick, payload: { n: 1 } }
  - { name: nightly, schedule: "30 2 * * *", timezone: Europe/Paris, queue: q, kind: night }
`
    )
    const server = startWinter(["server", "--port", "0", "--config", config, ...winter.place])
    await server.said("server started")
    const ticked = Schedules.get("often").pipe(
      Effect.delay("50 millis"),
      Effect.repeat({ until: (found) => found._tag === "Some" && found.value.runs > 0 }),
      Effect.timeout("20 seconds"),
      Effect.provide(on(winter.prefix))
    )
    await Effect.runPromise(ticked)
    server.kill("SIGTERM")
    const ended = await server.ended

    const list = await winter.json("cron", "list")
    const table = await winter.text("cron", "list")
    const shown = await winter.text("cron", "get", "nightly")
    const next = await winter.json("cron", "next", "nightly", "-n", "2")
    const paused = await winter.text("cron", "pause", "nightly")
    const none = await winter.text("cron", "next", "nightly")
    const resumed = await winter.text("cron", "resume", "nightly")
    const triggered = await winter.json("cron", "trigger", "nightly")
    const job = await winter.json("jobs", "get", triggered.id)
    const from = new Date(Date.now() - 3 * 86_400_000).toISOString()
    const dry = await winter.json("cron", "backfill", "nightly", "--from", from, "--dry-run")
    const filled = await winter.json("cron", "backfill", "nightly", "--from", from)
    const unsure = await winter.run("cron", "remove", "often")
    const removed = await winter.text("cron", "remove", "often", "--yes")
    const missing = await winter.run("cron", "get", "often")

    assert.deepStrictEqual([ended.code, ended.stderr], [0, ""])
    assert.deepStrictEqual(
      list.schedules.map(({ name }: { name: string }) => name),
      ["nightly", "often"]
    )
    assert.deepInclude(list.schedules[1], {
      group: "config",
      kind: "tick",
      queue: "q",
      maxAttempts: 2,
      payload: { n: 1 }
    })
    assert.match(table, /^nightly +30 2 \* \* \* Europe\/Paris +q +night .* ticking$/m)
    assert.match(shown, /^Declared by +config$/m)
    assert.lengthOf(next.ticks, 2)
    assert.deepStrictEqual([paused, none, resumed], ["paused nightly", "nightly is paused", "resumed nightly"])
    assert.deepInclude(job, { kind: "night", state: "pending" })
    assert.lengthOf(dry.ticks, 3)
    assert.deepStrictEqual([dry.stored, filled.stored], [0, 3])
    assert.deepStrictEqual([unsure.code, missing.code], [5, 3])
    assert.strictEqual(removed, "removed often")
  })
})

describe("explain", () => {
  it("says in words and in JSON why a job is not running", async () => {
    const winter = winterOn(redisUrl())
    await enqueue(winter.prefix, "q", job("first"), job("second"))
    await claim(winter.prefix, "q", "holder")
    await winter.text("pause", "q")
    await enqueue(winter.prefix, "other", job("later", { visible: { inMillis: 3_600_000 } }))

    const text = await winter.text("explain", "second")
    const json = await winter.json("explain", "second")
    const later = await winter.text("explain", "later")
    const active = await winter.text("explain", "first", "--queue", "q")
    const missing = await winter.run("explain", "none")

    assert.match(text, /^job second \(cli\.job, queue q\) is pending\n {2}- its queue is paused/)
    assert.strictEqual(json.explanation, "Pending")
    assert.deepStrictEqual(json.obstacles, [{ _tag: "Paused" }])
    assert.deepInclude(json.job, { id: "second", state: "pending" })
    assert.match(later, /is scheduled until .* \(in (59m|1h)/)
    assert.match(active, /is running .*by holder\n {2}its lease lasts until/)
    assert.deepStrictEqual([missing.code, missing.stderr], [3, "winter: job none not found\n"])
  })
})

describe("doctor", () => {
  it("passes a healthy queue, and fails one that somebody wrote to", async () => {
    const winter = winterOn(redisUrl())
    await enqueue(winter.prefix, "q", job("a", { visible: { inMillis: 60_000 } }))

    const healthy = await winter.json("doctor")
    const client = new IORedis(redisUrl())
    await client.zadd(`{${winter.prefix}:q}:pending`, 1, "stray")
    client.disconnect()
    const broken = await winter.run("doctor")

    const levels = Object.fromEntries(
      healthy.findings.map(({ check, level }: { check: string; level: string }) => [check, level])
    )
    assert.isTrue(healthy.ok)
    assert.deepInclude(levels, { version: "pass", eviction: "pass", "data format": "pass", invariants: "pass" })
    assert.strictEqual(broken.code, 1)
    assert.match(broken.stdout, /^FAIL +invariants +q +enqueued 1 is not 2 .* without a record: pending stray/m)
    assert.match(broken.stderr, /checks? failed/)
  })

  it("tells persistence and eviction of a server, as far as the user may ask", async () => {
    const server = await startFreshRedis({ args: ["--appendonly", "yes", "--maxmemory", "200mb"] })
    const winter = winterOn(server.url)

    const durable = await winter.text("doctor", "--strict")
    await server.ask("ACL", "SETUSER", "shy", "on", ">pw", "~*", "&*", "+@all", "-config")
    const shy = await winterOn(server.url.replace("//", "//shy:pw@"), winter.prefix).text("doctor")
    await server.ask("CONFIG", "SET", "appendonly", "no")
    const volatile = await winter.run("doctor", "--strict")
    await server.ask("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    const evicting = await winter.run("doctor")
    const status = await winter.run("status")
    await server.stop()
    const gone = await winter.run("doctor")

    assert.match(durable, /pass +persistence .*append-only file on \(everysec\)/)
    assert.match(shy, /append-only file on \(fsync unknown\)/)
    assert.strictEqual(volatile.code, 1)
    assert.match(volatile.stdout, /warn +persistence .*set appendonly to yes/)
    assert.strictEqual(evicting.code, 1)
    assert.match(evicting.stdout, /^FAIL +eviction +maxmemory-policy is allkeys-lru/m)
    assert.deepStrictEqual([status.code, gone.code], [4, 4])
    assert.match(status.stderr, /^this redis cannot be used: maxmemory-policy is allkeys-lru/)
    assert.match(gone.stderr, /^redis connection failed: /)
  })
})

/** What a user may do and should not. */
const beyond = async (url: string, prefix: string, user: string): Promise<ReadonlyArray<string>> => {
  const client = new IORedis(url.replace("//", `//${prefix}-${user}:pw@`))
  const commands = [["FLUSHALL"], ["KEYS", "*"], ["GET", "elsewhere"], ["CONFIG", "SET", "maxmemory", "0"]]
  const answers = await Promise.all(
    commands.map(([command, ...args]) => client.call(command!, args).then(String, (error: Error) => error.message))
  )
  client.disconnect()
  return answers.filter((answer) => !answer.startsWith("NOPERM"))
}

describe("the printed rights", () => {
  it("are enough for a producer, a worker and an operator, and no more", async () => {
    const server = await startFreshRedis()
    const prefix = "rights"
    const printed = await runWinter(["acl", "print", "--prefix", prefix])
    for (const line of printed.stdout.split("\n").filter((text) => text.startsWith("ACL SETUSER"))) {
      const [command, ...rest] = line.replace(">PASSWORD", ">pw").split(" ")
      await server.ask(command!, ...rest)
    }
    const as = (user: string) => winterOn(server.url.replace("//", `//${prefix}-${user}:pw@`), prefix)
    const [producer, operator] = [as("producer"), as("operator")]
    const worker = startWinter(["worker", "--module", handlers, "--http-port", "0", ...as("worker").place])
    await worker.said("worker started")

    const direct = (user: string) => on(prefix, server.url.replace("//", `//${prefix}-${user}:pw@`))
    class Greet extends Task.make("greet", { payload: { name: Schema.String }, success: Schema.Unknown }) {}
    const result = await producer.run("enqueue", "-k", "greet", "--payload", '{"name":"Ada"}', "--wait")
    const chained = await Effect.runPromise(
      Effect.gen(function* () {
        const step = Workflow.job(Greet, { name: "Bob" })
        const handle = yield* Workflows.start(Workflow.chain(step, step))
        return yield* Workflows.awaitResult(handle)
      }).pipe(Effect.provide(Layer.provide(Workflows.layer, direct("producer"))))
    )
    const refused = await Promise.all(
      ["producer", "worker", "operator"].map((user) => beyond(server.url, prefix, user))
    )
    const all = await operator.run(
      "enqueue",
      "-k",
      "fail",
      "--payload",
      '{"times":9}',
      "--max-attempts",
      "1",
      "--id",
      "f"
    )
    await Effect.runPromise(
      Inspector.queue("default").pipe(
        Effect.delay("50 millis"),
        Effect.repeat({ until: ({ depths }) => depths.dead === 1 }),
        Effect.timeout("20 seconds"),
        Effect.provide(direct("operator"))
      )
    )
    const steered = [
      await operator.run("doctor"),
      await operator.run("retry", "f"),
      await operator.run("top"),
      await operator.run("workflows", "list"),
      await operator.run("queues", "limits", "default", "--max-active", "5"),
      await operator.run("jobs", "list"),
      await operator.run("dlq", "purge", "-q", "default", "--yes")
    ]
    worker.kill("SIGTERM")
    const ended = await worker.ended
    await server.stop()

    assert.deepStrictEqual([result.code, JSON.parse(result.stdout)], [0, { greeting: "hello Ada" }])
    assert.deepStrictEqual(chained, { greeting: "hello Bob" })
    assert.deepStrictEqual(refused.flat(), [])
    assert.deepStrictEqual(
      [all.code, ...steered.map(({ code }) => code)],
      Array.from({ length: 8 }, () => 0),
      steered.map(({ stderr, stdout }) => stderr + stdout).join("\n")
    )
    assert.deepStrictEqual([ended.code, ended.stderr], [0, ""])
    assert.notMatch(ended.stdout, /NOPERM|denied/)
  })
})

describe("workflows", () => {
  it("are listed, shown, drawn, cancelled and retried", async () => {
    const winter = winterOn(redisUrl())
    class Step extends Task.make("cli.step", { payload: { n: Schema.Int }, maxAttempts: 1 }) {}
    const step = (n: number) => Workflow.job(Step, { n })
    const start = (id: string) => Workflows.start(Workflow.chain(step(1), step(2)), { id })
    const layer = Layer.provide(Workflows.layer, on(winter.prefix))
    await Effect.runPromise(Effect.provide(Effect.all([start("one"), start("two")]), layer))

    const list = await winter.json("workflows", "list")
    const shown = await winter.text("workflows", "get", "one")
    const graph = await winter.text("workflows", "graph", "one")
    const drawn = await winter.text("workflows", "graph", "one", "--format", "mermaid")
    const unsure = await winter.run("workflows", "cancel", "one")
    const cancelled = await winter.text("workflows", "cancel", "one", "--yes", "--reason", "not wanted")
    const nothing = await winter.run("workflows", "retry", "two")
    const { nodes } = await winter.json("workflows", "get", "two")
    await Effect.runPromise(
      Effect.provide(
        JobStore.use((store) =>
          Effect.flatMap(
            store.exchange({
              ...{ queue: "default", worker: "w", settlements: [] },
              claim: { number: 1, limit: 10, leaseMillis: 60_000 }
            }),
            ({ claimed }) =>
              store.exchange({
                ...{ queue: "default", worker: "w" },
                settlements: claimed.map(({ id, token }) => ({
                  ...{ _tag: "Bury" as const, jobId: id, token, reason: "skipped" as const, error: "no" }
                }))
              })
          )
        ),
        on(winter.prefix)
      )
    )
    const server = startWinter(["server", "--port", "0", ...winter.place], {
      env: { WINTER_WORKERS_RECOVERY_INTERVAL: "100ms" }
    })
    const failed = Workflows.get("two").pipe(
      Effect.delay("50 millis"),
      Effect.repeat({ until: (found) => found._tag === "Some" && found.value.state === "failed" }),
      Effect.timeout("20 seconds")
    )
    await Effect.runPromise(Effect.provide(failed, layer))
    server.kill("SIGTERM")
    await server.ended
    const retried = await winter.json("workflows", "retry", "two")
    const missing = await winter.run("workflows", "get", "three")

    assert.deepStrictEqual(list.workflows.map(({ id }: { id: string }) => id).toSorted(), ["one", "two"])
    assert.match(shown, /^State +running$/m)
    assert.match(graph, /^0 cli\.step \[open\]\n {2}1 cli\.step \[waiting\] after 0$/)
    assert.match(drawn, /^flowchart TD\n.*n0 --> n1$/s)
    assert.strictEqual(unsure.code, 5)
    assert.strictEqual(cancelled, "workflow one is being cancelled")
    assert.strictEqual(nothing.code, 1)
    assert.deepStrictEqual(retried, { id: "two", redriven: [nodes[0].jobId] })
    assert.strictEqual(missing.code, 3)
  })
})
