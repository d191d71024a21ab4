import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { Redis as IORedis } from "ioredis"
import { Notices, QueueControl, type StoreError } from "winterq"
import { formatVersion } from "../../src/backends/redis/keys.ts"
import { bulk, fakeRedis } from "../support/FakeRedis.ts"
import { durable, freshRedis } from "../support/fresh-redis.ts"
import { producerOn, timed, until, workerOn } from "../support/Station.ts"
import { tcpProxy } from "../support/TcpProxy.ts"

const matching = (lines: ReadonlyArray<string>, pattern: RegExp) => lines.filter((line) => pattern.test(line))
const lost = /^redis: connection lost/
const unusable = /^redis: this Redis cannot be used/
const back = /^redis: connection is back/

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n)

const storeErrorOf = <A, E, R>(effect: Effect.Effect<A, E | StoreError, R>) =>
  Effect.map(Effect.flip(effect), (error) => error as StoreError)

const within = (label: string, millis: number, least: number, most: number) =>
  assert.isTrue(millis >= least && millis <= most, `${label} took ${Math.round(millis)} ms, not ${least} to ${most}`)

describe.concurrent("a Redis that is killed and restarted", () => {
  it.live("a worker runs jobs again within 2 seconds, and none is lost", () =>
    Effect.gen(function* () {
      const server = yield* freshRedis({ args: durable })
      const { url } = server
      const gate = yield* Deferred.make<void>()
      const worker = yield* workerOn({ url }, { run: (n) => (n < 5 ? Deferred.await(gate) : Effect.void) })
      const producer = yield* producerOn({ url })
      const hasty = yield* producerOn({ url, timeout: "500 millis" })
      yield* Effect.forEach(numbers(20), (n) => producer.say(n, { id: `job-${n}` }))
      yield* until("the free handlers have run", () => worker.said.length === 15)
      yield* Effect.promise(() => server.kill())
      // these end while there is nobody to tell
      yield* Deferred.succeed(gate, undefined)
      const [error, errorAfter] = yield* timed(storeErrorOf(hasty.say(20)))

      yield* Effect.promise(() => server.start())
      const start = performance.now()
      yield* producer.say(21, { id: "job-21" })
      yield* until("a job runs", () => worker.said.includes(21))
      const recovery = performance.now() - start

      assert.deepInclude(error, { _tag: "StoreError", operation: "enqueue", reason: "unavailable", retryable: true })
      within("the error", errorAfter, 450, 1500)
      within("recovery", recovery, 0, 2000)
      const settled = Effect.forEach([...numbers(20), 21], (n) => producer.store.get("say", `job-${n}`))
      yield* Effect.repeat(settled, { until: (jobs) => jobs.every(Option.isNone) })
      assert.deepStrictEqual(
        [...new Set(worker.said)].toSorted((a, b) => a - b),
        [...numbers(20), 21]
      )
      yield* until("every connection is back", () => matching(worker.lines, back).length > 0)
      assert.lengthOf(matching(worker.lines, lost), 1)
      assert.lengthOf(matching(worker.lines, back), 1)
    }).pipe(Effect.scoped)
  )

  it.live("a server that lost everything takes and runs new jobs", () =>
    Effect.gen(function* () {
      const server = yield* freshRedis()
      const worker = yield* workerOn({ url: server.url })
      const producer = yield* producerOn({ url: server.url })
      yield* producer.say(1)
      yield* until("the first job has run", () => worker.said.length === 1)
      yield* Effect.promise(() => server.kill())

      yield* Effect.promise(() => server.start())
      const start = performance.now()
      yield* producer.say(2)
      yield* until("the second job has run", () => worker.said.length === 2)

      within("recovery", performance.now() - start, 0, 2000)
      const queues = yield* QueueControl.use((control) => control.queues).pipe(Effect.provideContext(producer.ports))
      assert.deepStrictEqual(queues, ["say"])
    }).pipe(Effect.scoped)
  )

  it.live("a job stored before the kill is found without a wake-up", () =>
    Effect.gen(function* () {
      const server = yield* freshRedis({ args: durable })
      const proxy = yield* tcpProxy(server.port)
      const worker = yield* workerOn({ url: proxy.url }, { poll: "1 minute" })
      const producer = yield* producerOn({ url: server.url })
      yield* producer.say(1, { id: "first" })
      yield* until("the first job has run", () => worker.said.length === 1)
      // only a wait that is under way can take a marker with it
      const waits = Effect.promise(() => server.ask("CLIENT", "LIST")).pipe(
        Effect.map((clients) => /name=winterq-wakeups .* flags=b /.test(String(clients)))
      )
      const settled = Effect.map(producer.store.get("say", "first"), Option.isNone)
      yield* Effect.repeat(
        Effect.zipWith(settled, waits, (a, b) => a && b),
        { until: (isSo) => isSo }
      )
      // the worker is not back before the job is there
      proxy.cut()
      yield* Effect.promise(() => server.kill())
      yield* Effect.promise(() => server.start())
      // as if its answer had been under way when the connection broke
      yield* producer.say(2)
      yield* Effect.promise(() => server.ask("DEL", "{winterq:say}:wake"))
      proxy.mend()

      const recovery = yield* until("the second job has run", () => worker.said.length === 2)

      within("recovery", recovery, 0, 2000)
    }).pipe(Effect.scoped)
  )

  it.live("a call that was given up is not sent later", () =>
    Effect.gen(function* () {
      const server = yield* freshRedis({ args: durable })
      const producer = yield* producerOn({ url: server.url, timeout: "1 second" })
      yield* producer.say(1, { id: "first" })
      yield* Effect.promise(() => server.kill())
      yield* storeErrorOf(producer.say(2, { id: "given-up" }))

      yield* Effect.promise(() => server.start())
      yield* Effect.retry(producer.say(3, { id: "later" }), { times: 10 })

      const stored = yield* Effect.forEach(["first", "given-up", "later"], (id) => producer.store.get("say", id))
      assert.deepStrictEqual(stored.map(Option.isSome), [true, false, true])
    }).pipe(Effect.scoped)
  )

  it.live("a call whose caller was interrupted is not sent later, those beside it are", () =>
    Effect.gen(function* () {
      const server = yield* freshRedis({ args: durable })
      const producer = yield* producerOn({ url: server.url })
      yield* producer.say(1, { id: "first" })
      yield* Effect.promise(() => server.kill())
      // seen by the client
      yield* Effect.exit(Effect.timeout(producer.store.get("say", "first"), "50 millis"))

      const impatient = (id: string) => Effect.exit(Effect.timeout(producer.say(2, { id }), "200 millis"))
      const other = yield* Effect.forkChild(producer.say(3, { id: "beside" }), { startImmediately: true })
      const exits: Array<Exit.Exit<unknown, unknown>> = yield* Effect.all([impatient("a"), impatient("b")], {
        concurrency: "unbounded"
      })
      exits.push(yield* impatient("c"))
      exits.push(yield* Effect.exit(Effect.timeout(producer.store.promote("say", 10), "50 millis")))
      yield* Effect.promise(() => server.start())
      yield* Fiber.join(other)
      const atOnce = yield* Effect.forkChild(producer.say(4, { id: "at-once" }), { startImmediately: true })
      yield* Fiber.interrupt(atOnce)
      yield* producer.say(5, { id: "last" })

      assert.isTrue(exits.every(Exit.isFailure))
      const ids = ["first", "a", "b", "c", "beside", "at-once", "last"]
      const stored = yield* Effect.filter(ids, (id) => Effect.map(producer.store.get("say", id), Option.isSome))
      assert.deepStrictEqual(stored, ["first", "beside", "last"])
    }).pipe(Effect.scoped)
  )

  it.live("a call outside of scripts whose caller was interrupted is not sent later either", () =>
    Effect.gen(function* () {
      const server = yield* freshRedis({ args: durable })
      const producer = yield* producerOn({ url: server.url })
      yield* producer.say(1)
      yield* Effect.promise(() => server.kill())
      // seen by the client
      yield* Effect.exit(Effect.timeout(producer.store.get("say", "first"), "50 millis"))

      const { control, notices } = yield* Effect.all({ control: QueueControl, notices: Notices }).pipe(
        Effect.provideContext(producer.ports)
      )
      const job = { id: "a", kind: "k", payload: "1", priority: 5, maxAttempts: 1, retainMillis: 0 }
      const calls = [producer.store.enqueue("other", [job]), control.pause("another"), notices.quiet("somebody")]
      const exits = yield* Effect.forEach(calls, (call: Effect.Effect<unknown, StoreError>) =>
        Effect.exit(Effect.timeout(call, "100 millis"))
      )
      yield* Effect.promise(() => server.start())
      yield* producer.say(2)
      const queues = yield* control.queues
      const watcher = new IORedis(server.url)
      const stats = yield* Effect.promise(() => watcher.info("commandstats"))
      watcher.disconnect()

      assert.isTrue(exits.every(Exit.isFailure))
      assert.deepStrictEqual(queues, ["say"])
      assert.notMatch(stats, /cmdstat_publish:/)
    }).pipe(Effect.scoped)
  )

  it.live("calls beyond ten thousand waiting ones fail at once", () =>
    Effect.gen(function* () {
      const server = yield* freshRedis()
      const { store } = yield* producerOn({ url: server.url, timeout: "2 seconds" })
      yield* Effect.promise(() => server.kill())
      // seen by the client once a call waits
      yield* Effect.forkChild(Effect.exit(store.get("say", "a")))
      yield* Effect.sleep("50 millis")

      const calls = numbers(10_100).map((n) => timed(Effect.exit(store.get("say", `${n}`))))
      const answers = yield* Effect.all(calls, { concurrency: "unbounded" })

      assert.isTrue(answers.every(([exit]) => Exit.isFailure(exit)))
      const early = answers.filter(([, millis]) => millis < 1500).length
      assert.isTrue(early >= 100 && early <= 101, `${early} failed early`)
    }).pipe(Effect.scoped)
  )

  it.live("an outage longer than several timeouts ends within 2 seconds too", () =>
    Effect.gen(function* () {
      const server = yield* freshRedis()
      const worker = yield* workerOn({ url: server.url, timeout: "300 millis" }, { poll: "200 millis" })
      const producer = yield* producerOn({ url: server.url, timeout: "10 seconds" })
      yield* Effect.promise(() => server.kill())
      yield* until("the worker has failed often", () => matching(worker.lines, /exchange/).length >= 6)

      yield* Effect.promise(() => server.start())
      const start = performance.now()
      yield* producer.say(1)
      yield* until("the job has run", () => worker.said.length === 1)

      within("recovery", performance.now() - start, 0, 2000)
      yield* until("every connection is back", () => matching(worker.lines, back).length > 0)
      assert.lengthOf(matching(worker.lines, lost), 1)
      assert.lengthOf(matching(worker.lines, back), 1)
    }).pipe(Effect.scoped)
  )
})

