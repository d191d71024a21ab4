import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { Capabilities } from "../../ports/Capabilities.ts"
import { Diagnostics, type QueueAudit, type ServerFacts } from "../../ports/Diagnostics.ts"
import { QueueControl } from "../../ports/QueueControl.ts"
import type { StoreError } from "../../ports/StoreError.ts"
import * as Inspector from "../inspector/Inspector.ts"

/** One thing that was looked at, and how it is. */
export interface Finding {
  /** What was checked: `version`, `memory`, `clock`, ... */
  readonly check: string
  /** Of which server or queue; absent when it concerns the whole. */
  readonly subject?: string
  /** `fail`: jobs are lost or stand still; `warn`: they may. */
  readonly level: "pass" | "warn" | "fail"
  readonly detail: string
  /** What to do. */
  readonly advice?: string
}

/** What the checks are made on. */
export interface Examined {
  readonly durable: boolean
  readonly servers: ReadonlyArray<ServerFacts>
  readonly format: { readonly stored: string; readonly known: string }
  /** How far this machine's clock is ahead of the store's; negative when it is behind. Half a round trip may be wrong. */
  readonly clockAheadMillis: number
  readonly roundTripMillis: number
  readonly queues: ReadonlyArray<ExaminedQueue>
}

/** What the checks of one queue are made on. */
export interface ExaminedQueue {
  readonly view: Inspector.QueueView
  readonly audit: QueueAudit
  /** Workers alive that take jobs. */
  readonly claiming: number
  /** For how long a job has been due, or without a lease, and nobody has moved it on; 0 when there is none. */
  readonly overdueMillis: number
}

/** Entries of each state that are looked at one by one. */
const auditEntries = 1000

/** Workers move on what is due, and take back what nobody holds, every few seconds. */
const maxOverdueMillis = 20_000

/** What is waited for is measured so often, and the middle taken. */
const pings = 5

const finding = (
  check: string,
  subject: string | undefined,
  level: Finding["level"],
  detail: string,
  advice?: string
): Finding => ({
  check,
  ...(subject === undefined ? {} : { subject }),
  level,
  detail,
  ...(advice === undefined || level === "pass" ? {} : { advice })
})

const known = (value: string | number | undefined): string => (value === undefined ? "unknown" : String(value))

const versionOf = ({ address, mode, version }: ServerFacts): Finding => {
  const major = Number.parseInt(version ?? "", 10)
  const detail = `version ${known(version)}, ${mode}`
  if (Number.isNaN(major)) return finding("version", address, "warn", detail, "the server does not tell its version")
  return finding("version", address, major >= 7 ? "pass" : "fail", detail, "use Redis 7.0 or newer")
}

const roleOf = ({ address, replicas, role }: ServerFacts): Finding =>
  finding(
    "role",
    address,
    role === "slave" ? "fail" : "pass",
    `${role === "slave" ? "a replica" : known(role)}, ${replicas ?? 0} replicas`,
    "connect to the master"
  )

const evictionOf = ({ address, evictedKeys, maxMemoryPolicy }: ServerFacts): Finding => {
  const isSafe = maxMemoryPolicy === "noeviction"
  const level = isSafe ? "pass" : maxMemoryPolicy === undefined ? "warn" : "fail"
  const evicted = evictedKeys !== undefined && evictedKeys > 0 ? `, ${evictedKeys} keys deleted since it started` : ""
  return finding(
    "eviction",
    address,
    level === "pass" && evicted !== "" ? "warn" : level,
    `maxmemory-policy is ${known(maxMemoryPolicy)}${evicted}`,
    isSafe ? "keys were deleted under an earlier policy; jobs may be among them" : "set maxmemory-policy to noeviction"
  )
}

