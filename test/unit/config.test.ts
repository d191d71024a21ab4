import { readFileSync } from "node:fs"
import { join } from "node:path"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import fc from "fast-check"
import { assert, describe, it } from "vitest"
import type { Backoff } from "../../src/domain/Backoff.ts"
import { keyVariables, parseConfig, parseDuration, readConfig, variableOf } from "../../src/config/Config.ts"

const read = (text: string, environment: Readonly<Record<string, string>> = {}) =>
  readConfig(parseConfig("winter.yaml", text), (name) => environment[name])

const settings = (text: string, environment?: Readonly<Record<string, string>>) =>
  Result.getOrThrow(read(text, environment))

/** What is wrong, a line each. */
const problems = (text: string, environment?: Readonly<Record<string, string>>): ReadonlyArray<string> => {
  const result = read(text, environment)
  return Result.isFailure(result) ? result.failure.message.split("\n") : []
}

const example = readFileSync(join(import.meta.dirname, "../../examples/cli/winter.yaml"), "utf8")

describe("configuration files", () => {
  it("an empty file has the defaults", () => {
    const { redis, ...rest } = settings("")

    assert.deepInclude(redis, { prefix: "winterq", timeoutMillis: 5000, tls: false, tlsFiles: {} })
    assert.strictEqual(Redacted.value(redis.url), "redis://localhost:6379")
    assert.deepStrictEqual(rest, {
      server: { port: 50_051, logLevel: "Info", tokens: [] },
      queues: [],
      workers: { order: "weighted" },
      retention: {}
    })
  })

  it("a whole file of the Go system is understood", () => {
    const { cron, queues, redis, server, workers } = settings(`
redis:
  addr: redis.internal:6380
  password: secret
  db: 2
server:
  grpc_port: "6000"
  log_level: debug
queues:
  critical:
    max_retries: 10
    backoff: exponential
    backoff_base: 500ms
    priority_default: 1
  low:
workers:
  concurrency: 20
  heartbeat_interval: "15s"
  stale_threshold: "60s"
  recovery_interval: "30s"
scheduler:
  poll_interval: "500ms"
cron:
  - name: report
    schedule: "0 9 * * *"
    kind: report.daily
    payload: '{"to":"all"}'
`)

    assert.strictEqual(Redacted.value(redis.url), "redis://redis.internal:6380")
    assert.strictEqual(redis.password && Redacted.value(redis.password), "secret")
    assert.strictEqual(redis.db, 2)
    assert.deepInclude(server, { port: 6000, logLevel: "Debug" })
    assert.deepStrictEqual(workers, {
      ...{ order: "weighted", concurrency: 20, heartbeatMillis: 15_000, leaseMillis: 60_000 },
      ...{ sweepMillis: 30_000, pollMillis: 500 }
    })
    assert.deepInclude(queues[0], { name: "critical", maxAttempts: 10, priority: 1 })
    assert.strictEqual(queues[0]!.backoff!.delayMillis(2, 0.5), 1000)
    assert.deepStrictEqual(queues[1], { name: "low" })
    assert.deepStrictEqual(cron, [
      { name: "report", when: { cron: "0 9 * * *" }, queue: "default", kind: "report.daily", payload: `{"to":"all"}` }
    ])
  })

  it("everything that is wrong is told at once, each with its line", () => {
    const found = problems(`redis:
  addr: 5
  adr: localhost
  db: -1
server:
  log_level: inf
queues:
  "Ma il":
    weight: x
    backoff_base: 5q
workers:
  heartbeat_interval: 15
cron:
  - name: a
    schedule: "0 0 30 2 *"
    kind: k
  - name: a
    schedule: "61 * * * *"
    kind: "b c"
    payload: "{"
  - schedule: "@every 5"
    timezone: Mars
other: 1
`)

    const expected = [
      [2, "redis.addr: must be text"],
      [3, "redis.adr: unknown key; did you mean addr?"],
      [4, "redis.db: must be from 0"],
      [6, "server.log_level: must be one of trace"],
      [8, "queues.Ma il: the name must be 1 to 128"],
      [9, "queues.Ma il.weight: must be a number"],
      [10, "queues.Ma il.backoff_base: must be a duration"],
      [12, "workers.heartbeat_interval: must be a duration with a unit"],
      [15, "cron[0].schedule: must be a cron expression"],
      [17, 'cron[1].name: must be its own: "a" is there already'],
      [18, "cron[1].schedule: must be a cron expression"],
      [19, "cron[1].kind: must be 1 to 128"],
      [20, "cron[1].payload: must be JSON"],
      [21, "cron[2].name: is missing"],
      [21, "cron[2].kind: is missing"],
      [21, "cron[2].schedule: @every must be a duration"],
      [22, "cron[2].timezone: must be a time zone"],
      [23, "other: unknown key; known are redis"]
    ] as const
    assert.lengthOf(found, expected.length, found.join("\n"))
    for (const [i, [line, start]] of expected.entries()) {
      assert.isTrue(found[i]!.startsWith(`winter.yaml:${line}: ${start}`), `${found[i]} is not ${line}: ${start}`)
    }
  })

  it("a key that stands twice is told with its line", () => {
    assert.deepStrictEqual(problems("queues:\n  mail: {}\n  low: {}\n  mail: {}\n"), [
      "winter.yaml:4: the same key stands here twice"
    ])
  })

  it("what is no YAML is told with its line", () => {
    assert.match(problems("redis:\n  addr: [\n").join("\n"), /^winter\.yaml:\d: /)
    assert.match(problems("- a\n- b\n").join("\n"), /^winter\.yaml:1: must be a section of keys$/)
  })

  it("values that need or exclude each other are told", () => {
    const found = problems(`workers:
  order: strict
  heartbeat_interval: 20s
server:
  tls_cert: a.pem
redis:
  sentinels: [a:1]
queues:
  mail: { weight: 2 }
  slow: { backoff: fixed }
`)

    assert.deepStrictEqual(
      found.map((line) => /^winter\.yaml:(\d+): (\S+):/.exec(line)?.slice(1).join(" ")),
      [
        "3 workers.heartbeat_interval",
        "5 server.tls_cert",
        "7 redis.sentinels",
        "9 queues.mail.weight",
        "10 queues.slow.backoff"
      ]
    )
  })

  it("anchors, aliases and merge keys work, and problems are told where the value stands", () => {
    const shared = "queues:\n  a: &base\n    weight: 2\n  b:\n    <<: *base\n    max_retries: 7\n"

    const { queues } = settings(shared)

    assert.deepStrictEqual(queues, [
      { name: "a", weight: 2 },
      { name: "b", weight: 2, maxAttempts: 7 }
    ])
  })
})