describe.concurrent("a Redis that comes back as another", () => {
  for (const [title, args, reason, cause, repair] of [
    [
      "an evicting server",
      ["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"],
      "rejected",
      "evicting",
      ["CONFIG", "SET", "maxmemory-policy", "noeviction"]
    ],
    ["a replica", ["--replicaof", "127.0.0.1", "1"], "read-only", "read-only", ["REPLICAOF", "NO", "ONE"]]
  ] as const) {
    it.live(`${title} is refused at once with a typed error until it is suitable`, () =>
      Effect.gen(function* () {
        const server = yield* freshRedis()
        const worker = yield* workerOn({ url: server.url })
        const producer = yield* producerOn({ url: server.url })
        yield* Effect.promise(() => server.kill())
        yield* Effect.promise(() => server.start(args))
        yield* until("it is said", () => matching(worker.lines, unusable).length > 0)

        const [error, millis] = yield* timed(storeErrorOf(producer.say(1)))
        const [command, ...rest] = repair
        yield* Effect.promise(() => server.ask(command, ...rest))
        const repaired = performance.now()
        const again = yield* Effect.gen(function* () {
          while (true) {
            const exit = yield* Effect.exit(producer.say(2, { id: "second" }))
            if (Exit.isSuccess(exit)) return performance.now() - repaired
            yield* Effect.sleep("20 millis")
          }
        })
        yield* until("the job has run", () => worker.said.includes(2))

        assert.deepInclude(error, { _tag: "StoreError", operation: "enqueue", reason })
        assert.deepInclude(error.cause, { _tag: "RedisUnsuitable", reason: cause })
        within("the refusal", millis, 0, 1000)
        within("recovery", again, 0, 2000)
        assert.notInclude(worker.said, 1)
        assert.lengthOf(matching(worker.lines, unusable), 1)
        assert.lengthOf(matching(worker.lines, /can be used again/), 1)
      }).pipe(Effect.scoped)
    )
  }

  it.live("a call that meets a replica is sent again over a new connection, once", () =>
    Effect.gen(function* () {
      let evals = 0
      let infos = 0
      const { url } = yield* fakeRedis((command) => {
        if (command === "INFO") {
          infos++
          return bulk("redis_version:7.0.15\r\nrole:master\r\n")
        }
        if (command === "GET") return bulk(formatVersion)
        if (command !== "EVALSHA") return "+OK\r\n"
        evals++
        return evals === 2 ? ":7\r\n" : "-READONLY You can't write against a read only replica.\r\n"
      })
      const { store } = yield* producerOn({ url })

      const moved = yield* store.promote("say", 10)
      const checks = infos
      const error = yield* storeErrorOf(store.promote("say", 10))

      assert.deepStrictEqual([moved, checks], [7, 2])
      assert.strictEqual(error.reason, "read-only")
      assert.strictEqual(evals, 4)
    }).pipe(Effect.scoped)
  )

  it.live("a server that is still loading its data is waited for", () =>
    Effect.gen(function* () {
      let infos = 0
      const { url } = yield* fakeRedis((command) => {
        if (command === "INFO") {
          infos++
          return bulk(`redis_version:7.0.15\r\nrole:master\r\nloading:${infos < 3 ? 1 : 0}\r\n`)
        }
        if (command === "GET") return bulk(formatVersion)
        return command === "EVALSHA" ? ":7\r\n" : "+OK\r\n"
      })

      const { store } = yield* producerOn({ url })

      assert.strictEqual(yield* store.promote("say", 10), 7)
      assert.strictEqual(infos, 3)
    }).pipe(Effect.scoped)
  )

  it.live("a master that becomes a replica is left, and used again once it is a master", () =>
    Effect.gen(function* () {
      const server = yield* freshRedis()
      const worker = yield* workerOn({ url: server.url })
      const producer = yield* producerOn({ url: server.url })
      yield* producer.say(1)
      yield* until("the first job has run", () => worker.said.length === 1)
      yield* Effect.promise(() => server.ask("REPLICAOF", "127.0.0.1", "1"))

      const error = yield* storeErrorOf(producer.say(2))
      yield* Effect.promise(() => server.ask("REPLICAOF", "NO", "ONE"))
      yield* Effect.retry(producer.say(3), { until: () => false, times: 1e6 })
      yield* until("the third job has run", () => worker.said.includes(3))

      assert.strictEqual(error.reason, "read-only")
      assert.deepStrictEqual(worker.said, [1, 3])
    }).pipe(Effect.scoped, Effect.timeout("10 seconds"))
  )
})

