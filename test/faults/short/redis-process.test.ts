import { readdirSync, rmSync, statSync, truncateSync } from "node:fs"
import { copyFile } from "node:fs/promises"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import { Client, type NewJob, QueueControl, StoreError } from "winterq"
import { durable, freshRedis, type FreshRedis } from "../../support/fresh-redis.ts"
import { respProxy } from "../../support/RespProxy.ts"
import { producerOn, until, workerOn } from "../../support/Station.ts"
import { audit } from "../support/audit.ts"
import { ask } from "../long/strike.ts"

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n)

const sound = ({ port }: FreshRedis) =>
  Effect.promise(async () => {
    const { counters, places, problems } = await audit(port, "winterq", "say")
    assert.deepStrictEqual(problems, [])
    return { counters, places }
  })

const persisting = Effect.retry({ schedule: Schedule.spaced("20 millis"), times: 200 })

const kill = (server: FreshRedis) => Effect.promise(() => server.kill())
const start = (server: FreshRedis, args?: ReadonlyArray<string>) => Effect.promise(() => server.start(args))
const tell = (server: FreshRedis, command: string, ...args: ReadonlyArray<string | number>) =>
  Effect.promise(() => ask(server, command, ...args))

const job = (id: string, more: Partial<NewJob> = {}): NewJob => ({
  id,
  kind: "integration.say",
  payload: '{"n":1}',
  priority: 5,
  maxAttempts: 3,
  retainMillis: 60_000,
  ...more
})

/** The file that grows. */
const aofOf = (server: FreshRedis): string => {
  const folder = join(server.dir, "appendonlydir")
  return join(
    folder,
    readdirSync(folder).find((name) => name.endsWith(".incr.aof"))!
  )
}

const idsOf = (server: FreshRedis) => Effect.map(sound(server), ({ places }) => new Set(places.keys()))

