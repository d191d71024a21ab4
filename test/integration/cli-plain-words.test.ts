import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { Encryption, JobStore, Schedules, Task } from "winterq"
import * as Redis from "winterq/redis"
import { die, job, onStore } from "../support/cli-jobs.ts"
import { redisUrl } from "../support/redis-url.ts"
import { runWinter, startWinter, winterOn } from "../support/winter.ts"

const handlers = join(import.meta.dirname, "../../examples/cli/handlers.ts")

class Greet extends Task.make("greet", { payload: { name: Schema.String } }) {}

const secret = (letter: string) => Redacted.make(Buffer.from(letter.repeat(32)).toString("base64"))

/** Puts a schedule whose definition nobody reads without the key. */
const putEncrypted = (prefix: string) => {
  const keys = { keys: { "2026": secret("k") }, current: "2026", uniqueSecret: secret("u") }
  const backend = Encryption.layer(keys).pipe(Layer.provideMerge(Redis.layer({ url: redisUrl(), prefix })))
  const entry = Schedules.entry("secret", Greet, { payload: { name: "Ada" }, cron: "0 3 * * *" })
  return Effect.runPromise(Effect.provide(Schedules.add(entry), backend))
}

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "winterq-words-"))
})
afterAll(() => rm(folder, { recursive: true }))

const file = async (name: string, text: string): Promise<string> => {
  const path = join(folder, name)
  await writeFile(path, text)
  return path
}

describe("a worker that starts", () => {
  it("says who it is and what it serves", async () => {
    const winter = winterOn(redisUrl())
    const worker = startWinter(["worker", "--module", handlers, "--queues", "critical=6,mail", ...winter.place])
    await worker.said("worker started")

    const list = await winter.json("workers", "list")
    worker.kill("SIGTERM")
    const { stdout } = await worker.ended

    const lines = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { readonly message: string; readonly annotations: object })
    const about = { module: handlers, worker: list.workers[0].id, queues: "critical,mail" }
    for (const message of ["worker started", "worker stopping", "worker stopped"]) {
      assert.deepInclude(lines.find((line) => line.message === message)!.annotations, about)
    }
  })
})

describe("an instant on the command line", () => {
  it("without a zone is of UTC, wherever the machine is", async () => {
    const winter = winterOn(redisUrl())
    const env = { TZ: "America/New_York" }
    const ids = ["plain", "zoned"]
    await runWinter(["enqueue", "-k", "a.b", "--id", "plain", "--at", "2090-01-02T03:04:05", ...winter.place], { env })
    await runWinter(["enqueue", "-k", "a.b", "--id", "zoned", "--at", "2090-01-02T03:04:05Z", ...winter.place], { env })

    const due = await Promise.all(ids.map((id) => winter.json("jobs", "get", id)))

    assert.deepStrictEqual(
      due.map(({ visibleAt }) => visibleAt),
      Array(2).fill(Date.UTC(2090, 0, 2, 3, 4, 5))
    )
  })

  it("that makes no sense is told in plain words", async () => {
    const winter = winterOn(redisUrl())

    const runs = await Promise.all([
      winter.run("enqueue", "-k", "a.b", "--at", "5"),
      winter.run("enqueue", "-k", "a.b", "--at", "tomorrow"),
      winter.run("cron", "backfill", "x", "--from", "2030-02-31")
    ])

    assert.deepStrictEqual(
      runs.map(({ code }) => code),
      [2, 2, 2]
    )
    for (const [i, flag] of ["at", "at", "from"].entries()) {
      assert.match(runs[i]!.stderr, new RegExp(`${flag} must be an instant such as 2030-01-31T09:00Z`))
    }
  })
})

describe("a schedule that is encrypted", () => {
  it("is listed as far as it can be read, and told why no further", async () => {
    const winter = winterOn(redisUrl())
    await putEncrypted(winter.prefix)
    const why = "it is encrypted with the key 2026, and no keys are here"

    const listed = await winter.run("cron", "list")
    const { schedules, unreadable } = await winter.json("cron", "list")
    const got = await winter.run("cron", "get", "secret")

    assert.match(listed.stdout, /^secret +- +default +- +20\d\d-.* 03:00:00Z .* 0 +0 +unreadable$/m)
    assert.include(listed.stdout, `secret cannot be read here: ${why}`)
    assert.strictEqual(listed.stderr, "")
    assert.deepStrictEqual(schedules, [])
    assert.deepInclude(unreadable[0], { name: "secret", queue: "default", paused: false, runs: 0, problem: why })
    assert.strictEqual(got.code, 1)
    assert.strictEqual(got.stderr, `winter: schedule secret cannot be read here: ${why}\n`)
  })
})

describe("a job for a queue that is split over shards", () => {
  it("is refused without its configuration, and told what to do", async () => {
    const winter = winterOn(redisUrl())
    const enqueue = (...args: ReadonlyArray<string>) => winter.run("enqueue", "-k", "a.b", "-q", ...args)
    for (const queue of ["orders.2", "orders.0"]) await winter.text("enqueue", "-k", "a.b", "-q", queue)
    const plain = await file("plain.yaml", "queues:\n  orders: {}\n")

    const refused = await enqueue("orders")
    const shard = await enqueue("orders.1")
    const declared = await enqueue("orders", "--config", plain)
    const known = await enqueue("orders")

    assert.strictEqual(refused.code, 2)
    assert.strictEqual(
      refused.stderr,
      "winter: there is no queue orders, but orders.0 and orders.2: name the configuration that splits it over shards" +
        " (--config), or one of them; a configuration that has orders without shards makes it a queue\n"
    )
    assert.deepStrictEqual([shard.code, declared.code, known.code], [0, 0, 0])
  })
})

describe("a job that is followed", () => {
  it("is shown with the times of what happened, as elsewhere", async () => {
    const winter = winterOn(redisUrl())
    await die(winter.prefix, "q", job("a"))
    await onStore(
      winter.prefix,
      JobStore.use((store) => store.enqueue("q", [job("b")]))
    )
    const { finishedAt } = await winter.json("jobs", "get", "a")

    const text = await winter.text("jobs", "tail", "a")
    const json = JSON.parse(await winter.text("jobs", "tail", "a", "--json"))
    const { stdout } = await winter.run("jobs", "get", "a")

    const ended = /^Ended +(\S+ \S+) \(/m.exec(stdout)![1]!
    assert.match(text, new RegExp(`^${ended} \\(\\S+( \\S+)? ago\\)  dead, attempt 1 of 3$`))
    assert.deepInclude(json, { event: "state", state: "dead", at: finishedAt })
  })
})
