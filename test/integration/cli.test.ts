import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Redis as IORedis } from "ioredis"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { JobStore, type NewJob } from "winterq"
import { die, job, onStore } from "../support/cli-jobs.ts"
import { redisUrl } from "../support/redis-url.ts"
import { runWinter, winterOn } from "../support/winter.ts"

const enqueue = (prefix: string, queue: string, ...jobs: ReadonlyArray<NewJob>) =>
  onStore(
    prefix,
    JobStore.use((store) => store.enqueue(queue, jobs))
  )

const claimOne = (prefix: string, queue: string, worker: string) =>
  onStore(
    prefix,
    JobStore.use((store) =>
      store.exchange({ queue, worker, settlements: [], claim: { number: 1, limit: 1, leaseMillis: 60_000 } })
    )
  )

const timed = async (args: ReadonlyArray<string>) => {
  const since = Date.now()
  return [await runWinter(args), Date.now() - since] as const
}

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "winterq-cli-"))
})
afterAll(() => rm(folder, { recursive: true }))

const file = async (name: string, text: string): Promise<string> => {
  const path = join(folder, name)
  await writeFile(path, text)
  return path
}

describe("winter itself", () => {
  it("tells its version and its commands", async () => {
    const [version, help] = await Promise.all([runWinter(["--version"]), runWinter([])])

    assert.match(version.stdout, /^winter v\d+\.\d+\.\d+\n$/)
    assert.strictEqual(help.code, 0)
    for (const command of ["server", "worker", "status", "top", "queues", "jobs", "workers", "explain", "doctor"]) {
      assert.match(help.stdout, new RegExp(`^ +${command} `, "m"))
    }
  })

  it("usage that makes no sense ends with 2", async () => {
    const [unknown, missing, bad] = await Promise.all([
      runWinter(["nonsense"]),
      runWinter(["jobs", "get"]),
      runWinter(["enqueue", "--kind", "a b"])
    ])

    assert.deepStrictEqual([unknown.code, missing.code, bad.code], [2, 2, 2])
    assert.match(unknown.stderr, /^winter: Unknown subcommand "nonsense"/)
    assert.match(unknown.stderr, /winter --help tells what there is\n$/)
    assert.match(missing.stderr, /winter jobs get --help tells what there is\n$/)
    assert.match(bad.stderr, /kind must be 1 to 128/)
    assert.deepStrictEqual([unknown.stdout, missing.stdout, bad.stdout], ["", "", ""])
  })

  it("says what is wrong with a command line as JSON, too", async () => {
    const { code, stderr, stdout } = await runWinter(["jobs", "list", "--bogus", "--json"])

    assert.deepStrictEqual([code, stdout], [2, ""])
    assert.deepInclude(JSON.parse(stderr).error, { type: "UnrecognizedOption", exitCode: 2 })
    assert.include(JSON.parse(stderr).error.message, "--bogus")
  })

  it("a Redis that is not there ends with 4 and one line, within five seconds", async () => {
    const [, startUp] = await timed(["--version"])
    const [refused, refusedAfter] = await timed(["status", "--redis", "127.0.0.1:1"])
    // packets to a documentation network go nowhere
    const [silent, silentAfter] = await timed(["status", "--redis", "192.0.2.1:6379", "--json"])

    assert.strictEqual(refused.code, 4)
    assert.match(refused.stderr, /^redis connection failed: .*ECONNREFUSED.*\n$/)
    assert.strictEqual(refused.stdout, "")
    assert.deepInclude((JSON.parse(silent.stderr) as { error: object }).error, {
      type: "ConnectionFailed",
      exitCode: 4
    })
    assert.isBelow(Math.max(refusedAfter, silentAfter) - startUp, 5000)
  })

  it("completion scripts name the commands", async () => {
    const [bash, zsh, fish] = await Promise.all(
      ["bash", "zsh", "fish"].map((shell) => runWinter(["completions", shell]))
    )

    assert.match(bash!.stdout, /complete .*winter/)
    assert.match(zsh!.stdout, /#compdef winter/)
    assert.match(fish!.stdout, /complete -c winter/)
    for (const { stdout } of [bash!, zsh!, fish!]) assert.include(stdout, "doctor")
  })

  it("rights are printed for a prefix, without a connection", async () => {
    const [text, json] = await Promise.all([
      runWinter(["acl", "print", "--prefix", "shop"]),
      runWinter(["acl", "print", "--json"])
    ])

    assert.match(text.stdout, /^ACL SETUSER shop-producer on >PASSWORD ~\{shop\}:\* .*\+evalsha/m)
    const { users } = JSON.parse(json.stdout) as { users: ReadonlyArray<{ name: string }> }
    assert.deepStrictEqual(
      users.map(({ name }) => name),
      ["winterq-producer", "winterq-worker", "winterq-operator"]
    )
  })
})

describe("settings", () => {
  it("a flag comes before the environment, that before the file", async () => {
    const config = await file("order.yaml", `redis:\n  addr: 127.0.0.1:1\n  prefix: from-file\n`)
    const url = redisUrl()
    const { prefix } = winterOn(url)
    await enqueue(prefix, "here", job("a"))

    const fromFile = await runWinter(["status", "--config", config])
    const fromEnvironment = await runWinter(["status", "--config", config], {
      env: { WINTER_REDIS_URL: url, WINTER_REDIS_PREFIX: prefix }
    })
    const fromFlag = await runWinter(["status", "--redis", url, "--prefix", prefix, "--json"], {
      env: { WINTER_REDIS_URL: "redis://127.0.0.1:1", WINTER_CONFIG: config }
    })

    assert.strictEqual(fromFile.code, 4)
    assert.match(fromEnvironment.stdout, /^here +1/m)
    assert.strictEqual((JSON.parse(fromFlag.stdout) as { queues: ReadonlyArray<unknown> }).queues.length, 1)
  })

  it("a file that makes no sense ends with 2 and all its problems", async () => {
    const config = await file("bad.yaml", "redis:\n  adr: x\nworkers:\n  concurrency: 0\n")

    const { code, stderr } = await runWinter(["status", "--config", config])
    const missing = await runWinter(["status", "--config", join(folder, "none.yaml")])

    assert.strictEqual(code, 2)
    assert.match(
      stderr,
      /bad\.yaml:2: redis\.adr: unknown key; did you mean addr\?\n.*bad\.yaml:4: workers\.concurrency/
    )
    assert.strictEqual(missing.code, 2)
    assert.match(missing.stderr, /none\.yaml: there is no such file/)
  })

  it("password, database and queue settings of the file are effective", async () => {
    const config = await file(
      "queue.yaml",
      `redis: { addr: "${new URL(redisUrl()).host}", db: 3, prefix: cli-db }\nqueues: { mail: { max_retries: 4, priority_default: 2 } }\n`
    )

    const { stdout } = await runWinter(["enqueue", "--config", config, "-k", "x", "-q", "mail", "--json"])
    const { id } = JSON.parse(stdout) as { id: string }
    const got = await runWinter(["jobs", "get", id, "--config", config, "--json"])
    const client = new IORedis(`${redisUrl()}/3`)
    const keys = await client.keys("{cli-db*")
    await client.del(...keys)
    client.disconnect()

    assert.isAbove(keys.length, 0)
    assert.deepInclude(JSON.parse(got.stdout), { maxAttempts: 4, priority: 2, queue: "mail" })
  })
})

describe("enqueue and jobs", () => {
  it("a job is enqueued with all that can be said of it, and shown", async () => {
    const winter = winterOn(redisUrl())

    const text = await winter.text("enqueue", "--kind", "email.send", "--queue", "mail", "--id", "e1")
    const made = await winter.json(
      ...["enqueue", "-k", "email.send", "-q", "mail", "--payload", '{"n":12345678901234567890}', "--id", "e2"],
      ...[
        "--delay",
        "1h30m",
        "--priority",
        "1",
        "--max-attempts",
        "7",
        "--tag",
        "eu",
        "--tag",
        "vip",
        "--expires",
        "2d"
      ]
    )
    const again = await winter.text("enqueue", "-k", "email.send", "-q", "mail", "--id", "e1")
    const shown = await winter.json("jobs", "get", "e2")
    const raw = await winter.run("jobs", "e2", "--json")
    const person = await winter.text("jobs", "e2")

    assert.strictEqual(text, "enqueued e1 (kind=email.send queue=mail)")
    assert.deepStrictEqual(made, { id: "e2", kind: "email.send", queue: "mail", outcome: "enqueued" })
    assert.strictEqual(again, "already enqueued e1 (kind=email.send queue=mail)")
    assert.deepInclude(shown, {
      id: "e2",
      state: "scheduled",
      priority: 1,
      maxAttempts: 7,
      tags: ["eu", "vip"],
      logs: []
    })
    assert.approximately(shown.visibleAt - shown.enqueuedAt, 5_400_000, 10)
    assert.include(raw.stdout, '"n": 12345678901234567890')
    assert.match(person, /^Due +\d{4}-.*Z \(in 1h 2\dm\)$/m)
    assert.match(person, /^Tags +eu, vip$/m)
  })

  it("payloads come from a file or stdin, and have to be JSON", async () => {
    const winter = winterOn(redisUrl())
    const payload = await file("payload.json", '{"from":"file"}\n')

    const [fromFile, fromStdin, bad] = await Promise.all([
      winter.json("enqueue", "-k", "x", "--payload-file", payload),
      runWinter(["enqueue", "-k", "x", "--payload-file", "-", "--json", ...winter.place], {
        stdin: '{"from":"stdin"}'
      }),
      winter.run("enqueue", "-k", "x", "--payload", "{bad")
    ])
    const ids = [fromFile.id, (JSON.parse(fromStdin.stdout) as { id: string }).id]
    const shown = await Promise.all(ids.map((id) => winter.json("jobs", "get", id)))

    assert.deepStrictEqual(
      shown.map((one) => one.payload),
      [{ from: "file" }, { from: "stdin" }]
    )
    assert.strictEqual(bad.code, 2)
    assert.match(bad.stderr, /^winter: payload must be JSON/)
  })

  it("unique jobs are left out", async () => {
    const winter = winterOn(redisUrl())

    const first = await winter.json("enqueue", "-k", "x", "--unique-key", "k")
    const second = await winter.json("enqueue", "-k", "x", "--unique-key", "k")

    assert.deepStrictEqual(second, { ...first, outcome: "duplicate" })
  })

  it("one whose id another job has is not stored, which is told with 1", async () => {
    const winter = winterOn(redisUrl())
    await winter.json("enqueue", "-k", "x", "--id", "a")

    const same = await winter.json("enqueue", "-k", "x", "--id", "a")
    const other = await winter.run("enqueue", "-k", "y", "--id", "a", "--json")
    const awaited = await winter.run("enqueue", "-k", "y", "--id", "a", "--wait")

    assert.strictEqual(same.outcome, "existing")
    assert.deepStrictEqual([other.code, awaited.code], [1, 1])
    assert.strictEqual(JSON.parse(other.stdout).outcome, "conflict")
    assert.include(JSON.parse(other.stderr).error.message, "another job has the id a")
  })

  it("jobs are listed by queue, state, kind and tag, page by page, without payloads", async () => {
    const winter = winterOn(redisUrl())
    await enqueue(winter.prefix, "a", job("a1"), job("a2", { tags: ["eu"] }), job("a3"))
    await enqueue(winter.prefix, "b", job("b1", { kind: "other", visible: { inMillis: 60_000 } }))

    const all = await winter.json("jobs", "list")
    const tagged = await winter.json("jobs", "list", "--tag", "eu")
    const kind = await winter.json("jobs", "list", "-k", "other", "--show-payload")
    const page = await winter.json("jobs", "list", "-q", "a", "-s", "pending", "-n", "2")
    const rest = await winter.json("jobs", "list", "-q", "a", "-s", "pending", "--cursor", page.cursor)
    const text = await winter.text("jobs", "list", "-q", "a", "-s", "pending", "-n", "2")

    const ids = (list: { jobs: ReadonlyArray<{ id: string }> }) => list.jobs.map(({ id }) => id)
    assert.deepStrictEqual(ids(all).toSorted(), ["a1", "a2", "a3", "b1"])
    assert.isFalse("payload" in all.jobs[0])
    assert.deepStrictEqual([ids(tagged), ids(kind), ids(page), ids(rest)], [["a2"], ["b1"], ["a1", "a2"], ["a3"]])
    assert.deepInclude(kind.jobs[0].payload, { id: "b1" })
    assert.isNull(rest.cursor)
    assert.match(text, /^ID +QUEUE +KIND +STATE.*\na1 .*\na2 .*\nmore with --cursor /)
  })

  it("a waiting job is cancelled, and one that has ended is not", async () => {
    const winter = winterOn(redisUrl())
    await enqueue(winter.prefix, "a", job("a1"))

    const text = await winter.text("cancel", "a1", "--reason", "not wanted")
    const again = await winter.run("jobs", "cancel", "a1")
    const shown = await winter.json("jobs", "get", "a1")
    const missing = await winter.run("cancel", "none")

    assert.strictEqual(text, "cancelled a1")
    assert.deepInclude(shown.failures[0], { error: "not wanted", outcome: "cancelled" })
    assert.strictEqual(again.code, 1)
    assert.deepStrictEqual([missing.code, missing.stderr], [3, "winter: job none not found\n"])
  })

  it("a job that waits for its time may run now", async () => {
    const winter = winterOn(redisUrl())
    await enqueue(winter.prefix, "a", job("later", { visible: { inMillis: 3_600_000 } }))

    const text = await winter.text("jobs", "run", "later")
    const again = await winter.run("jobs", "run", "later")
    const shown = await winter.json("jobs", "get", "later")
    const missing = await winter.run("jobs", "run", "none")

    assert.strictEqual(text, "later in a may run now")
    assert.strictEqual(again.code, 1)
    assert.match(again.stderr, /job later is pending; only scheduled and retrying jobs wait for a time/)
    assert.strictEqual(shown.state, "pending")
    assert.deepStrictEqual([missing.code, missing.stderr], [3, "winter: job none not found\n"])
  })

  it("jobs are deleted in any state but active, and only when confirmed", async () => {
    const winter = winterOn(redisUrl())
    await enqueue(winter.prefix, "a", job("active"))
    await claimOne(winter.prefix, "a", "w")
    await enqueue(winter.prefix, "a", job("pending"), job("kept"))
    await die(winter.prefix, "b", job("dead"))

    const unsure = await winter.run("jobs", "delete", "pending")
    const some = await winter.run("jobs", "delete", "pending", "dead", "active", "--yes")
    const left = await winter.json("jobs", "list")

    assert.strictEqual(unsure.code, 5)
    assert.match(unsure.stderr, /delete 1 job: not confirmed/)
    assert.strictEqual(some.code, 6)
    assert.match(some.stdout, /deleted pending from a\ndeleted dead from b/)
    assert.match(some.stderr, /job active runs/)
    assert.deepStrictEqual(left.jobs.map(({ id }: { id: string }) => id).toSorted(), ["active", "kept"])
  })
})

describe("dead letters", () => {
  it("are listed, retried and purged as the Go command did", async () => {
    const winter = winterOn(redisUrl())
    await die(winter.prefix, "mail", job("d1"), job("d2"), job("d3"))

    const none = await winter.text("dead", "list")
    const list = await winter.text("dead", "list", "--queue", "mail")
    const retried = await winter.text("retry", "d1", "--queue", "mail")
    const again = await winter.run("retry", "d1", "--queue", "mail")
    const unsure = await winter.run("dead", "purge", "--queue", "mail")
    const purged = await winter.text("dead", "purge", "--queue", "mail", "--yes")
    const left = await winter.text("dead", "list", "--queue", "mail")

    assert.strictEqual(none, "no dead jobs in queue default; in others: mail")
    assert.strictEqual(left, "no dead jobs")
    assert.match(list, /^ID +KIND +ATTEMPT +REASON +DIED +ERROR\nd\d /)
    assert.match(list, /refused d1$/m)
    assert.strictEqual(retried, "retried d1 from mail dead queue")
    assert.strictEqual(again.code, 1)
    assert.match(again.stderr, /only dead jobs can be retried/)
    assert.strictEqual(unsure.code, 5)
    assert.strictEqual(purged, "purged 2 dead jobs from mail")
  })

  it("of a whole queue are moved or removed only when the queue is named", async () => {
    const winter = winterOn(redisUrl())
    await die(winter.prefix, "default", job("a"), job("b"))

    const retry = await winter.run("dlq", "retry")
    const purge = await winter.run("dlq", "purge", "--yes")
    const counted = await winter.text("dlq", "purge", "--dry-run")
    const one = await winter.text("dlq", "retry", "a")
    const rest = await winter.text("dlq", "purge", "-q", "default", "--yes")

    assert.strictEqual(retry.code, 2)
    assert.match(retry.stderr, /say which: jobs, a filter, or --queue for all dead jobs of a queue/)
    assert.strictEqual(purge.code, 2)
    assert.strictEqual(counted, "would purge 2 dead jobs from default")
    assert.strictEqual(one, "retried 1 dead job from default")
    assert.strictEqual(rest, "purged 1 dead job from default")
  })

  it("are retried and purged by name or by filter, and counted first", async () => {
    const winter = winterOn(redisUrl())
    await die(winter.prefix, "q", ...["a", "b", "c"].map((id) => job(id)), job("other", { kind: "other" }))

    const dry = await winter.json("dlq", "retry", "-q", "q", "--error", "refused a", "--dry-run")
    const filtered = await winter.json("dlq", "retry", "-q", "q", "--error", "refused a")
    const old = await winter.json("dlq", "purge", "-q", "q", "--older-than", "1h", "--yes")
    const named = await winter.json("dlq", "purge", "b", "-q", "q", "--yes")
    const partly = await winter.run("dlq", "retry", "c", "nowhere", "-q", "q")
    const left = await winter.json("dlq", "list", "-q", "q", "-k", "other", "--show-payload")
    const both = await winter.run("dlq", "purge", "c", "-q", "q", "-k", "x", "--yes")
    const ghost = await winter.run("dlq", "retry", "ghost", "-q", "q", "--dry-run")

    const skipped = { "not-dead": 0, "key-taken": 0 }
    const report = { queue: "q", dryRun: false, skipped, cursor: null }
    assert.deepStrictEqual(dry, { ...report, dryRun: true, looked: 4, matched: 1, done: 0 })
    assert.deepStrictEqual(filtered, { ...report, looked: 4, matched: 1, done: 1 })
    assert.deepStrictEqual(old, { ...report, looked: 3, matched: 0, done: 0 })
    assert.deepStrictEqual(named, { ...report, looked: 1, matched: 1, done: 1 })
    assert.strictEqual(partly.code, 6)
    assert.match(partly.stdout, /^retried 1 dead job from q/)
    assert.deepStrictEqual(
      left.jobs.map(({ id }: { id: string }) => id),
      ["other"]
    )
    assert.strictEqual(both.code, 2)
    assert.strictEqual(ghost.code, 3)
    assert.match(ghost.stderr, /dead job ghost in queue q not found/)
  })
})