describe("a Redis process that dies", () => {
  it.live("F19 kill -9 with AOF always, under load: no accepted job is lost or repeated", () =>
    Effect.gen(function* () {
      const server = yield* freshRedis({ args: durable })
      const worker = yield* workerOn({ url: server.url }, { poll: "200 millis" })
      const producer = yield* producerOn({ url: server.url })
      const load = yield* Effect.forkChild(
        Effect.forEach(numbers(400), (n) => Effect.exit(producer.say(n, { id: `job-${n}` })), { concurrency: 8 })
      )

      for (let kills = 0; kills < 3; kills++) {
        yield* Effect.sleep(`${20 + 30 * kills} millis`)
        yield* kill(server)
        yield* start(server)
      }
      const answers = yield* Fiber.join(load)
      const accepted = numbers(400).filter((n) => Exit.isSuccess(answers[n]!))
      yield* until("every accepted job has run", () => accepted.every((n) => worker.said.includes(n)))

      assert.lengthOf(new Set(worker.said), worker.said.length)
      assert.isAbove(accepted.length, 300)
      yield* sound(server)
    }).pipe(Effect.scoped)
  )

  it.live("F18 power loss with AOF everysec: what was written before the last sync is all there", () =>
    Effect.gen(function* () {
      const server = yield* freshRedis({ args: ["--appendonly", "yes", "--appendfsync", "everysec"] })
      const producer = yield* producerOn({ url: server.url })
      yield* Effect.forEach(numbers(50), (n) => producer.say(n, { id: `early-${n}` }))
      // the sync of every second has seen them
      yield* Effect.sleep("2100 millis")
      const synced = statSync(aofOf(server)).size
      yield* Effect.forEach(numbers(50), (n) => producer.say(n, { id: `late-${n}` }))

      yield* kill(server)
      // a killed process leaves what it wrote to the kernel; a machine without power does not
      truncateSync(aofOf(server), synced)
      yield* start(server)
      const ids = yield* idsOf(server)
      const worker = yield* workerOn({ url: server.url })
      yield* until("what is left has run", () => worker.said.length === 50)

      // the promise: accepted jobs of the last second may be lost, none before
      assert.deepStrictEqual(
        [...ids].toSorted(),
        numbers(50)
          .map((n) => `early-${n}`)
          .toSorted()
      )
      yield* sound(server)
    }).pipe(Effect.scoped)
  )

  it.live("F21 the AOF is cut at any byte: it loads, and no job is half moved", () =>
    Effect.gen(function* () {
      const server = yield* freshRedis({ args: durable })
      const producer = yield* producerOn({ url: server.url })
      const { store } = producer
      for (let round = 1; round <= 10; round++) {
        yield* store.enqueue("say", [job(`a-${round}`), job(`b-${round}`, { uniqueKey: `key-${round}` })])
        const { claimed } = yield* store.exchange({
          queue: "say",
          worker: "me",
          settlements: [],
          claim: { number: round, limit: 2, leaseMillis: 60_000 }
        })
        yield* store.exchange({
          queue: "say",
          worker: "me",
          settlements: claimed.map(({ id: jobId, token }, i) =>
            i === 0
              ? { _tag: "Complete", jobId, token }
              : { _tag: "Retry", jobId, token, delayMillis: 60_000, error: "no" }
          )
        })
      }
      yield* kill(server)
      const file = aofOf(server)
      const whole = join(server.dir, "whole.aof")
      yield* Effect.promise(() => copyFile(file, whole))
      const { size } = statSync(whole)

      for (let cut = 1; cut <= 12; cut++) {
        yield* Effect.promise(() => copyFile(whole, file))
        truncateSync(file, size - Math.floor((size * 0.6 * cut) / 12) - cut)
        yield* start(server)
        yield* sound(server)
        yield* kill(server)
      }
    }).pipe(Effect.scoped)
  )

  it.live("F20 it comes back empty: said once, loudly, by each process; new jobs run", () =>
    Effect.gen(function* () {
      const server = yield* freshRedis()
      const worker = yield* workerOn({ url: server.url })
      const producer = yield* producerOn({ url: server.url })
      yield* producer.say(1)
      yield* until("the first job has run", () => worker.said.length === 1)
      yield* kill(server)
      yield* start(server)

      yield* producer.say(2)
      yield* until("the second job has run", () => worker.said.length === 2)

      for (const { lines } of [worker, producer]) {
        yield* until(
          "it is said",
          () => lines.filter((line) => line.includes("what was stored before is gone")).length === 1
        )
      }
      yield* sound(server)
    }).pipe(Effect.scoped)
  )

  it.live("F22 an older RDB is restored: holders from the future are refused, jobs run again", () =>
    Effect.gen(function* () {
      const server = yield* freshRedis()
      const { store } = yield* producerOn({ url: server.url })
      const claim = (number: number, worker: string) =>
        Effect.map(
          store.exchange({ queue: "say", worker, settlements: [], claim: { number, limit: 9, leaseMillis: 60_000 } }),
          ({ claimed }) => claimed
        )
      yield* store.enqueue("say", [job("a"), job("b")])
      yield* tell(server, "SAVE")
      const before = yield* claim(1, "one")
      yield* tell(server, "CONFIG", "SET", "save", "")
      yield* kill(server)

      yield* start(server)
      const again = yield* claim(1, "two")
      const late = yield* store.exchange({
        queue: "say",
        worker: "one",
        settlements: before.map(({ id: jobId, token }) => ({ _tag: "Complete", jobId, token }))
      })

      assert.deepStrictEqual(
        again.map(({ id }) => id),
        ["a", "b"]
      )
      assert.isAbove(Math.min(...again.map(({ token }) => token)), Math.max(...before.map(({ token }) => token)))
      assert.deepStrictEqual(late.settled, ["stale", "stale"])
      yield* sound(server)
    }).pipe(Effect.scoped)
  )

  it.live("F23 killed inside a script: all of it or nothing", () =>
    Effect.gen(function* () {
      const server = yield* freshRedis({ args: durable })
      const producer = yield* producerOn({ url: server.url, timeout: "1 second" })
      const batches: Array<number> = []

      for (let round = 0; round < 6; round++) {
        const jobs = numbers(4000).map((n) => job(`${round}-${n}`))
        const call = yield* Effect.forkChild(Effect.exit(producer.store.enqueue("say", jobs)))
        yield* Effect.sleep(`${4 + 4 * round} millis`)
        yield* kill(server)
        yield* start(server)
        yield* Fiber.join(call)
        const { places } = yield* sound(server)
        batches.push([...places.keys()].filter((id) => id.startsWith(`${round}-`)).length)
      }

      assert.isTrue(
        batches.every((count) => count === 0 || count === 4000),
        batches.join()
      )
    }).pipe(Effect.scoped)
  )
})

