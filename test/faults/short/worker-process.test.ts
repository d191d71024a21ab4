import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Client } from "winterq"
import { until } from "../../support/Station.ts"
import { runs } from "../../support/RespProxy.ts"
import { makeGround } from "../support/Ground.ts"
import type { Entry } from "../support/Ledger.ts"
import { settles } from "../support/settlements.ts"

/** The lease of worker processes, and how often they look for others' expired ones. */
const leaseMillis = 1000
const scanMillis = 300

type Started = Required<Entry>

const gate = () => {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { open, opened }
}

describe("a worker process that dies", () => {
  it.live("F01 kill -9 in the handler: it runs again within lease and scan", () =>
    Effect.gen(function* () {
      const ground = yield* makeGround()
      const victim = yield* ground.worker()
      yield* ground.order("a", { does: "hang" })
      yield* ground.started("a")
      const other = yield* ground.worker()
      const killedAt = Date.now()
      victim.signal("SIGKILL")

      yield* ground.started("a", 2)

      const again = ground.ledger.starts("a")[1]!
      assert.strictEqual(again.attempt, 2)
      assert.isBelow(again.t - killedAt, leaseMillis + scanMillis + 700)
      const job = yield* ground.read("a")
      assert.deepInclude(job, { state: "active", attempt: 2, rescues: 1 })
      assert.deepInclude(job.failures[0], { attempt: 1, outcome: "crashed" })
      assert.isFalse(other.isOver())
      yield* ground.sound
    }).pipe(Effect.scoped)
  )

  it.live("F02 kill between the claim's reply and the handler: the job runs", () =>
    Effect.gen(function* () {
      const ground = yield* makeGround()
      const victim = yield* ground.worker({}, "proxy")
      ground.proxy.when({
        matches: runs("exchange"),
        times: 1000,
        reply: (_, reply) => {
          if (!reply.includes("faults.deed")) return "pass"
          victim.signal("SIGKILL")
          return "cut"
        }
      })
      yield* ground.order("a", { does: "end" })
      yield* victim.ended
      assert.lengthOf(ground.ledger.starts("a"), 0)

      yield* ground.worker()
      const job = yield* ground.settled("a", "completed")

      assert.deepInclude(job, { attempt: 2, rescues: 1 })
      assert.lengthOf(ground.ledger.ends("a"), 1)
      assert.strictEqual((yield* ground.sound)["rescued"], 1)
    }).pipe(Effect.scoped)
  )

  it.live("F03 kill after the side effect: it runs again, and both runs show", () =>
    Effect.gen(function* () {
      const ground = yield* makeGround()
      const victim = yield* ground.worker()
      yield* ground.order("a", { does: "end and kill once" })
      yield* victim.ended

      yield* ground.worker()
      const job = yield* ground.settled("a", "completed")

      assert.deepInclude(job, { attempt: 2, rescues: 1 })
      assert.deepStrictEqual(
        ground.ledger.ends("a").map(({ attempt }) => attempt),
        [1, 2]
      )
      yield* ground.sound
    }).pipe(Effect.scoped)
  )

  it.live("F04 kill after the settlement was sent: final once, no second run", () =>
    Effect.gen(function* () {
      const ground = yield* makeGround()
      const victim = yield* ground.worker({}, "proxy")
      ground.proxy.when({
        matches: settles,
        reply: () => {
          victim.signal("SIGKILL")
          return "cut"
        }
      })
      yield* ground.order("a", { does: "end" })
      yield* victim.ended
      yield* ground.worker()
      yield* ground.order("b", { does: "end" })

      yield* ground.settled("b", "completed")
      yield* Effect.sleep(leaseMillis + scanMillis)

      assert.deepInclude(yield* ground.read("a"), { state: "completed", attempt: 1, rescues: 0 })
      assert.lengthOf(ground.ledger.starts("a"), 1)
      assert.strictEqual((yield* ground.sound)["completed"], 2)
    }).pipe(Effect.scoped)
  )

  it.live("F05 kill with settlements waiting: at most those run again", () =>
    Effect.gen(function* () {
      const concurrency = 10
      const ids = Array.from({ length: 40 }, (_, n) => `job-${n}`)
      const ground = yield* makeGround()
      const victim = yield* ground.worker({ worker: { concurrency } }, "proxy")
      let passed = 0
      ground.proxy.when({
        matches: settles,
        times: 1000,
        request: () => {
          if (++passed < 2) return "pass"
          victim.signal("SIGKILL")
          return "cut"
        }
      })
      yield* Effect.forEach(ids, (id) => ground.order(id, { does: "end" }), { concurrency: "unbounded" })
      yield* victim.ended

      yield* ground.worker({ worker: { concurrency } })
      yield* Effect.forEach(ids, (id) => ground.settled(id, "completed"), { concurrency: 10 })

      const ends = ids.map((id) => ground.ledger.ends(id).length)
      const extra = ends.reduce((sum, n) => sum + n, 0) - ids.length
      assert.isTrue(ends.every((n) => n === 1 || n === 2))
      // whose settlement was on its way, or waited for it to come back: no more than were taken back
      const { completed, rescued = 0 } = yield* ground.sound
      assert.isAtMost(extra, rescued)
      assert.strictEqual(completed, ids.length)
    }).pipe(Effect.scoped)
  )

  it.live("F06 SIGTERM while a job outlasts the drain: given back uncounted, first in line", () =>
    Effect.gen(function* () {
      const ground = yield* makeGround()
      const leaver = yield* ground.worker({ worker: { concurrency: 1 } })
      yield* ground.order("a", { does: "hang" })
      yield* ground.started("a")
      yield* ground.order("b", { does: "hang" })

      leaver.signal("SIGTERM")
      const exit = yield* leaver.ended

      assert.isTrue(exit === 130 || exit === 143 || exit === 0, `it ended with ${exit}`)
      assert.deepInclude(yield* ground.read("a"), { state: "pending", attempt: 0, rescues: 0 })
      yield* ground.worker({ worker: { concurrency: 1 } })
      yield* ground.started("a", 2)
      assert.lengthOf(ground.ledger.starts("b"), 0)
      assert.strictEqual(ground.ledger.starts("a")[1]!.attempt, 1)
      yield* ground.sound
    }).pipe(Effect.scoped)
  )

  it.live("F11 process.exit in a handler: dead once its attempts are used up", () =>
    Effect.gen(function* () {
      const ground = yield* makeGround()
      yield* ground.order("a", { does: "exit" }, { maxAttempts: 2 })

      for (const attempt of [1, 2]) {
        const victim = yield* ground.worker()
        assert.strictEqual(yield* victim.ended, 7, `attempt ${attempt}`)
      }
      yield* ground.worker()
      const job = yield* ground.settled("a", "dead")

      assert.deepInclude(job, { deadReason: "crashed", attempt: 2, rescues: 2 })
      assert.lengthOf(ground.ledger.starts("a"), 2)
      yield* ground.sound
    }).pipe(Effect.scoped)
  )

  it.live("F11 heap exhaustion: the job is taken back like after any crash", () =>
    Effect.gen(function* () {
      const ground = yield* makeGround()
      yield* ground.order("a", { does: "heap" }, { maxAttempts: 1 })
      const victim = yield* ground.worker({}, "direct", ["--max-old-space-size=48"])

      yield* victim.ended
      yield* ground.worker()
      const job = yield* ground.settled("a", "dead")

      assert.deepInclude(job, { deadReason: "crashed", attempt: 1, rescues: 1 })
      yield* ground.sound
    }).pipe(Effect.scoped)
  )

  for (const does of ["throw outside once", "reject outside once"] as const) {
    it.live(`F12 a handler that lets something ${does}: the process ends, the job runs again`, () =>
      Effect.gen(function* () {
        const ground = yield* makeGround()
        const victim = yield* ground.worker()
        yield* ground.order("a", { does })

        assert.notStrictEqual(yield* victim.ended, 0)
        yield* ground.worker()
        const job = yield* ground.settled("a", "completed")

        assert.include(victim.stderr(), "outside of any fiber")
        assert.deepInclude(job, { attempt: 2, rescues: 1 })
        yield* ground.sound
      }).pipe(Effect.scoped)
    )
  }

  it.live("F13 a poison job that kills every worker: dead, and the others complete", () =>
    Effect.gen(function* () {
      const ground = yield* makeGround()
      const others = ["b", "c", "d", "e"]
      yield* ground.order("poison", { does: "kill" }, { maxAttempts: 3, priority: 0 })
      yield* Effect.forEach(others, (id) => ground.order(id, { does: "end" }))

      for (let died = 0; died < 3; died++) yield* (yield* ground.worker()).ended
      yield* ground.worker()
      const job = yield* ground.settled("poison", "dead")
      yield* Effect.forEach(others, (id) => ground.settled(id, "completed"))

      assert.deepInclude(job, { deadReason: "crashed", attempt: 3 })
      assert.deepStrictEqual(
        job.failures.map(({ outcome }) => outcome),
        ["crashed", "crashed", "crashed"]
      )
      yield* ground.sound
    }).pipe(Effect.scoped)
  )
})

