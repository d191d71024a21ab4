import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import { Redis as IORedis } from "ioredis"
import { Client, JobStore, type NewJob, QueueControl, Task, Worker } from "winterq"
import * as Redis from "winterq/redis"
import { keysOf } from "../../../src/backends/redis/keys.ts"
import { portsOn, producerOn, until, workerOn } from "../../support/Station.ts"
import { redisUrl } from "../../support/redis-url.ts"
import { audit } from "../support/audit.ts"
import { makeGround, portOf } from "../support/Ground.ts"

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n)
const newPrefix = () => `faults-${crypto.randomUUID().slice(0, 8)}`

const job = (id: string, more: Partial<NewJob> = {}): NewJob => ({
  id,
  kind: "integration.say",
  payload: '{"n":1}',
  priority: 5,
  maxAttempts: 3,
  retainMillis: 60_000,
  ...more
})

const sound = (prefix: string, queue = "say") =>
  Effect.promise(async () => {
    const found = await audit(portOf(redisUrl()), prefix, queue)
    assert.deepStrictEqual(found.problems, [])
    return found
  })

const hour = 3_600_000

describe("clocks that are wrong", () => {
  for (const shift of [hour, -hour]) {
    it.live(`F61 a worker's clock is ${shift / hour} h off: no lease ends early, delays hold`, () =>
      Effect.gen(function* () {
        const ground = yield* makeGround()
        yield* ground.worker({ worker: { lease: "3000 millis" } })
        yield* ground.order("held", { does: "wait", millis: 1500 })
        yield* ground.started("held")
        yield* ground.worker({ clockShiftMillis: shift, worker: { lease: "3000 millis" } })
        const orderedAt = Date.now()
        yield* ground.order("later", { does: "end" }, { delay: "1 second" })

        yield* ground.settled("held", "completed")
        yield* ground.settled("later", "completed")

        assert.lengthOf(ground.ledger.starts("held"), 1)
        const started = ground.ledger.starts("later")[0]!.t - orderedAt
        assert.isTrue(started >= 950 && started < 3500, `it started after ${started} ms`)
        yield* ground.sound
      }).pipe(Effect.scoped)
    )
  }

  it.effect("F63 Redis's clock jumps 10 min ahead and back: each job ends once, tokens grow", () =>
    Effect.gen(function* () {
      const prefix = newPrefix()
      const ports = yield* Layer.build(Redis.layerVirtualTime({ url: redisUrl(), prefix }))
      const store = Context.get(ports, JobStore)
      let number = 0
      const claim = (worker: string) =>
        Effect.map(
          store.exchange({
            queue: "say",
            worker,
            settlements: [],
            claim: { number: ++number, limit: 5, leaseMillis: 30_000 }
          }),
          ({ claimed }) => claimed
        )
      yield* TestClock.setTime(1_800_000_000_000)
      yield* store.enqueue(
        "say",
        numbers(3).map((n) => job(`job-${n}`))
      )
      const first = yield* claim("one")
      yield* TestClock.setTime(1_800_000_600_000)
      const second = yield* claim("two")
      yield* TestClock.setTime(1_799_999_400_000)
      const third = yield* claim("three")
      const complete = (worker: string, held: typeof first) =>
        Effect.map(
          store.exchange({
            queue: "say",
            worker,
            settlements: held.map(({ id: jobId, token }) => ({ _tag: "Complete", jobId, token }))
          }),
          ({ settled }) => settled
        )

      const late = yield* complete("one", first)
      const current = yield* complete("two", second)

      // after the jump ahead the leases are over; after the one back nothing is taken a second time
      assert.deepStrictEqual([first.length, second.length, third.length], [3, 3, 0])
      assert.isAbove(Math.min(...second.map(({ token }) => token)), Math.max(...first.map(({ token }) => token)))
      assert.deepStrictEqual(late, ["stale", "stale", "stale"])
      assert.deepStrictEqual(current, ["settled", "settled", "settled"])
      const { counters } = yield* sound(prefix)
      assert.deepInclude(counters, { rescued: 3, completed: 3 })
    }).pipe(Effect.scoped)
  )
})