describe.concurrent("connections that break", () => {
  it.live("killing every connection loses no job and fails no call", () =>
    Effect.gen(function* () {
      const server = yield* freshRedis()
      const worker = yield* workerOn({ url: server.url })
      const producer = yield* producerOn({ url: server.url })

      for (const round of numbers(5)) {
        const load = yield* Effect.forkChild(
          Effect.forEach(numbers(100), (n) => producer.say(100 * round + n), { concurrency: 20 })
        )
        yield* Effect.promise(() => server.ask("CLIENT", "KILL", "TYPE", "normal"))
        yield* Fiber.join(load)
      }

      yield* until("all jobs have run", () => new Set(worker.said).size === 500)
    }).pipe(Effect.scoped)
  )

  it.live("a server paused for 3 seconds fails no call", () =>
    Effect.gen(function* () {
      const server = yield* freshRedis()
      const worker = yield* workerOn({ url: server.url }, { poll: "300 millis" })
      const producer = yield* producerOn({ url: server.url })
      yield* Effect.promise(() => server.ask("CLIENT", "PAUSE", 3000, "ALL"))

      const [, millis] = yield* timed(producer.say(1))
      yield* until("the job has run", () => worker.said.length === 1)

      within("the call", millis, 2000, 4000)
      assert.lengthOf(matching(worker.lines, lost), 0)
    }).pipe(Effect.scoped)
  )

  it.live("forgotten scripts are loaded again, under load too", () =>
    Effect.gen(function* () {
      const server = yield* freshRedis()
      const worker = yield* workerOn({ url: server.url })
      const producer = yield* producerOn({ url: server.url })
      const flush = Effect.promise(() => server.ask("SCRIPT", "FLUSH"))

      const flushes = yield* Effect.forkChild(Effect.forever(flush))
      yield* Effect.forEach(numbers(300), (n) => producer.say(n), { concurrency: 10 })
      yield* until("all jobs have run", () => new Set(worker.said).size === 300)
      yield* Fiber.interrupt(flushes)
      yield* flush
      yield* producer.say(300)
      yield* flush
      const depths = yield* QueueControl.use((control) => control.depths("say")).pipe(
        Effect.tap(flush),
        Effect.provideContext(producer.ports),
        Effect.repeat({ until: ({ active, pending }) => active + pending === 0 })
      )

      assert.strictEqual(depths.dead, 0)
      assert.lengthOf(worker.said, 301)
    }).pipe(Effect.scoped)
  )

  it.live("a command connection that goes silent is replaced after the timeout", () =>
    Effect.gen(function* () {
      const server = yield* freshRedis()
      const proxy = yield* tcpProxy(server.port)
      const producer = yield* producerOn({ url: proxy.url, timeout: "1 second" })
      yield* producer.say(1)
      assert.isAbove(proxy.freeze(), 0)

      const [error, errorAfter] = yield* timed(storeErrorOf(producer.say(2)))
      const [, recovery] = yield* timed(producer.say(3))

      assert.strictEqual(error.reason, "unavailable")
      within("the error", errorAfter, 950, 1400)
      within("recovery", recovery, 0, 500)
    }).pipe(Effect.scoped)
  )

  it.live("a worker whose connections all go silent recovers", () =>
    Effect.gen(function* () {
      const server = yield* freshRedis()
      const proxy = yield* tcpProxy(server.port)
      const worker = yield* workerOn({ url: proxy.url, timeout: "1 second" }, { poll: "500 millis" })
      const producer = yield* producerOn({ url: server.url })
      yield* producer.say(1)
      yield* until("the first job has run", () => worker.said.length === 1)
      proxy.freeze()
      yield* producer.say(2)

      const recovery = yield* until("the second job has run", () => worker.said.length === 2)

      within("recovery", recovery, 0, 3000)
      yield* until("the outage is over", () => matching(worker.lines, back).length === 1)
      assert.lengthOf(matching(worker.lines, lost), 1)
    }).pipe(Effect.scoped)
  )

  it.live("a blocking connection that goes silent is replaced after 5 seconds and the timeout", () =>
    Effect.gen(function* () {
      const server = yield* freshRedis()
      const proxy = yield* tcpProxy(server.port)
      // it never looks by itself, so that only a wake-up can bring the job
      const worker = yield* workerOn({ url: proxy.url, timeout: "1 second" }, { poll: "1 minute" })
      const producer = yield* producerOn({ url: server.url })
      yield* producer.say(1)
      yield* until("the first job has run", () => worker.said.length === 1)
      yield* Effect.sleep("50 millis")
      assert.strictEqual(
        proxy.freeze((said) => said.includes("bzpopmin")),
        1
      )
      yield* producer.say(2)

      const recovery = yield* until("the second job has run", () => worker.said.length === 2)

      within("recovery", recovery, 1000, 7000)
    }).pipe(Effect.scoped)
  )
})