describe("a worker process that stands still", () => {
  it.live("F08 SIGSTOP beyond the lease: the second run counts, the first is told to stop", () =>
    Effect.gen(function* () {
      const ground = yield* makeGround()
      const sleeper = yield* ground.worker()
      yield* ground.order("a", { does: "hang" })
      yield* ground.started("a")
      sleeper.signal("SIGSTOP")
      const other = yield* ground.worker()
      yield* ground.started("a", 2)
      sleeper.signal("SIGCONT")

      yield* until("the first run is told", () => ground.ledger.of("a").some(({ note }) => note === "interrupted"))

      const [first, second] = ground.ledger.starts("a") as unknown as readonly [Started, Started]
      assert.isAtLeast(second.t - first.t, leaseMillis - 50)
      assert.isAbove(second.fence, first.fence)
      const told = ground.ledger.of("a").find(({ note }) => note === "interrupted")!
      assert.strictEqual(told.fence, first.fence)
      assert.deepInclude(yield* ground.read("a"), { state: "active", attempt: 2 })
      assert.isFalse(other.isOver())
      yield* ground.sound
    }).pipe(Effect.scoped)
  )

  it.live("F09 a settlement held up beyond the lease: refused, the second run counts", () =>
    Effect.gen(function* () {
      const ground = yield* makeGround()
      yield* ground.worker({}, "proxy")
      const { open, opened } = gate()
      ground.proxy.when({ matches: settles, request: () => opened.then(() => "pass" as const) })
      yield* ground.order("a", { does: "end" })
      yield* until("the first run has ended", () => ground.ledger.ends("a").length === 1)
      yield* ground.worker()
      const job = yield* ground.settled("a", "completed")

      open()
      yield* until("the late settlement was refused", () => ground.proxy.connected >= 1)
      const counters = yield* Effect.repeat(ground.control.counters("deeds"), { until: ({ stale }) => stale > 0 })

      assert.deepInclude(job, { attempt: 2, rescues: 1 })
      assert.deepInclude(yield* ground.read("a"), { state: "completed", attempt: 2, result: '{"attempt":2}' })
      assert.strictEqual(counters.completed, 1)
      yield* ground.sound
    }).pipe(Effect.scoped)
  )

  it.live("F10 the event loop blocked for two leases: the late end changes nothing", () =>
    Effect.gen(function* () {
      const ground = yield* makeGround()
      // both are up before one is blocked: a process may take longer to start than two leases
      yield* ground.worker()
      yield* ground.worker()
      yield* ground.order("a", { does: "block once", millis: 2 * leaseMillis })
      yield* ground.started("a")
      const job = yield* ground.settled("a", "completed")

      yield* until(
        "the blocked run has ended",
        () => ground.ledger.of("a").filter(({ phase }) => phase !== "invoke").length === 2
      )
      yield* Effect.sleep("200 millis")

      assert.deepInclude(job, { attempt: 2, rescues: 1 })
      assert.deepInclude(yield* ground.read("a"), { state: "completed", attempt: 2, result: '{"attempt":2}' })
      assert.strictEqual((yield* ground.sound)["completed"], 1)
    }).pipe(Effect.scoped)
  )

  it.live("F64 all workers stopped for three leases: each job completes once", () =>
    Effect.gen(function* () {
      const ground = yield* makeGround()
      const sleepers = [yield* ground.worker(), yield* ground.worker()]
      const ids = ["a", "b", "c", "d"]
      yield* Effect.forEach(ids, (id) => ground.order(id, { does: "wait", millis: 300 }))
      yield* Effect.forEach(ids, (id) => ground.started(id))
      for (const sleeper of sleepers) sleeper.signal("SIGSTOP")
      yield* Effect.sleep(3 * leaseMillis)
      for (const sleeper of sleepers) sleeper.signal("SIGCONT")

      const jobs = yield* Effect.forEach(ids, (id) => ground.settled(id, "completed"))

      assert.isTrue(jobs.every(({ attempt }) => attempt <= 2))
      assert.strictEqual((yield* ground.sound)["completed"], ids.length)
    }).pipe(Effect.scoped)
  )

  it.live("F17 a handler that ignores a cancel: reported, others run, then it is cancelled", () =>
    Effect.gen(function* () {
      const ground = yield* makeGround()
      const worker = yield* ground.worker({ worker: { concurrency: 2 } })
      yield* ground.order("a", { does: "deaf", millis: 60_000 })
      yield* ground.started("a")

      const outcome = yield* Effect.provideContext(Client.cancel({ queue: "deeds", id: "a" }), ground.ports)
      yield* ground.order("b", { does: "end" })
      yield* ground.settled("b", "completed")
      yield* Effect.sleep(leaseMillis + scanMillis)
      const meanwhile = yield* ground.read("a")
      worker.signal("SIGKILL")
      yield* ground.worker()
      const job = yield* ground.settled("a", "cancelled")

      assert.strictEqual(outcome, "requested")
      // its lease is kept, so nobody runs it a second time beside the first
      assert.deepInclude(meanwhile, { state: "active", attempt: 1 })
      assert.lengthOf(ground.ledger.starts("a"), 1)
      assert.strictEqual(job.attempt, 1)
      yield* ground.sound
    }).pipe(Effect.scoped)
  )
})