describe("the example file", () => {
  it("is understood", () => {
    const { cron, queues, retention } = settings(example)

    assert.deepStrictEqual(
      queues.map(({ name }) => name),
      ["critical", "mail", "low"]
    )
    assert.deepStrictEqual(retention, { deadMillis: 7_776_000_000, maxDead: 100_000, maxFinished: 100_000 })
    assert.deepStrictEqual(cron, [
      {
        ...{ name: "session-cleanup", queue: "low", kind: "sessions.cleanup", missed: "latest" },
        ...{ payload: `{"olderThanDays":30}`, overlap: "skip" },
        when: { cron: "*/5 * * * *", timezone: "Europe/Paris" }
      }
    ])
  })

  it("names every key", () => {
    const missing = keyVariables.filter(({ path }) => !new RegExp(`\\b${path.at(-1)!}:`).test(example))

    assert.deepStrictEqual(missing, [])
  })

  it("is still understood with every key that is commented out", () => {
    const whole = example.replaceAll(/^( *)# ([a-z_]+: )/gm, "$1$2").replace("missed: latest", "missed: all")

    assert.deepStrictEqual(problems(whole), [])
  })
})

/** A value for every key that differs from the default. */
const samples: Readonly<Record<string, string>> = {
  ...{ addr: "elsewhere:1", url: "redis://other:2", username: "u", password: "p", prefix: "x", timeout: "7s", db: "3" },
  ...{ tls: "true", tls_ca: "ca.pem", tls_cert: "c.pem", tls_key: "k.pem", tls_client_ca: "cc.pem" },
  ...{ cluster: "a:1,b:2", sentinels: "s:1", sentinel_name: "main", grpc_host: "::1", grpc_port: "7000" },
  ...{ http_host: "0.0.0.0", http_port: "9100" },
  ...{ log_level: "error", max_deadline: "9s", drain: "11s", lease: "13s", tokens: "t1,t2", max_message_bytes: "4096" },
  ...{ weight: "2.5", shards: "8", concurrency: "17", max_active: "19", max_retries: "4", priority_default: "-3" },
  ...{ backoff: "linear", backoff_base: "2s", heartbeat_interval: "1s", stale_threshold: "90s" },
  ...{ recovery_interval: "3s", order: "strict", poll_interval: "4s", dead: "2d", max_dead: "5", max_finished: "6" },
  ...{ schedule: "@hourly", queue: "low", kind: "other", payload: "[1]", timezone: "Asia/Tokyo", missed: "all" },
  overlap: "allow",
  missed_max: "7"
}

/** Those that make sense only together. */
const together: Readonly<Record<string, ReadonlyArray<string>>> = {
  "server.tls_cert": ["server.tls_key"],
  "server.tls_key": ["server.tls_cert"],
  "server.tls_client_ca": ["server.tls_cert", "server.tls_key"],
  "redis.tls_cert": ["redis.tls_key"],
  "redis.tls_key": ["redis.tls_cert"],
  "redis.sentinels": ["redis.sentinel_name"],
  "redis.sentinel_name": ["redis.sentinels"],
  "cron.tidy-up.missed_max": ["cron.tidy-up.missed"],
  "queues.mail.backoff": ["queues.mail.backoff_base"],
  "queues.mail.backoff_base": ["queues.mail.backoff"]
}

/** Everything in it, secrets and backoffs too. */
const plain = (value: unknown): unknown => {
  if (Redacted.isRedacted(value)) return Redacted.value(value)
  if (Array.isArray(value)) return value.map(plain)
  if (typeof value !== "object" || value === null) return value
  if ("delayMillis" in value) return (value as Backoff).delayMillis(3, 0.5)
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]))
}

