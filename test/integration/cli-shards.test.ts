import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { Queues } from "winterq"
import { die, job } from "../support/cli-jobs.ts"
import { redisUrl } from "../support/redis-url.ts"
import { winterOn } from "../support/winter.ts"

const handlers = join(import.meta.dirname, "../../examples/cli/handlers.ts")

const shardOf = (key: string) => Queues.shardFor(Queues.sharded("orders", { shards: 3 }), key)

const config = `
queues:
  orders: { weight: 2, shards: 3, max_retries: 4 }
  mail: {}
cron:
  - { name: nightly, kind: cli.job, schedule: "@daily" }
`

let folder: string
let place: ReadonlyArray<string>
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "winterq-shards-"))
  const file = join(folder, "winter.yaml")
  await writeFile(file, config)
  place = ["--config", file]
})
afterAll(() => rm(folder, { recursive: true }))

describe("a queue that the configuration splits over shards", () => {
  it("takes jobs by their order keys, and shows, pauses and finds them by its name", async () => {
    const winter = winterOn(redisUrl())
    const enqueue = (...args: ReadonlyArray<string>) =>
      winter.json("enqueue", "--kind", "cli.job", "-q", "orders", ...args, ...place)
    const ada = await enqueue("--order-key", "ada")
    const grace = await enqueue("--order-key", "grace", "--id", "b")
    const free = await enqueue("--id", "c")
    const unknown = await winter.run("enqueue", "--kind", "cli.job", "-q", "orders")

    const status = await winter.json("status", "-q", "orders", ...place)
    const listed = await winter.json("jobs", "list", "-q", "orders", "-s", "pending", ...place)
    const job = await winter.json("jobs", "get", "b", "-q", "orders", ...place)
    const why = await winter.json("explain", "b", "-q", "orders", ...place)
    const paused = await winter.text("pause", "orders", ...place)
    const again = await winter.text("pause", "orders", ...place)
    const after = await winter.json("status", "-q", "orders", ...place)

    assert.deepStrictEqual(
      [ada, grace, free].map(({ queue }) => queue),
      [shardOf("ada"), shardOf("grace"), shardOf("c")]
    )
    assert.strictEqual(unknown.code, 2)
    assert.deepStrictEqual(
      status.queues.map(({ name }: { name: string }) => name),
      ["orders.0", "orders.1", "orders.2"]
    )
    assert.sameMembers(
      listed.jobs.map(({ id }: { id: string }) => id),
      [ada.id, "b", "c"]
    )
    assert.deepInclude(job, { id: "b", queue: shardOf("grace"), maxAttempts: 4 })
    assert.strictEqual(why.job.queue, shardOf("grace"))
    assert.deepStrictEqual([paused, again], ["paused orders", "orders was paused already"])
    assert.isTrue(after.queues.every((queue: { paused: boolean }) => queue.paused))
  })

  it("has its dead letters listed, retried and purged over all shards", async () => {
    const winter = winterOn(redisUrl())
    const names = ["orders.0", "orders.1", "orders.2"]
    // two in each shard, those of the last shard first
    for (const queue of names.toReversed()) await die(winter.prefix, queue, job(`${queue}-a`), job(`${queue}-b`))

    const listed = await winter.json("dlq", "list", "-q", "orders", ...place)
    const some = await winter.json("dlq", "list", "-q", "orders", "-n", "3", ...place)
    const shown = await winter.text("dlq", "list", "-q", "orders", "-n", "3", ...place)
    const rest = await winter.json("dlq", "list", "-q", "orders", "--cursor", some.cursor, ...place)
    const cursor = await winter.run("dlq", "list", "-q", "orders", "--cursor", "1:a", ...place)
    for (const queue of ["orders.0", "orders.1"]) await die(winter.prefix, queue, job("both"))
    const both = await winter.run("dlq", "purge", "both", "ghost", "-q", "orders", "--yes", "--json", ...place)
    const named = await winter.json("dlq", "retry", "orders.2-a", "orders.0-b", "-q", "orders", ...place)
    const ghost = await winter.run("dlq", "retry", "ghost", "-q", "orders", ...place)
    const retried = await winter.json("dlq", "retry", "-q", "orders", "-n", "2", ...place)
    const purged = await winter.json("dlq", "purge", "-q", "orders", "--yes", ...place)
    const none = await winter.text("dlq", "list", "-q", "orders", ...place)

    const idsOf = ({ jobs }: { jobs: ReadonlyArray<{ id: string }> }) => jobs.map(({ id }) => id)
    assert.deepStrictEqual(
      idsOf(listed).map((id) => id.slice(0, 8)),
      names.flatMap((name) => [name, name])
    )
    assert.isNull(listed.cursor)
    assert.deepStrictEqual(idsOf(some), idsOf(listed).slice(0, 3))
    assert.deepStrictEqual([idsOf(rest), rest.cursor], [idsOf(listed).slice(3), null])
    assert.match(shown, /QUEUE/)
    assert.isTrue(shown.endsWith(`more with --cursor ${some.cursor}`))
    assert.strictEqual(cursor.code, 4)
    assert.include(cursor.stderr, "cursor is none that a page gave")
    assert.deepInclude(named, { queue: "orders", matched: 2, done: 2 })
    assert.include(ghost.stderr, "dead job ghost in queue orders")
    assert.deepInclude(retried, { matched: 2, done: 2 })
    assert.match(retried.cursor, /^1:\d+:orders\.1-b$/)
    assert.deepInclude(JSON.parse(both.stdout), { matched: 3, done: 2, skipped: { "not-dead": 1, "key-taken": 0 } })
    assert.deepInclude(purged, { matched: 2, done: 2, cursor: null })
    assert.strictEqual(none, "no dead jobs")
  })

  it("is asked for a shard where one queue at a time is meant", async () => {
    const winter = winterOn(redisUrl())
    const runs = [
      ["queues", "get", "orders"],
      ["queues", "drain", "orders"],
      ["queues", "limits", "orders", "--max-active", "3"],
      ["workers", "list", "-q", "orders"],
      ["cron", "list", "-q", "orders"]
    ]

    for (const args of runs) {
      const { code, stderr } = await winter.run(...args, ...place)

      assert.strictEqual(code, 2, args.join(" "))
      assert.strictEqual(stderr, "winter: queue must name one shard of orders: orders.0 to orders.2\n")
    }
    assert.strictEqual(await winter.text("dlq", "list", "-q", "orders.1", ...place), "no dead jobs")
  })
})

describe("a worker whose queues cannot be", () => {
  it("changes nothing before it says so", async () => {
    const winter = winterOn(redisUrl())

    const refused = await winter.run("worker", "--module", handlers, "--queues", "mail,mail", ...place)
    const schedules = await winter.json("cron", "list")

    assert.strictEqual(refused.code, 2)
    assert.include(refused.stderr, "queues name mail twice")
    assert.deepStrictEqual(schedules, { schedules: [], unreadable: [] })
  })
})
