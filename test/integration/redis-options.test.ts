import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Client, DeadLetters, DeadLetterStore, JobStore, QueueControl, Schedules, type StoreError } from "winterq"
import type * as Redis from "winterq/redis"
import { sources } from "../../src/backends/redis/scripts/sources.gen.ts"
import { freshRedis } from "../support/fresh-redis.ts"
import { portsOn, producerOn, Say, until, workerOn } from "../support/Station.ts"
import { tlsRedis } from "../support/tls.ts"

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n)

/** A job goes through a worker; answers what the worker logged. */
const roundTrip = Effect.fnUntraced(function* (options: Redis.Options) {
  const worker = yield* workerOn(options)
  const producer = yield* producerOn(options)
  yield* producer.say(1)
  yield* until("the job has run", () => worker.said.length === 1)
  return worker.lines
})

const unsuitable = (options: Redis.Options) => Effect.flip(Effect.scoped(portsOn(options)))

describe.concurrent("ways to reach Redis", () => {
  it.live("TLS is spoken to a server that the given authority vouches for", () =>
    Effect.gen(function* () {
      const { ca, url } = yield* tlsRedis

      const stranger = yield* unsuitable({ url })
      const lines = yield* roundTrip({ url, redis: { tls: { ca } } })

      assert.strictEqual(stranger.reason, "unreachable")
      assert.match(stranger.detail, /certificate/)
      assert.deepStrictEqual(lines, [])
    }).pipe(Effect.scoped)
  )

  it.live("a database number and a prefix keep data apart", () =>
    Effect.gen(function* () {
      const server = yield* freshRedis()
      const { url } = server

      yield* roundTrip({ url: `${url}/3`, prefix: "one" })
      yield* roundTrip({ url, redis: { db: 4 }, prefix: "two" })

      const keys = (db: number) =>
        Effect.promise(() => server.ask("EVAL", `redis.call("SELECT", ${db}) return redis.call("KEYS", "*")`, 0))
      const all = yield* Effect.forEach([0, 3, 4], keys)
      const [none, one, two] = all as ReadonlyArray<ReadonlyArray<string>>
      assert.deepStrictEqual(none, [])
      assert.isTrue(one!.length > 0 && one!.every((key) => key.startsWith("{one")))
      assert.isTrue(two!.length > 0 && two!.every((key) => key.startsWith("{two")))
    }).pipe(Effect.scoped)
  )

  it.live("a database that is not there is refused, and no other is used", () =>
    Effect.gen(function* () {
      const server = yield* freshRedis()

      const error = yield* unsuitable({ url: `${server.url}/99` })

      assert.deepInclude(error, { _tag: "RedisUnsuitable", reason: "refused" })
      assert.match(error.detail, /DB index/)
      assert.strictEqual(yield* Effect.promise(() => server.ask("DBSIZE")), 0)
    }).pipe(Effect.scoped)
  )

  it.live("Sentinels lead to the master, and to the next one after a failover", () =>
    Effect.gen(function* () {
      const master = yield* freshRedis()
      const replica = yield* freshRedis({ args: ["--replicaof", "127.0.0.1", String(master.port)] })
      const info = (about: FreshInfo) => Effect.promise(() => about.ask("INFO", "replication"))
      yield* Effect.repeat(info(replica), { until: (text) => String(text).includes("master_link_status:up") })
      const watched = [`sentinel monitor main 127.0.0.1 ${master.port} 1`, "sentinel down-after-milliseconds main 300"]
      const config = [...watched, "sentinel failover-timeout main 2000"]
      const sentinel = yield* freshRedis({ config, args: ["--sentinel"] })
      const options = { redis: { sentinels: [{ host: "127.0.0.1", port: sentinel.port }], name: "main" } }
      const worker = yield* workerOn(options)
      const producer = yield* producerOn({ ...options, timeout: "15 seconds" })
      yield* producer.say(1)
      yield* until("the first job has run", () => worker.said.length === 1)
      yield* Effect.promise(() => master.kill())

      yield* producer.say(2)
      yield* until("the second job has run", () => worker.said.length === 2, 2000)

      assert.include(String(yield* info(replica)), "role:master")
    }).pipe(Effect.scoped)
  )
})

type FreshInfo = { readonly ask: (command: string, ...args: ReadonlyArray<string>) => Promise<unknown> }

/** The line of docs/guides/redis.md that makes the user. */
const aclOfGuide = () => {
  const guide = readFileSync(new URL("../../docs/guides/redis.md", import.meta.url), "utf8")
  const line = /^ACL SETUSER (.*)$/m.exec(guide)?.[1]
  assert.isDefined(line, "the guide has a line ACL SETUSER")
  return line.split(" ")
}