describe("the environment", () => {
  const base = `queues: { mail: {}, low: {} }\ncron: [{ name: tidy-up, schedule: "@daily", kind: tidy }]\n`

  for (const { path } of keyVariables) {
    const named = path.map((part, i) => (part !== "*" ? part : path[i - 1] === "queues" ? "mail" : "tidy-up"))
    it(`${variableOf(named)} is effective`, () => {
      const names = [named.join("."), ...(together[named.join(".")] ?? [])]
      const others = Object.fromEntries(
        names.slice(1).map((name) => [variableOf(name.split(".")), samples[name.split(".").at(-1)!]!])
      )
      const value = samples[path.at(-1)!]
      assert.isDefined(value, `a sample for ${path.join(".")}`)

      const before = plain(settings(base, {}))
      const after = plain(settings(base, { ...others, [variableOf(named)]: value }))

      assert.notDeepEqual(after, before)
    })
  }

  it("a variable comes before the file, and its problems name it", () => {
    const file = "redis:\n  addr: one:1\n  url: redis://two:2\n"

    assert.strictEqual(Redacted.value(settings(file).redis.url), "redis://two:2")
    assert.strictEqual(Redacted.value(settings(file, { WINTER_REDIS_ADDR: "three:3" }).redis.url), "redis://three:3")
    assert.deepStrictEqual(problems("", { WINTER_REDIS_DB: "x" }), ["WINTER_REDIS_DB: must be a number"])
    assert.deepStrictEqual(problems("", { WINTER_SERVER_LOG_LEVEL: "loud" }), [
      "WINTER_SERVER_LOG_LEVEL: must be one of trace, debug, info, warn, error, none"
    ])
  })

  it("the Go system's names work, and give way to the newer ones", () => {
    const go = { REDIS_ADDR: "go:1", GRPC_PORT: "5" }

    assert.strictEqual(Redacted.value(settings("", go).redis.url), "redis://go:1")
    assert.strictEqual(settings("", go).server.port, 5)
    assert.strictEqual(settings("", { ...go, WINTER_SERVER_GRPC_PORT: "6" }).server.port, 6)
  })

  it("an empty variable counts as not set", () => {
    assert.strictEqual(settings("", { WINTER_REDIS_PREFIX: "" }).redis.prefix, "winterq")
  })
})

describe("durations", () => {
  it("are read as Go and as Effect write them", () => {
    const millis = ["500ms", "1m30s", "1.5h", "2d", "0", "5 seconds", "1 minute", "1us"].map((text) =>
      Result.getOrElse(parseDuration(text), (problem) => problem)
    )

    assert.deepStrictEqual(millis, [500, 90_000, 5_400_000, 172_800_000, 0, 5000, 60_000, 1])
  })

  it("what is none is refused", () => {
    for (const text of ["", "5", "-5s", "5 parsecs", "s", "1m 30s", "infinity", "1e3s", "9999999h"]) {
      assert.isTrue(Result.isFailure(parseDuration(text)), text)
    }
  })

  it("whole milliseconds survive any way of writing them", () => {
    fc.assert(
      fc.property(fc.nat({ max: 1e9 }), (millis) => {
        const text = `${Math.floor(millis / 60_000)}m${Math.floor((millis % 60_000) / 1000)}s${millis % 1000}ms`
        assert.strictEqual(Result.getOrThrow(parseDuration(text)), millis)
      })
    )
  })
})