describe("a Redis that is busy, paused or full", () => {
  it.live("F24 a script that never ends: calls fail as retryable, nothing spins, and it goes on", () =>
    Effect.gen(function* () {
      const server = yield* freshRedis({ args: ["--busy-reply-threshold", "100"] })
      const worker = yield* workerOn({ url: server.url }, { poll: "200 millis" })
      const producer = yield* producerOn({ url: server.url, timeout: "1 second" })
      const busy = yield* Effect.forkChild(
        Effect.exit(Effect.tryPromise(() => ask(server, "EVAL", "while true do end", 0)))
      )
      yield* Effect.sleep("300 millis")

      const error = yield* Effect.flip(producer.say(1, { id: "a" }))
      yield* Effect.sleep("1500 millis")
      const failures = worker.lines.filter((line) => line.includes("BUSY")).length
      yield* tell(server, "SCRIPT", "KILL")
      yield* Fiber.join(busy)
      yield* producer.say(1, { id: "a" })
      yield* until("the job has run", () => worker.said.length === 1)

      assert.isTrue(error instanceof StoreError && error.retryable && error.reason === "unavailable")
      assert.isBelow(failures, 30)
      yield* sound(server)
    }).pipe(Effect.scoped)
  )

  it.live("F24 busy while connections come back: the subscription and the process survive", () =>
    Effect.gen(function* () {
      const rejections: Array<unknown> = []
      const onRejection = (reason: unknown) => void rejections.push(reason)
      process.on("unhandledRejection", onRejection)
      const server = yield* freshRedis({ args: ["--busy-reply-threshold", "50"] })
      const proxy = yield* respProxy(server.port)
      yield* workerOn({ url: proxy.url }, { run: () => Effect.never, poll: "200 millis" })
      const producer = yield* producerOn({ url: server.url })
      yield* producer.say(1, { id: "a" })
      yield* Effect.repeat(producer.store.get("say", "a"), {
        until: (found) => Option.isSome(found) && found.value.state === "active"
      })
      const busy = yield* Effect.forkChild(
        Effect.exit(Effect.tryPromise(() => ask(server, "EVAL", "while true do end", 0)))
      )
      yield* Effect.sleep("200 millis")
      proxy.cutAll()
      yield* Effect.sleep("700 millis")
      yield* tell(server, "SCRIPT", "KILL")
      yield* Fiber.join(busy)
      yield* Effect.sleep("700 millis")

      const cancelledAt = performance.now()
      yield* Effect.provideContext(Client.cancel({ queue: "say", id: "a" }), producer.ports)
      // long before an extension of its lease of 30 s would tell
      yield* Effect.repeat(producer.store.get("say", "a"), { until: Option.isNone })
      const millis = performance.now() - cancelledAt
      process.off("unhandledRejection", onRejection)

      assert.deepStrictEqual(rejections, [])
      assert.isBelow(millis, 3000)
    }).pipe(Effect.scoped)
  )

  for (const [fault, what, command] of [
    ["F27", "DEBUG SLEEP beyond the lease", ["DEBUG", "SLEEP", 1.5]],
    ["F28", "CLIENT PAUSE WRITE beyond the lease", ["CLIENT", "PAUSE", 1500, "WRITE"]],
    ["F28", "CLIENT PAUSE ALL beyond the lease", ["CLIENT", "PAUSE", 1500, "ALL"]]
  ] as const) {
    it.live(`${fault} ${what}: each job ends once, and none wrongly`, () =>
      Effect.gen(function* () {
        const server = yield* freshRedis({ args: ["--enable-debug-command", "yes"] })
        const options = { lease: "1 second", sweep: "200 millis", poll: "200 millis" } as const
        const run = () => Effect.sleep("300 millis")
        const workers = [
          yield* workerOn({ url: server.url }, { ...options, run }),
          yield* workerOn({ url: server.url }, { ...options, run })
        ]
        const producer = yield* producerOn({ url: server.url })
        yield* Effect.forEach(numbers(8), (n) => producer.say(n, { id: `job-${n}` }))
        yield* Effect.sleep("50 millis")

        const [name, ...args] = command
        yield* tell(server, name, ...args)
        yield* until("all have run", () => new Set(workers.flatMap(({ said }) => said)).size === 8)

        const counters = yield* Effect.provideContext(
          QueueControl.use((control) =>
            Effect.repeat(control.counters("say"), { until: ({ completed }) => completed === 8 })
          ),
          producer.ports
        )
        assert.deepInclude(counters, { died: 0, completed: 8 })
        yield* sound(server)
      }).pipe(Effect.scoped)
    )
  }

  it.live("F29 CLIENT KILL of each kind at random: nothing is lost, wake-ups come back", () =>
    Effect.gen(function* () {
      const server = yield* freshRedis()
      const worker = yield* workerOn({ url: server.url }, { poll: "1 minute" })
      const producer = yield* producerOn({ url: server.url })

      for (let round = 0; round < 12; round++) {
        const type = ["normal", "pubsub"][round % 2]!
        const call = yield* Effect.forkChild(producer.say(round, { id: `job-${round}` }))
        yield* tell(server, "CLIENT", "KILL", "TYPE", type)
        yield* Fiber.join(call)
        yield* until(`job ${round} has run`, () => worker.said.includes(round), 3000)
      }

      assert.lengthOf(worker.said, 12)
      yield* sound(server)
    }).pipe(Effect.scoped)
  )

  it.live("F31 maxmemory: new jobs are refused before any effect, all else goes on", () =>
    Effect.gen(function* () {
      const server = yield* freshRedis()
      const producer = yield* producerOn({ url: server.url })
      const { store } = producer
      yield* Effect.forEach(numbers(10), (n) => producer.say(n, { id: `job-${n}` }))
      yield* tell(server, "CONFIG", "SET", "maxmemory", "1mb")

      const error = yield* Effect.flip(producer.say(11, { id: "refused" }))
      const counters = yield* Context.get(producer.ports, QueueControl).counters("say")
      const worker = yield* workerOn(
        { url: server.url },
        { lease: "1 second", run: (n) => Effect.sleep(n === 0 ? "1500 millis" : "1 millis") }
      )
      yield* until("all have run", () => worker.said.length === 10)
      yield* Effect.repeat(store.get("say", "job-0"), { until: Option.isNone })

      assert.deepInclude(error, { _tag: "StoreError", reason: "full", retryable: true })
      assert.deepInclude(counters, { enqueued: 10, removed: 0, duplicates: 0 })
      assert.isTrue(Option.isNone(yield* store.get("say", "refused")))
      yield* tell(server, "CONFIG", "SET", "maxmemory", 0)
      yield* sound(server)
    }).pipe(Effect.scoped)
  )

  it.live("F33 the disk refuses (MISCONF): calls fail as read-only, nothing is half done", () =>
    Effect.gen(function* () {
      const server = yield* freshRedis()
      const producer = yield* producerOn({ url: server.url })
      yield* producer.say(1, { id: "a" })
      yield* tell(server, "CONFIG", "SET", "save", "3600 1")
      rmSync(server.dir, { recursive: true })
      yield* tell(server, "BGSAVE")
      yield* Effect.repeat(tell(server, "INFO", "persistence"), {
        until: (info) => String(info).includes("rdb_last_bgsave_status:err")
      })

      const error = yield* Effect.flip(producer.say(2, { id: "b" }))
      const { places } = yield* sound(server)
      yield* tell(server, "CONFIG", "SET", "save", "")
      const worker = yield* workerOn({ url: server.url })
      yield* producer.say(2, { id: "b" })
      yield* until("both have run", () => worker.said.length === 2)

      assert.deepInclude(error, { _tag: "StoreError", reason: "read-only", retryable: true })
      assert.deepStrictEqual([...places.keys()], ["a"])
    }).pipe(Effect.scoped)
  )

  it.live("F34 loading after a restart: calls wait, and nothing crashes", () =>
    Effect.gen(function* () {
      const server = yield* freshRedis({ args: durable })
      const producer = yield* producerOn({ url: server.url, timeout: "8 seconds" })
      yield* producer.store.enqueue(
        "say",
        numbers(300).map((n) => job(`job-${n}`, { payload: `{"n":${n}}` }))
      )
      const worker = yield* workerOn(
        { url: server.url, timeout: "8 seconds" },
        { run: () => Effect.sleep("50 millis") }
      )
      yield* until("some have run", () => worker.said.length > 10)
      yield* kill(server)

      // a delay per command that is loaded
      yield* Effect.promise(() =>
        server.start([...durable, "--key-load-delay", "2000", "--loading-process-events-interval-bytes", "1024"])
      )
      yield* producer.say(1000)
      yield* until("all have run", () => new Set(worker.said).size === 301, 20_000)

      yield* sound(server)
    }).pipe(Effect.scoped)
  )

  it.live("F30 maxclients is reached: bounded retries, then it goes on", () =>
    Effect.gen(function* () {
      const server = yield* freshRedis()
      const proxy = yield* respProxy(server.port)
      const producer = yield* producerOn({ url: proxy.url, timeout: "1 second" })
      const worker = yield* workerOn({ url: proxy.url, timeout: "1 second" }, { poll: "200 millis" })
      yield* producer.say(1)
      yield* until("the first job has run", () => worker.said.length === 1)
      yield* tell(server, "CONFIG", "SET", "maxclients", 1)
      proxy.cutAll()

      yield* Effect.sleep("800 millis")
      const lines = worker.lines.length + producer.lines.length
      // no connection is taken any more that could say otherwise
      yield* kill(server)
      yield* start(server)
      yield* persisting(producer.say(2))
      yield* until("the second job has run", () => worker.said.includes(2))

      assert.isBelow(lines, 40)
      yield* sound(server)
    }).pipe(Effect.scoped)
  )

  it.live("F53 READONLY after a demotion: nothing is lost, and it goes on once promoted", () =>
    Effect.gen(function* () {
      const server = yield* freshRedis()
      const worker = yield* workerOn({ url: server.url }, { poll: "200 millis" })
      const producer = yield* producerOn({ url: server.url })
      yield* Effect.forEach(numbers(10), (n) => producer.say(n, { id: `job-${n}` }))
      yield* tell(server, "REPLICAOF", "127.0.0.1", "1")

      const error = yield* Effect.flip(producer.say(10, { id: "job-10" }))
      yield* tell(server, "REPLICAOF", "NO", "ONE")
      yield* persisting(producer.say(10, { id: "job-10" }))
      yield* until("all have run", () => new Set(worker.said).size === 11)

      assert.strictEqual((error as StoreError).reason, "read-only")
      assert.lengthOf(worker.said, 11)
      yield* sound(server)
    }).pipe(Effect.scoped)
  )
})

