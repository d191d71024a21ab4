import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout } from "node:timers/promises"
import { Redis as IORedis } from "ioredis"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { JobStore, QueueControl, WorkflowStore } from "winterq"
import { startFreshRedis } from "../../support/fresh-redis.ts"
import { RespProxy } from "../../support/RespProxy.ts"
import { portsOn } from "../../support/Station.ts"
import { audit } from "../support/audit.ts"
import { Ledger } from "../support/Ledger.ts"
import { leaseMillis, Member } from "./fleet.ts"
import { type Final, judge } from "./judge.ts"
import { type Fault, planOf } from "./plan.ts"
import { heal, type Scene, serverArgs, strike } from "./strike.ts"

export interface RunOptions {
  readonly seed: number
  /** How long faults go on. */
  readonly millis: number
  readonly workers: number
  readonly producers: number
  /** Told what happens. */
  readonly say: (line: string) => void
}

export interface Report {
  readonly figures: Readonly<Record<string, number>>
  readonly faults: Readonly<Record<string, number>>
  readonly violations: ReadonlyArray<string>
}

const queues = ["deeds", "chores"] as const

/** How long everything may take to end once faults have: lease, scan, backoff, and work that has piled up. */
const healMillis = 120_000

const strikeAll = async (plan: ReadonlyArray<Fault>, scene: Scene, say: (line: string) => void) => {
  const counts: Record<string, number> = {}
  const startedAt = performance.now()
  let redisFault: Promise<void> = Promise.resolve()
  const running = new Set<Promise<void>>()
  for (const fault of plan) {
    await setTimeout(Math.max(0, fault.at - (performance.now() - startedAt)))
    // faults overlap, except those of the one server
    const isServers = /Redis|busy|memory|demote|pause/.test(fault.name)
    const before = isServers ? redisFault : Promise.resolve()
    const struck = before
      .then(() => strike(fault, scene))
      .then(
        () => {
          counts[fault.name] = (counts[fault.name] ?? 0) + 1
        },
        // such as a command to a server that is down
        (error: unknown) => say(`${fault.name} did not strike: ${String(error).slice(0, 80)}`)
      )
      .finally(() => running.delete(struck))
    running.add(struck)
    if (isServers) redisFault = struck
  }
  await Promise.all(running)
  return counts
}

/** Watches the wall clock against the monotonic one: a machine that sets it shortens leases, as seen from tokens. */
const watchClock = () => {
  const offset = () => Date.now() - performance.now()
  let [least, most] = [offset(), offset()]
  const timer = setInterval(() => {
    least = Math.min(least, offset())
    most = Math.max(most, offset())
  }, 50)
  return { steppedMillis: () => most - least, close: () => clearInterval(timer) }
}

/** Waits until nothing is open any more; answers how long that took. */
const drained = async (
  control: QueueControl["Service"],
  store: WorkflowStore["Service"],
  workflows: ReadonlyArray<string>
): Promise<number> => {
  const since = performance.now()
  while (performance.now() - since < healMillis) {
    const open = await Effect.runPromise(
      Effect.gen(function* () {
        const depths = yield* Effect.forEach(queues, (queue) => control.depths(queue))
        const open = depths.reduce((sum, one) => sum + one.active + one.pending + one.retry + one.scheduled, 0)
        // jobs of a workflow whose start was cut off come only when somebody looks at it
        if (open > 0) return open
        const found = yield* Effect.forEach(workflows, store.get, { concurrency: 50 })
        return found.filter((one) => Option.isSome(one) && one.value.state === "running").length
      }).pipe(Effect.orElseSucceed(() => 1))
    )
    if (open === 0) return performance.now() - since
    await setTimeout(200)
  }
  return -1
}

/** What must be gone when all is done. */
const leftovers = async (port: number): Promise<ReadonlyArray<string>> => {
  const client = new IORedis({ port, protocol: 2 })
  const problems: Array<string> = []
  for (const key of await client.keys("*")) {
    const kind = key.slice(key.lastIndexOf(":") + 1)
    const isTemporary = [
      "pending",
      "scheduled",
      "retry",
      "active",
      "cancels",
      "outbox",
      "endings",
      "watchers",
      "draft",
      "open",
      "starts",
      "listeners",
      "unique",
      "limited"
    ].includes(kind)
    const isUnfinished = /:workflow:/.test(key) && (await client.exists(key.replace(/[^:]*$/, "draft"))) === 1
    // a start that never came to its end is removed an hour later
    if (isTemporary && !isUnfinished) problems.push(`${key} is left over`)
  }
  client.disconnect()
  return problems
}