const memoryOf = ({ address, maxMemoryBytes, usedMemoryBytes }: ServerFacts): Finding => {
  if (maxMemoryBytes === undefined || usedMemoryBytes === undefined) {
    return finding("memory", address, "warn", "unknown", "the user may not ask for it")
  }
  const used = `${Math.round(usedMemoryBytes / 1048576)} MiB used`
  if (maxMemoryBytes === 0) return finding("memory", address, "pass", `${used}, no limit`)
  const part = usedMemoryBytes / maxMemoryBytes
  return finding(
    "memory",
    address,
    part >= 0.95 ? "fail" : part >= 0.8 ? "warn" : "pass",
    `${used}, ${Math.round(part * 100)}% of the limit`,
    "enqueues are refused when memory is full: give it more, or keep less"
  )
}

const persistenceOf = ({ address, persistence }: ServerFacts): Finding => {
  if (persistence === undefined) return finding("persistence", address, "warn", "unknown")
  const { appendFsync, appendOnly, healthy, snapshots } = persistence
  const hasSnapshots = snapshots === undefined || snapshots !== ""
  const saves = snapshots === undefined ? "unknown" : hasSnapshots ? snapshots : "none"
  const detail = `append-only file ${appendOnly ? `on (${appendFsync ?? "fsync unknown"})` : "off"}, snapshots ${saves}`
  if (!healthy) {
    return finding("persistence", address, "fail", `${detail}; the latest write failed`, "look at its log and its disk")
  }
  if (appendOnly) {
    const isLax = appendFsync === "no"
    return finding("persistence", address, isLax ? "warn" : "pass", detail, "set appendfsync to everysec or always")
  }
  return finding(
    "persistence",
    address,
    "warn",
    detail,
    hasSnapshots
      ? "a crash loses everything since the last snapshot: set appendonly to yes"
      : "a crash loses every job: set appendonly to yes"
  )
}

const clockOf = (aheadMillis: number): Finding => {
  const off = Math.abs(aheadMillis)
  return finding(
    "clock",
    undefined,
    off >= 30_000 ? "fail" : off >= 1000 ? "warn" : "pass",
    off < 1
      ? "this machine and the store agree"
      : `${Math.round(off)} ms ${aheadMillis > 0 ? "ahead of" : "behind"} the store`,
    "leases and due times go by the store's clock, but ages and instants shown here are off: synchronise both"
  )
}

const formatOf = ({ known: reads, stored }: Examined["format"]): Finding =>
  finding(
    "data format",
    undefined,
    reads === stored ? "pass" : "fail",
    `stored ${stored}, this version reads ${reads}`,
    "use the version that wrote it, or a prefix of its own: data of another format is never converted"
  )

const speedOf = (millis: number): Finding =>
  finding(
    "round trip",
    undefined,
    millis >= 50 ? "warn" : "pass",
    `${millis < 10 ? millis.toFixed(1) : Math.round(millis)} ms`,
    "every claim waits so long: run workers near their store"
  )

const countersOf = (queue: string, audit: QueueAudit): Finding => {
  const { enqueued, indexed, looked, records, removed, strays } = audit
  const problems = [
    enqueued === indexed + removed
      ? ""
      : `enqueued ${enqueued} is not ${indexed} in its states plus ${removed} removed`,
    records === indexed ? "" : `${records} records, ${indexed} entries`,
    strays.length === 0 ? "" : `without a record: ${strays.slice(0, 5).join(", ")}${strays.length > 5 ? ", ..." : ""}`
  ].filter((problem) => problem !== "")
  return finding(
    "invariants",
    queue,
    problems.length === 0 ? "pass" : "fail",
    problems.length === 0 ? `${indexed} jobs counted, ${looked} looked at` : problems.join("; "),
    "something else wrote to its keys, or the server lost a part of them"
  )
}