describe.concurrent("an ACL user with the rights of the guide", () => {
  const restricted = Effect.fnUntraced(function* (...more: ReadonlyArray<string>) {
    const server = yield* freshRedis()
    const [name, ...rules] = aclOfGuide()
    yield* Effect.promise(() => server.ask("ACL", "SETUSER", name!, ...rules, ...more))
    return { server, options: { url: server.url, redis: { username: name!, password: "secret" } } }
  })

  it("every command of a script is allowed by the guide", () => {
    const rules = aclOfGuide()

    const used = Object.values(sources).flatMap(({ source }) =>
      [...source.matchAll(/(?:call|spread)\("([A-Z]+)"/g)].map(([, command]) => `+${command!.toLowerCase()}`)
    )

    assert.deepStrictEqual(
      [...new Set(used)].filter((rule) => !rules.includes(rule)),
      []
    )
  })

  it.live("a worker runs jobs and every port answers", () =>
    Effect.gen(function* () {
      const { options, server } = yield* restricted()
      const lines = yield* roundTrip(options)
      const ports = yield* portsOn(options)

      yield* Effect.gen(function* () {
        const control = yield* QueueControl
        const store = yield* JobStore
        const dead = yield* DeadLetterStore
        yield* control.pause("say")
        yield* control.resume("say")
        const { id } = yield* Client.enqueue(Say, { n: 2 }, { queue: "acl", unique: true, delay: "1 minute" })
        yield* Client.cancel({ queue: "acl", id })
        yield* control.list({ queue: "acl", state: "scheduled", limit: 10 })
        yield* control.counters("acl")
        yield* control.workers("say")
        yield* dead.redrive("acl", { oldest: 1 })
        yield* dead.purge("acl", { oldest: 1 })
        yield* store.promote("acl", 1)
        yield* store.rescue("acl", 1)
        yield* store.prune("acl", { limit: 10, deadRetainMillis: 0, maxDead: 0, maxFinished: 0 })
        const beat = Schedules.entry("beat", Say, { cron: "* * * * * *", queue: "acl", payload: { n: 3 } })
        yield* Schedules.reconcile({ entries: [beat] })
        yield* Schedules.pause("beat")
        yield* Schedules.resume("beat")
        yield* Schedules.trigger("beat")
        yield* Effect.provide(
          Schedules.list().pipe(Effect.repeat({ until: ([schedule]) => schedule!.runs > 0 })),
          Schedules.tickerLayer()
        )
        yield* Schedules.remove("beat")
        assert.deepStrictEqual(yield* control.queues, ["acl", "say"])
        assert.deepStrictEqual((yield* DeadLetters.list("acl")).jobs, [])
      }).pipe(Effect.provideContext(ports))

      const log = (yield* Effect.promise(() => server.ask("ACL", "LOG"))) as ReadonlyArray<unknown>
      assert.deepStrictEqual(log, [])
      assert.deepStrictEqual(lines, [])
    }).pipe(Effect.scoped)
  )

  it.live("a user who may not ask INFO is refused, since safety cannot be told", () =>
    Effect.gen(function* () {
      const { options } = yield* restricted("-info")

      const error = yield* unsuitable(options)

      assert.strictEqual(error.reason, "refused")
      assert.match(error.detail, /NOPERM.*info/)
    }).pipe(Effect.scoped)
  )

  it.live("a wrong password is refused with the reason", () =>
    Effect.gen(function* () {
      const { options } = yield* restricted()

      const error = yield* unsuitable({ ...options, redis: { ...options.redis, password: "wrong" } })

      assert.strictEqual(error.reason, "refused")
      assert.match(error.detail, /WRONGPASS/)
    }).pipe(Effect.scoped)
  )

  it.live("rights taken away later give typed errors, until they are back", () =>
    Effect.gen(function* () {
      const { options, server } = yield* restricted()
      const producer = yield* producerOn(options)
      yield* Effect.promise(() => server.ask("ACL", "SETUSER", "winterq", "-evalsha"))

      const error: StoreError = yield* Effect.flip(producer.store.promote("say", 1))
      yield* Effect.promise(() => server.ask("ACL", "SETUSER", "winterq", "+evalsha", "-zrangebyscore"))
      const within: StoreError = yield* Effect.flip(producer.store.promote("say", 1))
      yield* Effect.promise(() => server.ask("ACL", "SETUSER", "winterq", "+zrangebyscore"))
      yield* producer.store.promote("say", 1)

      assert.deepInclude(error, { reason: "denied", retryable: false })
      assert.deepInclude(within, { reason: "denied", retryable: false })
    }).pipe(Effect.scoped)
  )
})

describe.concurrent("a Redis that is out of memory", () => {
  it.live("it refuses new jobs without effect, while a worker drains it", () =>
    Effect.gen(function* () {
      const server = yield* freshRedis()
      const { url } = server
      const gate = yield* Deferred.make<void>()
      const producer = yield* producerOn({ url })
      yield* producer.say(0)
      const used = Number(
        /used_memory:(\d+)/.exec(String(yield* Effect.promise(() => server.ask("INFO", "memory"))))![1]
      )
      yield* Effect.promise(() => server.ask("CONFIG", "SET", "maxmemory", used + 600_000))
      const stored = (store: JobStore["Service"]) => Effect.map(store.get("say", "last"), Option.isSome)
      const fill = Effect.forEach(numbers(100), () =>
        Client.enqueueMany(
          Say,
          numbers(100).map((n) => ({ n }))
        )
      )

      const error = yield* Effect.flip(Effect.provideContext(fill, producer.ports))
      const before = yield* Effect.provideContext(
        QueueControl.use((control) => control.depths("say")),
        producer.ports
      )
      const refused = yield* Effect.flip(producer.say(1, { id: "last" }))
      yield* Effect.promise(() => server.ask("SCRIPT", "FLUSH"))
      const worker = yield* workerOn(
        { url },
        { lease: "1 second", sweep: "100 millis", run: () => Deferred.await(gate) }
      )
      // longer than the lease, which is extended
      yield* Effect.sleep("1200 millis")
      const rescued = yield* producer.store.rescue("say", 10)
      yield* Deferred.succeed(gate, undefined)
      yield* until("all jobs have run", () => worker.said.length === before.pending)

      assert.deepInclude(error, { _tag: "StoreError", reason: "full", retryable: true })
      assert.deepInclude(refused, { _tag: "StoreError", operation: "enqueue", reason: "full" })
      assert.isFalse(yield* stored(producer.store))
      assert.deepStrictEqual(rescued, { rescued: [], buried: [] })
      assert.deepStrictEqual(worker.lines, [])
      yield* Effect.retry(producer.say(1, { id: "last" }), { times: 100 })
      yield* until("the last job has run", () => worker.said.length === before.pending + 1)
    }).pipe(Effect.scoped)
  )
})

describe.concurrent("what a worker costs", () => {
  it.live("three queues take one command, one blocking and one subscribed connection", () =>
    Effect.gen(function* () {
      const server = yield* freshRedis()
      const worker = yield* workerOn({ url: server.url }, { queues: ["a", "b", "c"] })
      const producer = yield* producerOn({ url: server.url, redis: { connectionName: "producer" } })
      yield* Effect.forEach(["a", "b", "c"], (queue) => producer.say(1, { queue }))
      yield* until("all have run", () => worker.said.length === 3)

      const list = String(yield* Effect.promise(() => server.ask("CLIENT", "LIST")))

      const names = [...list.matchAll(/ name=(\S*)/g)].map(([, name]) => name).filter((name) => name !== "test")
      assert.deepStrictEqual(names.toSorted(), ["producer", "winterq", "winterq-notices", "winterq-wakeups"])
    }).pipe(Effect.scoped)
  )

  it.live("an idle worker of one queue sends at most 11 commands in 5 seconds", () =>
    Effect.gen(function* () {
      const server = yield* freshRedis()
      yield* workerOn({ url: server.url })
      yield* Effect.sleep("500 millis")
      yield* Effect.promise(() => server.ask("CONFIG", "RESETSTAT"))
      yield* Effect.sleep("5 seconds")

      const stats = String(yield* Effect.promise(() => server.ask("INFO", "commandstats")))

      const sent = [...stats.matchAll(/^cmdstat_(evalsha|bzpopmin|ping|info|get|eval):calls=(\d+)/gm)]
      const count = sent.reduce((sum, [, , calls]) => sum + Number(calls), 0)
      assert.isTrue(count > 0 && count <= 11, stats)
    }).pipe(Effect.scoped)
  )

  // the one claims along with its waits, the other, with leases too short for that, does not
  for (const lease of ["30 seconds", "3 seconds"] as const) {
    it.live(`one that may not block says so, tries seldom, and looks by itself (lease ${lease})`, () =>
      Effect.gen(function* () {
        const server = yield* freshRedis()
        const rules = ["on", ">pw", "~*", "&*", "+@all", "-bzpopmin"]
        yield* Effect.promise(() => server.ask("ACL", "SETUSER", "noblock", ...rules))
        const worker = yield* workerOn(
          { url: server.url.replace("//", "//noblock:pw@") },
          { lease, poll: "100 millis" }
        )

        yield* Effect.sleep("2 seconds")
        const stats = String(yield* Effect.promise(() => server.ask("INFO", "commandstats")))
        yield* (yield* producerOn({ url: server.url })).say(1)
        yield* until("the job has run", () => worker.said.length === 1)

        const rejected = Number(/^cmdstat_bzpopmin:.*rejected_calls=(\d+)/m.exec(stats)?.[1])
        assert.isTrue(rejected >= 1 && rejected <= 2, stats)
        assert.match(worker.lines.join("\n"), /NOPERM/)
      }).pipe(Effect.scoped)
    )
  }
})