describe("payloads that are odd", () => {
  const Any = Task.make("faults.any", {
    payload: { value: Schema.Unknown },
    success: Schema.Unknown,
    queue: "any",
    maxAttempts: 1
  })
  class Anything extends Any {}

  const echo = Effect.fnUntraced(function* (values: ReadonlyArray<unknown>) {
    const [url, prefix] = [redisUrl(), newPrefix()]
    const ports = yield* portsOn({ url, prefix })
    yield* Layer.build(
      Worker.layer({ tasks: [Anything], poll: "200 millis" }).pipe(
        Layer.provide(Worker.handler(Anything, ({ value }) => Effect.succeed(value))),
        Layer.provide(Redis.layer({ url, prefix }))
      )
    )
    return yield* Effect.forEach(values, (value) =>
      Effect.flatMap(Client.enqueue(Anything, { value }), Client.awaitResult)
    ).pipe(Effect.provideContext(ports), Effect.timeout("20 seconds"))
  })

  it.live("F66 payloads that are no JSON, of the wrong shape, of no known kind: others run", () =>
    Effect.gen(function* () {
      const [url, prefix] = [redisUrl(), newPrefix()]
      const { store } = yield* producerOn({ url, prefix })
      yield* store.enqueue("say", [
        job("no-json", { payload: '{"n":' }),
        job("wrong-shape", { payload: '{"n":"one"}' }),
        job("unknown", { kind: "nobody.knows" }),
        job("good")
      ])

      const worker = yield* workerOn({ url, prefix })
      yield* until("the good one has run", () => worker.said.length === 1)
      const stateOf = (id: string) => Effect.map(store.get("say", id), (found) => Option.getOrThrow(found))
      const bad = yield* Effect.forEach(["no-json", "wrong-shape"], (id) =>
        Effect.repeat(stateOf(id), { until: ({ state }) => state === "dead" })
      )
      const unknown = yield* Effect.repeat(stateOf("unknown"), { until: ({ state }) => state === "scheduled" })

      assert.deepStrictEqual(
        bad.map(({ deadReason }) => deadReason),
        ["undecodable", "undecodable"]
      )
      assert.strictEqual(unknown.attempt, 0)
      yield* sound(prefix)
    }).pipe(Effect.scoped)
  )

  it.live("F67 __proto__, deep nesting, odd text, huge numbers: they come back as they were", () =>
    Effect.gen(function* () {
      const deep: unknown = JSON.parse(`${"[".repeat(1000)}1${"]".repeat(1000)}`)
      const values = [
        JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}'),
        deep,
        'NUL \u0000, newline \n, quote " and 𝄞',
        [1e308, -1e-308, 0.1, -0.5],
        [],
        {},
        [[], {}, null, ""]
      ]

      const back = yield* echo(values)

      assert.deepStrictEqual(
        back.map((value) => JSON.stringify(value)),
        values.map((value) => JSON.stringify(value))
      )
      assert.isUndefined(({} as Record<string, unknown>)["polluted"])
    }).pipe(Effect.scoped)
  )

  it.live("F72 integers to 2^53 and digits beyond it in text: exact through every path", () =>
    Effect.gen(function* () {
      const values = [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 9007199254740993n.toString(), 123456789012345]

      const back = yield* echo(values)

      assert.deepStrictEqual(back, values)
    }).pipe(Effect.scoped)
  )

  it.live("F68 a payload over the limit: refused before Redis; one at the limit runs", () =>
    Effect.gen(function* () {
      const limit = 512 * 1024
      const overhead = JSON.stringify({ value: "" }).length
      const [atLimit] = yield* echo(["x".repeat(limit - overhead)])
      const ports = yield* portsOn({ url: redisUrl(), prefix: newPrefix() })

      const error = yield* Effect.flip(
        Effect.provideContext(Client.enqueue(Anything, { value: "x".repeat(limit - overhead + 1) }), ports)
      )

      assert.lengthOf(atLimit as string, limit - overhead)
      assert.strictEqual(error._tag, "PayloadTooLarge")
      const queues = yield* Effect.provideContext(
        QueueControl.use((control) => control.queues),
        ports
      )
      assert.deepStrictEqual(queues, [])
    }).pipe(Effect.scoped)
  )

  it.live("F70 errors that are cyclic, throw when read, or are huge: stored, cut, never thrown", () =>
    Effect.gen(function* () {
      const [url, prefix] = [redisUrl(), newPrefix()]
      const cyclic: Record<string, unknown> = {}
      cyclic["self"] = cyclic
      const throwing = Object.defineProperty({}, "message", {
        get: () => {
          throw new Error("no")
        }
      })
      const hostile = new Proxy(
        {},
        {
          get: () => {
            throw new Error("never")
          },
          ownKeys: () => {
            throw new Error("never")
          }
        }
      )
      const errors = [cyclic, throwing, hostile, new Error("x".repeat(1_000_000)), undefined, null, Symbol("s")]
      const ports = yield* portsOn({ url, prefix })
      yield* Layer.build(
        Worker.layer({ tasks: [Anything], poll: "200 millis" }).pipe(
          Layer.provide(Worker.handler(Anything, ({ value }) => Effect.fail(errors[value as number]))),
          Layer.provide(Redis.layer({ url, prefix }))
        )
      )
      const store = Context.get(ports, JobStore)

      yield* Effect.forEach(errors, (_, n) =>
        Effect.provideContext(Client.enqueue(Anything, { value: n }, { id: `job-${n}` }), ports)
      )
      const dead = yield* Effect.forEach(errors, (_, n) =>
        Effect.repeat(Effect.map(store.get("any", `job-${n}`), Option.getOrThrow), {
          until: ({ state }) => state === "dead"
        })
      )

      assert.isTrue(dead.every(({ failures }) => failures.length === 1 && failures[0]!.error.length <= 8192))
      yield* sound(prefix, "any")
    }).pipe(Effect.scoped)
  )

  it.live("F71 names with braces, colons, line breaks, or 10 KB: refused, nothing is written", () =>
    Effect.gen(function* () {
      const prefix = newPrefix()
      const ports = yield* portsOn({ url: redisUrl(), prefix })
      const names = ["{a}", "a:b", "a\nb", "a".repeat(10_240), "", " ", "a,b", "é"]

      const tags = yield* Effect.forEach(names, (queue) =>
        Effect.map(
          Effect.flip(Effect.provideContext(Client.enqueue(Anything, { value: 1 }, { queue }), ports)),
          ({ _tag }) => _tag
        )
      )
      const ids = yield* Effect.forEach(["a\nb", "a".repeat(10_240), "a,b"], (id) =>
        Effect.map(
          Effect.flip(Effect.provideContext(Client.enqueue(Anything, { value: 1 }, { id }), ports)),
          ({ _tag }) => _tag
        )
      )

      assert.isTrue([...tags, ...ids].every((tag) => tag === "InvalidInput"))
      const client = new IORedis(redisUrl())
      const written = (yield* Effect.promise(() => client.keys(`*${prefix}*`))).toSorted()
      client.disconnect()
      assert.deepStrictEqual(written, [`{${prefix}}:epoch`, `{${prefix}}:format`])
    }).pipe(Effect.scoped)
  )

  it.live("F73 20 000 jobs, claimed 9 000 at a time and settled at once: chunked, and exact", () =>
    Effect.gen(function* () {
      const prefix = newPrefix()
      const { store } = yield* producerOn({ url: redisUrl(), prefix, timeout: "20 seconds" })
      for (let batch = 0; batch < 4; batch++) {
        yield* store.enqueue(
          "say",
          numbers(5000).map((n) => job(`${batch}-${n}`))
        )
      }
      let [completed, number] = [0, 0]
      while (completed < 20_000) {
        const { claimed } = yield* store.exchange({
          queue: "say",
          worker: "me",
          settlements: [],
          claim: { number: ++number, limit: 9000, leaseMillis: 60_000 }
        })
        const { settled } = yield* store.exchange({
          queue: "say",
          worker: "me",
          settlements: claimed.map(({ id: jobId, token }) => ({ _tag: "Complete", jobId, token }))
        })
        assert.isTrue(settled.every((outcome) => outcome === "settled"))
        completed += claimed.length
      }

      const { counters } = yield* sound(prefix)
      assert.deepInclude(counters, { claimed: 20_000, completed: 20_000 })
    }).pipe(Effect.scoped)
  )

  it.live("F83 prune, redrive, purge, cancel and read race on the same jobs: one place each", () =>
    Effect.gen(function* () {
      const prefix = newPrefix()
      const one = yield* producerOn({ url: redisUrl(), prefix })
      const two = yield* producerOn({ url: redisUrl(), prefix })
      const { DeadLetterStore } = yield* Effect.promise(() => import("winterq"))
      const letters = Context.get(two.ports, DeadLetterStore)
      const ids = numbers(30).map((n) => `job-${n}`)
      yield* one.store.enqueue(
        "say",
        ids.map((id) => job(id, { uniqueKey: id }))
      )
      const work = (worker: string) =>
        Effect.gen(function* () {
          for (let number = 1; number <= 40; number++) {
            const { claimed } = yield* one.store.exchange({
              queue: "say",
              worker,
              settlements: [],
              claim: { number, limit: 3, leaseMillis: 60_000 }
            })
            yield* one.store.exchange({
              queue: "say",
              worker,
              settlements: claimed.map(({ id: jobId, token }, i) =>
                i === 0
                  ? { _tag: "Complete", jobId, token }
                  : { _tag: "Bury", jobId, token, reason: "skipped", error: "no" }
              )
            })
          }
        })
      const policy = { limit: 5, deadRetainMillis: 1e9, maxDead: 12, maxFinished: 3 }

      yield* Effect.all(
        [
          work("a"),
          work("b"),
          Effect.repeat(letters.redrive("say", { oldest: 3 }), { times: 40 }),
          Effect.repeat(letters.purge("say", { oldest: 1 }), { times: 5 }),
          Effect.repeat(two.store.prune("say", policy), { times: 40 }),
          Effect.forEach(ids, (jobId) => two.store.cancel({ queue: "say", jobId, reason: "race" })),
          Effect.repeat(sound(prefix), { times: 20 })
        ],
        { concurrency: "unbounded" }
      )

      yield* sound(prefix)
    }).pipe(Effect.scoped)
  )
})