const flowOf = ({ claiming, overdueMillis, view }: ExaminedQueue): Finding => {
  const { depths, name, next, paused, workers } = view
  const waits = `${depths.pending} pending`
  if (overdueMillis > maxOverdueMillis) {
    const detail = `a job is due, or its lease over, for ${Math.round(overdueMillis / 1000)} s, ${workers} live workers`
    const advice = workers === 0 ? "start a worker that serves this queue" : "look at the logs of its workers"
    return finding("flow", name, "fail", detail, advice)
  }
  if (paused) {
    const level = depths.pending > 0 ? "warn" : "pass"
    return finding("flow", name, level, `paused, ${waits}`, `winter resume ${name}`)
  }
  if (depths.pending > 0 && workers === 0) {
    return finding("flow", name, "fail", `${waits}, no live worker`, "start a worker that serves this queue")
  }
  if (depths.pending > 0 && claiming === 0) {
    return finding("flow", name, "fail", `${waits}, its ${workers} live workers are stopping`, "start another worker")
  }
  const oldest = next === undefined ? "" : `, the next one ${Math.round(next.ageMillis / 1000)} s old`
  const level = next !== undefined && next.ageMillis > 3_600_000 ? "warn" : "pass"
  return finding(
    "flow",
    name,
    level,
    `${waits}, ${workers} live workers${oldest}`,
    "jobs come faster than they are run"
  )
}

/** Judges what was found out; the same verdict for the same facts. */
export const judge = (examined: Examined): ReadonlyArray<Finding> => {
  const { clockAheadMillis, durable, format, queues, roundTripMillis, servers } = examined
  return [
    ...(durable
      ? servers.flatMap((server) => [
          versionOf(server),
          roleOf(server),
          evictionOf(server),
          memoryOf(server),
          persistenceOf(server)
        ])
      : []),
    formatOf(format),
    clockOf(clockAheadMillis),
    speedOf(roundTripMillis),
    ...queues.flatMap((queue) => [countersOf(queue.view.name, queue.audit), flowOf(queue)])
  ]
}

const monotonicMillis = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / 1e6)

const ping = Effect.gen(function* () {
  const { now } = yield* Diagnostics
  const before = yield* monotonicMillis
  const theirs = yield* now
  const took = (yield* monotonicMillis) - before
  // the answer was given about half a round trip ago
  return { took, ahead: (yield* Clock.currentTimeMillis) - took / 2 - theirs }
})

/** For how long the first job of some states could have been moved on. */
const overdueOf = Effect.fnUntraced(function* (queue: string, now: number) {
  const control = yield* QueueControl
  const firsts = yield* Effect.forEach(["scheduled", "retry", "active"] as const, (state) =>
    control.list({ queue, state, limit: 1 })
  )
  const instants = firsts.flatMap(({ jobs }) =>
    jobs.map(({ leaseExpiresAt, visibleAt }) => visibleAt ?? leaseExpiresAt ?? now)
  )
  return Math.max(0, ...instants.map((at) => now - at))
})

const examineQueue = Effect.fnUntraced(function* (view: Inspector.QueueView) {
  const diagnostics = yield* Diagnostics
  const workers = yield* Inspector.workers(view.name)
  return {
    view,
    audit: yield* diagnostics.audit(view.name, auditEntries),
    claiming: workers.filter(({ alive, details }) => alive && details?.stopping !== true).length,
    overdueMillis: yield* overdueOf(view.name, yield* diagnostics.now)
  } satisfies ExaminedQueue
})

/**
 * Checks a store and all its queues: version, role, eviction, memory, persistence, layout, clock, speed, and for each
 * queue whether its counters agree with a recount and whether somebody works on what waits.
 *
 * **Shape** Findings in a fixed order: servers, the whole, then queues by name.
 * **Errors** `StoreError`
 * **Ref** docs/guides/cli.md, AUDIT-1..3
 * @category queues
 * @since 0.1.0
 */
export const examine: Effect.Effect<
  ReadonlyArray<Finding>,
  StoreError,
  Capabilities | Diagnostics | QueueControl
> = Effect.gen(function* () {
  const diagnostics = yield* Diagnostics
  const { durable } = yield* Capabilities
  const samples = yield* Effect.replicateEffect(ping, pings)
  const best = samples.toSorted((a, b) => a.took - b.took)
  const views = yield* Inspector.queues
  const queues = yield* Effect.forEach(views, examineQueue, { concurrency: 8 })
  return judge({
    durable,
    servers: yield* diagnostics.servers,
    format: yield* diagnostics.format,
    // the quickest sample says most of the clock
    clockAheadMillis: best[0]?.ahead ?? 0,
    roundTripMillis: best[Math.floor(pings / 2)]?.took ?? 0,
    queues
  })
})