/** Runs a workload under random faults, lets it end without any, and holds it against the promise. */
export const runFaults = async ({ millis, producers, say, seed, workers }: RunOptions): Promise<Report> => {
  const folder = await mkdtemp(join(tmpdir(), "winterq-faults-"))
  const clock = watchClock()
  const ledger = new Ledger(join(folder, "ledger.jsonl"))
  const server = await startFreshRedis({ args: serverArgs })
  const names = [
    ...Array.from({ length: workers }, (_, n) => ["worker", `w${n}`] as const),
    ...Array.from({ length: producers }, (_, n) => ["producer", `p${n}`] as const)
  ]
  const members: Array<Member> = []
  for (const [i, [kind, name]] of names.entries()) {
    const proxy = await RespProxy.listen(server.port)
    members.push(new Member(kind, name, seed + 1000 * i, proxy, { ledger: ledger.file, pauseMillis: 40 }))
  }
  const scene: Scene = { server, members }
  try {
    const plan = planOf(seed, millis)
    say(`seed ${seed}: ${plan.length} faults in ${millis / 1000} s, on ${workers} workers and ${producers} producers`)
    const faults = await strikeAll(plan, scene, say)
    await heal(scene)
    for (const member of members) {
      if (member.kind !== "producer") continue
      member.letGo()
      member.tell({ tell: "stop" })
    }
    const patience = performance.now()
    while (
      members.some(({ isOver, kind }) => kind === "producer" && !isOver) &&
      performance.now() - patience < 60_000
    ) {
      await setTimeout(100)
    }
    say("no more faults and no more jobs: waiting for all to end")
    return await Effect.runPromise(
      Effect.gen(function* () {
        const ports = yield* portsOn({ url: server.url })
        const control = Context.get(ports, QueueControl)
        const jobs = Context.get(ports, JobStore)
        const graphs = Context.get(ports, WorkflowStore)
        // one whose start was cut off goes on as well, once somebody looks at it
        const begun = new Set(
          ledger
            .entries()
            .filter(({ op }) => op === "workflow")
            .map(({ job }) => job)
        )
        const healed = yield* Effect.promise(() => drained(control, graphs, [...begun]))
        // endings that are being told, and handlers that ended late
        yield* Effect.sleep(2 * leaseMillis)
        for (const member of members) member.kill()

        const entries = ledger.entries()
        const finals = new Map<string, Final>()
        const states = new Map<string, string>()
        for (const { job, op } of entries) {
          if ((op === "run" || op === "enqueue") && !finals.has(job)) {
            const found = yield* Effect.forEach(queues, (queue) => jobs.get(queue, job))
            finals.set(job, Option.getOrUndefined(found[0]) ?? Option.getOrUndefined(found[1]!))
          } else if (op === "workflow" && !states.has(job)) {
            const found = yield* graphs.get(job)
            states.set(job, Option.match(found, { onNone: () => "not stored", onSome: ({ state }) => state }))
          }
        }
        const { figures, violations } = judge(entries, finals, states, 20 + clock.steppedMillis())
        const counters = yield* Effect.forEach(queues, (queue) => control.counters(queue))
        const sum = (name: keyof (typeof counters)[number]) => counters.reduce((all, one) => all + one[name], 0)
        const audits = yield* Effect.promise(() =>
          Promise.all(queues.map((queue) => audit(server.port, "winterq", queue)))
        )
        const left = yield* Effect.promise(() => leftovers(server.port))
        return {
          figures: {
            ...figures,
            "leases taken back": sum("rescued"),
            "stale writes refused": sum("stale"),
            "deaths of processes": members.reduce((all, { deaths }) => all + deaths, 0),
            "ms to drain after healing": Math.round(healed),
            "ms by which this machine's clock was set": Math.round(clock.steppedMillis())
          },
          faults,
          violations: [
            ...violations,
            ...audits.flatMap(({ problems }) => problems),
            ...left,
            ...members.flatMap(({ accidents }) => accidents),
            ...(healed < 0 ? [`not everything had ended ${healMillis / 1000} s after the last fault`] : [])
          ]
        }
      }).pipe(Effect.scoped)
    )
  } finally {
    for (const member of members) {
      member.kill()
      member.proxy.close()
    }
    clock.close()
    await server.stop()
    ledger.close()
    await rm(folder, { recursive: true, force: true })
  }
}