describe("what must not pile up, or be given away", () => {
  it.effect("I14 claims and requests of processes that are gone are forgotten after two days", () =>
    Effect.gen(function* () {
      const prefix = newPrefix()
      const ports = yield* Layer.build(Redis.layerVirtualTime({ url: redisUrl(), prefix }))
      const store = Context.get(ports, JobStore)
      yield* TestClock.setTime(1_800_000_000_000)
      yield* store.enqueue("say", [job("a", { retainMillis: 0 })])
      const { claimed } = yield* store.exchange({
        queue: "say",
        worker: "gone",
        settlements: [],
        claim: { number: 1, limit: 1, leaseMillis: 1000 }
      })
      yield* store.exchange({
        queue: "say",
        worker: "gone",
        settlements: claimed.map(({ id: jobId, token }) => ({ _tag: "Complete", jobId, token }))
      })

      yield* TestClock.adjust("3 days")
      yield* store.prune("say", { limit: 10, deadRetainMillis: 1e9, maxDead: 10, maxFinished: 10 })

      const keys = keysOf(prefix, "say")
      const client = new IORedis(redisUrl())
      const left = yield* Effect.promise(() =>
        client.exists(keys.claims, keys.workers, keys.about, keys.requests, keys.producers)
      )
      client.disconnect()
      assert.strictEqual(left, 0)
    }).pipe(Effect.scoped)
  )

  it.live("F36 a wake-up is lost: the worker looks by itself within its poll", () =>
    Effect.gen(function* () {
      const [url, prefix] = [redisUrl(), newPrefix()]
      const worker = yield* workerOn({ url, prefix }, { poll: "400 millis", sweep: "1 hour" })
      const producer = yield* producerOn({ url, prefix })
      yield* producer.say(1)
      yield* until("the first job has run", () => worker.said.length === 1)
      const client = new IORedis(url)
      const keys = keysOf(prefix, "say")
      // stored as a script would store it, and nobody is told
      yield* producer.store.enqueue("say", [job("quiet", { visible: { inMillis: 3_600_000 } })])
      yield* Effect.sleep("100 millis")
      yield* Effect.promise(() => client.multi().zrem(keys.scheduled, "quiet").zadd(keys.pending, 0, "quiet").exec())

      const millis = yield* until("the quiet job has run", () => worker.said.length === 2, 3000)
      client.disconnect()

      assert.isBelow(millis, 1500)
    }).pipe(Effect.scoped)
  )

  it.live("F06 a drain longer than the lease: leases are kept, and nobody else runs the job", () =>
    Effect.gen(function* () {
      const ground = yield* makeGround()
      const leaver = yield* ground.worker({ worker: { drain: "6000 millis" } })
      yield* ground.order("a", { does: "wait", millis: 4000 })
      yield* ground.started("a")
      leaver.signal("SIGTERM")
      yield* ground.worker()

      const settled = yield* ground.settled("a", "completed")

      assert.deepInclude(settled, { attempt: 1, rescues: 0 })
      assert.lengthOf(ground.ledger.starts("a"), 1)
      yield* ground.sound
    }).pipe(Effect.scoped)
  )

  it.live("F81 the holder of a limited slot is killed: the slot is free after its lease", () =>
    Effect.gen(function* () {
      const ground = yield* makeGround()
      yield* ground.control.setLimits("deeds", { maxActive: 1 })
      const holder = yield* ground.worker()
      yield* ground.order("a", { does: "hang" }, { maxAttempts: 1 })
      yield* ground.started("a")
      yield* ground.order("b", { does: "end" })
      const killedAt = Date.now()
      holder.signal("SIGKILL")
      yield* ground.worker()

      yield* ground.settled("b", "completed")

      const startedAfter = ground.ledger.starts("b")[0]!.t - killedAt
      assert.isBelow(startedAfter, 3000)
      assert.strictEqual((yield* ground.settled("a", "dead")).deadReason, "crashed")
      yield* ground.sound
    }).pipe(Effect.scoped)
  )
})