describe("keys that somebody else touches", () => {
  const keyOf = (name: string) => `{winterq:say}:${name}`

  it.live("F37 a body is deleted: reported, and the others run", () =>
    Effect.gen(function* () {
      const server = yield* freshRedis()
      const producer = yield* producerOn({ url: server.url })
      yield* Effect.forEach(numbers(3), (n) => producer.say(n, { id: `job-${n}` }))
      yield* tell(server, "HDEL", keyOf("jobs"), "job-1")

      const worker = yield* workerOn({ url: server.url })
      const control = Context.get(producer.ports, QueueControl)
      yield* until("the others have run", () => worker.said.length === 2)
      yield* producer.say(3)
      yield* until("a later one has run", () => worker.said.includes(3))

      // the last one is settled a moment after it has run
      yield* Effect.repeat(control.depths("say"), { until: ({ active, pending }) => active + pending === 0 })

      assert.notInclude(worker.said, 1)
    }).pipe(Effect.scoped)
  )

  it.live("F37 the index of leases is deleted: what ran is still settled", () =>
    Effect.gen(function* () {
      const server = yield* freshRedis()
      const worker = yield* workerOn(
        { url: server.url },
        { run: () => Effect.sleep("300 millis"), lease: "600 millis" }
      )
      const producer = yield* producerOn({ url: server.url })
      yield* producer.say(1, { id: "a" })
      yield* Effect.repeat(producer.store.get("say", "a"), {
        until: (found) => Option.isSome(found) && found.value.state === "active"
      })
      yield* tell(server, "DEL", keyOf("active"))

      yield* until("it has run", () => worker.said.length === 1)
      yield* Effect.repeat(producer.store.get("say", "a"), { until: Option.isNone })

      yield* sound(server)
    }).pipe(Effect.scoped)
  )

  it.live("F38 a key has the wrong type: that queue fails, others go on", () =>
    Effect.gen(function* () {
      const server = yield* freshRedis()
      const worker = yield* workerOn({ url: server.url }, { queues: ["say", "broken"], poll: "200 millis" })
      const producer = yield* producerOn({ url: server.url })
      yield* tell(server, "SET", "{winterq:broken}:pending", "no set")

      const error = yield* Effect.flip(producer.say(1, { queue: "broken" }))
      yield* producer.say(2)
      yield* until("the other queue's job has run", () => worker.said.includes(2))

      assert.deepInclude(error, { _tag: "StoreError", reason: "rejected", retryable: false })
      yield* sound(server)
    }).pipe(Effect.scoped)
  )

  it.live("F39 the password is rotated: refused with the reason, until it fits again", () =>
    Effect.gen(function* () {
      const server = yield* freshRedis()
      yield* tell(server, "ACL", "SETUSER", "app", "on", ">old", "~*", "&*", "+@all")
      const url = server.url.replace("redis://", "redis://app:old@")
      const worker = yield* workerOn({ url }, { poll: "200 millis" })
      const producer = yield* producerOn({ url, timeout: "1 second" })
      yield* tell(server, "ACL", "SETUSER", "app", "resetpass", ">new")
      yield* tell(server, "CLIENT", "KILL", "USER", "app")

      const error = yield* Effect.flip(producer.say(1))
      yield* tell(server, "ACL", "SETUSER", "app", ">old")
      yield* persisting(producer.say(2))
      yield* until("a job runs", () => worker.said.includes(2))

      assert.strictEqual((error as StoreError).reason, "denied")
      yield* sound(server)
    }).pipe(Effect.scoped)
  )
})
