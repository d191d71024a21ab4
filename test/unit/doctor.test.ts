import { assert, describe, it } from "vitest"
import { type Examined, judge } from "../../src/features/doctor/Doctor.ts"
import type { QueueAudit, ServerFacts } from "../../src/ports/Diagnostics.ts"
import type { QueueView } from "../../src/features/inspector/Inspector.ts"

const server: ServerFacts = {
  ...{ address: "redis:6379", version: "7.2.4", mode: "standalone", role: "master", replicas: 1 },
  ...{ maxMemoryPolicy: "noeviction", maxMemoryBytes: 0, usedMemoryBytes: 1_048_576, evictedKeys: 0 },
  persistence: { appendOnly: true, appendFsync: "everysec", snapshots: "", healthy: true }
}

const audit: QueueAudit = { enqueued: 5, removed: 2, indexed: 3, records: 3, looked: 3, strays: [] }

const states = { scheduled: 0, pending: 0, active: 0, retry: 0, completed: 0, cancelled: 0, dead: 0 }

const view = (options: Partial<QueueView> = {}): QueueView => ({
  ...{ name: "mail", paused: false, depths: states, limits: {}, rateLimits: {}, workers: 1 },
  counters: {} as QueueView["counters"],
  ...options
})

const healthy: Examined = {
  durable: true,
  servers: [server],
  format: { stored: "1", known: "1" },
  clockAheadMillis: 0.2,
  roundTripMillis: 0.4,
  queues: [{ view: view(), audit, claiming: 1, overdueMillis: 0 }]
}

/** The findings that are not well, as words. */
const troubles = (examined: Partial<Examined>): ReadonlyArray<string> =>
  judge({ ...healthy, ...examined })
    .filter(({ level }) => level !== "pass")
    .map(({ check, level }) => `${level} ${check}`)

const onServer = (facts: Partial<ServerFacts>) => troubles({ servers: [{ ...server, ...facts }] })

const onQueue = (
  options: Partial<QueueView>,
  found: Partial<QueueAudit> = {},
  { claiming = options.workers ?? 1, overdueMillis = 0 } = {}
) => troubles({ queues: [{ view: view(options), audit: { ...audit, ...found }, claiming, overdueMillis }] })

const persistence = (options: Partial<NonNullable<ServerFacts["persistence"]>>) =>
  onServer({ persistence: { ...server.persistence!, ...options } })

describe("doctor", () => {
  it("finds nothing wrong with a healthy system, and gives no advice", () => {
    const findings = judge(healthy)

    assert.lengthOf(findings, 10)
    assert.isTrue(findings.every(({ advice, level }) => level === "pass" && advice === undefined))
  })

  it("a server that loses or refuses jobs fails", () => {
    assert.deepStrictEqual(onServer({ version: "6.2.1" }), ["fail version"])
    assert.deepStrictEqual(onServer({ role: "slave" }), ["fail role"])
    assert.deepStrictEqual(onServer({ maxMemoryPolicy: "allkeys-lru" }), ["fail eviction"])
    assert.deepStrictEqual(onServer({ maxMemoryBytes: 1_048_576 }), ["fail memory"])
    assert.deepStrictEqual(persistence({ healthy: false }), ["fail persistence"])
  })

  it("a server that may lose jobs is a warning", () => {
    assert.deepStrictEqual(onServer({ evictedKeys: 3 }), ["warn eviction"])
    assert.deepStrictEqual(onServer({ maxMemoryBytes: 1_250_000 }), ["warn memory"])
    assert.deepStrictEqual(persistence({ appendOnly: false, snapshots: "3600 1" }), ["warn persistence"])
    assert.deepStrictEqual(persistence({ appendOnly: false }), ["warn persistence"])
    assert.deepStrictEqual(persistence({ appendFsync: "no" }), ["warn persistence"])
  })

  it("clocks, round trips and layouts are judged", () => {
    assert.deepStrictEqual(troubles({ clockAheadMillis: -1500 }), ["warn clock"])
    assert.deepStrictEqual(troubles({ clockAheadMillis: 60_000 }), ["fail clock"])
    assert.deepStrictEqual(troubles({ roundTripMillis: 80 }), ["warn round trip"])
    assert.deepStrictEqual(troubles({ format: { stored: "2", known: "1" } }), ["fail data format"])
  })

  it("counters that do not agree with a recount fail", () => {
    assert.deepStrictEqual(onQueue({}, { enqueued: 6 }), ["fail invariants"])
    assert.deepStrictEqual(onQueue({}, { records: 4 }), ["fail invariants"])
    assert.deepStrictEqual(onQueue({}, { strays: ["pending a"] }), ["fail invariants"])
  })

  it("a queue whose jobs stand still is told", () => {
    const depths = { ...states, pending: 3 }

    assert.deepStrictEqual(onQueue({ depths, workers: 0 }), ["fail flow"])
    assert.deepStrictEqual(onQueue({ depths, paused: true }), ["warn flow"])
    assert.deepStrictEqual(onQueue({ depths }, {}, { claiming: 0 }), ["fail flow"])
    assert.deepStrictEqual(onQueue({ workers: 0 }, {}, { overdueMillis: 19_000 }), [])
    assert.deepStrictEqual(onQueue({ workers: 0 }, {}, { overdueMillis: 21_000 }), ["fail flow"])
    assert.deepStrictEqual(onQueue({ paused: true }, {}, { overdueMillis: 21_000 }), ["fail flow"])
    assert.deepStrictEqual(onQueue({ workers: 0 }), [])
    assert.deepStrictEqual(onQueue({ depths, next: { id: "a", kind: "k", enqueuedAt: 0, ageMillis: 7_200_000 } }), [
      "warn flow"
    ])
  })

  it("a backend in memory has no server to judge", () => {
    const checks = judge({ ...healthy, durable: false }).map(({ check }) => check)

    assert.deepStrictEqual(checks, ["data format", "clock", "round trip", "invariants", "flow"])
  })
})
