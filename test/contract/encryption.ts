import { randomBytes } from "node:crypto"
import { assert } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as TestClock from "effect/testing/TestClock"
import * as Task from "../../src/domain/Task.ts"
import * as Workflow from "../../src/domain/Workflow.ts"
import { Client } from "../../src/features/client/Client.ts"
import * as Encryption from "../../src/features/encryption/Encryption.ts"
import * as Schedules from "../../src/features/schedules/Schedules.ts"
import { Worker } from "../../src/features/worker/Worker.ts"
import { Workflows } from "../../src/features/workflows/Workflows.ts"
import { JobStore } from "../../src/ports/JobStore.ts"
import { ScheduleStore } from "../../src/ports/ScheduleStore.ts"
import { WorkflowStore } from "../../src/ports/WorkflowStore.ts"
import { claimingAlong } from "../../src/testing/contract/claiming-along.ts"
import { contract, type Ports } from "../../src/testing/contract/contract.ts"
import { listeningLogger } from "../../src/testing/contract/observing-support.ts"
import { job } from "../../src/testing/contract/support.ts"
import type { TestQueue } from "../../src/testing/contract/TestQueue.ts"
import { advanceUntil, isIn } from "../../src/testing/contract/worker-support.ts"

class Rejected extends Schema.TaggedError<Rejected>()("Rejected", { why: Schema.String }) {}

class Secret extends Task.make("contract.secret", {
  payload: { text: Schema.String },
  success: Schema.String,
  error: Rejected,
  maxAttempts: 1
}) {}

const key = () => Redacted.make(randomBytes(32).toString("base64"))

const first = key()
const second = key()
const uniqueSecret = key()

/** The ports of a process with these keys, over those of the backend. */
const withKeys = (options: Encryption.Options) =>
  Effect.gen(function* () {
    const raw = yield* Effect.context<Ports>()
    const layer = Encryption.layer(options).pipe(Layer.provide(Layer.succeedContext(raw)))
    return Context.merge(raw, yield* Layer.build(layer)) as Context.Context<Ports>
  })

const enqueue = (queue: TestQueue, text: string, options: { readonly id?: string; readonly unique?: true } = {}) =>
  Effect.provide(Client.enqueue(Secret, { text }, { queue: queue.name, ...options }), Client.layer)

const work = (queue: TestQueue, ran: Array<string>, queues = [queue.name, `${queue.name}.sibling`]) =>
  Layer.build(
    Worker.layer({ tasks: [Secret], queues, drain: 0 }).pipe(
      Layer.provide(
        Worker.handler(Secret, ({ text }, info) =>
          Effect.gen(function* () {
            ran.push(text)
            yield* info.setProgress(`progress of ${text}`)
            yield* info.log(`log of ${text}`)
            if (text.startsWith("reject")) return yield* new Rejected({ why: `failure of ${text}` })
            return `result of ${text}`
          })
        )
      )
    )
  )

/** Everything the backend shows of a job, as anybody sees it who can read the store. */
const stored = (queue: TestQueue, id: string) =>
  Effect.gen(function* () {
    const store = yield* JobStore
    return JSON.stringify([yield* queue.read(id), yield* store.logs(queue.name, id)])
  })

export const encryptionContract = contract("encryption", (it) => {
  it.effect(
    "CRYPT-1 nothing of a job's contents is stored in the clear, and whoever has the keys sees all of it",
    (queue) =>
      Effect.gen(function* () {
        const ports = yield* withKeys({ keys: { k1: first }, current: "k1" })
        yield* Effect.provideContext(work(queue, []), ports)
        const good = yield* Effect.provideContext(enqueue(queue, "accept 4711"), ports)
        const bad = yield* Effect.provideContext(enqueue(queue, "reject 4711"), ports)
        yield* advanceUntil(
          Effect.zipWith(isIn(queue, good.id, "completed"), isIn(queue, bad.id, "dead"), (a, b) => a && b),
          "1 millis"
        )

        for (const { id } of [good, bad]) {
          const text = yield* stored(queue, id)
          assert.notInclude(text, "4711")
          assert.isAtLeast(text.split("wq1.k1.").length, 4)
        }
        yield* Effect.gen(function* () {
          const store = yield* JobStore
          const read = Option.getOrThrow(yield* store.get(queue.name, good.id))
          assert.deepInclude(read, {
            payload: `{"text":"accept 4711"}`,
            result: `"result of accept 4711"`,
            progress: `"progress of accept 4711"`
          })
          assert.deepStrictEqual(yield* store.logs(queue.name, good.id), ["log of accept 4711"])
          assert.strictEqual(yield* Client.awaitResult(good), "result of accept 4711")
          const error = yield* Effect.flip(Client.awaitResult(bad))
          assert.deepInclude(error, { _tag: "Rejected", why: "failure of reject 4711" })
        }).pipe(Effect.provide(Client.layer), Effect.provideContext(ports))
      })
  )

  it.effect("CRYPT-1 the same payload is another text each time", (queue) =>
    Effect.gen(function* () {
      const ports = yield* withKeys({ keys: { k1: first }, current: "k1" })
      const a = yield* Effect.provideContext(enqueue(queue, "same"), ports)
      const b = yield* Effect.provideContext(enqueue(queue, "same"), ports)

      assert.notStrictEqual((yield* queue.read(a.id)).payload, (yield* queue.read(b.id)).payload)
    })
  )

  it.effect("CRYPT-2 an older key is read while it is there, and the current one is written", (queue) =>
    Effect.gen(function* () {
      const before = yield* withKeys({ keys: { k1: first }, current: "k1" })
      const after = yield* withKeys({ keys: { k1: first, k2: second }, current: "k2" })
      const ran: Array<string> = []
      const old = yield* Effect.provideContext(enqueue(queue, "old"), before)
      const young = yield* Effect.provideContext(enqueue(queue, "young"), after)
      yield* Effect.provideContext(work(queue, ran), after)

      yield* advanceUntil(
        Effect.zipWith(isIn(queue, old.id, "completed"), isIn(queue, young.id, "completed"), (a, b) => a && b),
        "1 millis"
      )

      assert.deepStrictEqual(ran, ["old", "young"])
      const read = yield* queue.read(old.id)
      assert.match(read.payload, /^wq1\.k1\./)
      assert.match(read.result ?? "", /^wq1\.k2\./)
    })
  )

  it.effect("CRYPT-3 a job whose key is not here is put back loudly, and run by whoever has it", (queue) =>
    Effect.gen(function* () {
      const { about, layer } = listeningLogger()
      const stranger = yield* withKeys({ keys: { k1: first }, current: "k1", missingKeyDelay: "10 seconds" })
      const owner = yield* withKeys({ keys: { k1: first, k2: second }, current: "k2" })
      const [wrong, right]: [Array<string>, Array<string>] = [[], []]
      const { id } = yield* Effect.provideContext(enqueue(queue, "mine"), owner)
      // it would be the first to claim the job every time it is due
      yield* Effect.gen(function* () {
        yield* Effect.provide(work(queue, wrong), layer)
        yield* advanceUntil(isIn(queue, id, "scheduled"), "1 millis")
      }).pipe(Effect.scoped, Effect.provideContext(stranger))

      assert.strictEqual((yield* queue.read(id)).attempt, 0)
      assert.isNotEmpty(about("k2, which is not here"))
      yield* Effect.provideContext(work(queue, right), owner)
      yield* advanceUntil(isIn(queue, id, "completed"))

      assert.deepStrictEqual([wrong, right], [[], ["mine"]])
    })
  )

  it.effect(
    "CRYPT-4 a payload that was changed, moved, or not encrypted is undecodable, and costs no other job",
    (queue) =>
      Effect.gen(function* () {
        const { about, layer } = listeningLogger()
        const ports = yield* withKeys({ keys: { k1: first }, current: "k1" })
        const source = yield* Effect.provideContext(enqueue(queue, "original", { id: "source" }), ports)
        const { payload } = yield* queue.read(source.id)
        const middle = Math.floor(payload.length / 2)
        const changed = `${payload.slice(0, middle)}${payload[middle] === "A" ? "B" : "A"}${payload.slice(middle + 1)}`
        yield* queue.enqueue(
          job("moved", { kind: Secret.kind, payload }),
          job("changed", { kind: Secret.kind, payload: changed }),
          job("plain", { kind: Secret.kind, payload: `{"text":"forged"}` })
        )
        yield* queue.sibling.enqueue(job("source", { kind: Secret.kind, payload }))
        const ran: Array<string> = []
        yield* Effect.provideContext(Effect.provide(work(queue, ran), layer), ports)

        yield* advanceUntil(
          Effect.map(
            Effect.all([
              ...["moved", "changed", "plain"].map((id) => isIn(queue, id, "dead")),
              isIn(queue.sibling, "source", "dead"),
              isIn(queue, "source", "completed")
            ]),
            (all) => all.every(Boolean)
          ),
          "1 millis"
        )

        assert.deepStrictEqual(ran, ["original"])
        assert.strictEqual((yield* queue.read("moved")).deadReason, "undecodable")
        assert.lengthOf(about("cannot be decrypted"), 4)
      })
  )

  it.effect("CRYPT-1 RUN-18 what a claim with a wait brings is decrypted", (queue) =>
    Effect.gen(function* () {
      const backend = yield* claimingAlong
      const ports = yield* Effect.provide(withKeys({ keys: { k1: first }, current: "k1" }), backend.layer)
      const ran: Array<string> = []
      yield* Effect.provideContext(work(queue, ran, [queue.name]), ports)
      const claim = yield* backend.waiting
      const { id } = yield* Effect.provideContext(enqueue(queue, "mine"), ports)

      yield* backend.deliver(claim, yield* backend.carryOut(claim))
      yield* advanceUntil(isIn(queue, id, "completed"), "1 millis")

      assert.deepStrictEqual(ran, ["mine"])
    })
  )

  it.effect("CRYPT-3 CRYPT-4 RUN-18 so it is with what cannot be decrypted: it costs no other job", (queue) =>
    Effect.gen(function* () {
      const { about, layer } = listeningLogger()
      const backend = yield* claimingAlong
      const owner = yield* withKeys({ keys: { k1: first, k2: second }, current: "k2" })
      const stranger = yield* Effect.provide(withKeys({ keys: { k1: first }, current: "k1" }), backend.layer)
      const ran: Array<string> = []
      yield* Effect.provideContext(Effect.provide(work(queue, ran, [queue.name]), layer), stranger)
      const claim = yield* backend.waiting
      yield* Effect.provideContext(enqueue(queue, "other", { id: "other" }), owner)
      yield* queue.enqueue(job("plain", { kind: Secret.kind, payload: `{"text":"forged"}` }))
      yield* Effect.provideContext(enqueue(queue, "mine", { id: "mine" }), stranger)

      yield* backend.deliver(claim, yield* backend.carryOut(claim))
      const states = (
        [
          ["other", "scheduled"],
          ["plain", "dead"],
          ["mine", "completed"]
        ] as const
      ).map(([id, state]) => isIn(queue, id, state))
      yield* advanceUntil(
        Effect.map(Effect.all(states), (all) => all.every(Boolean)),
        "1 millis"
      )

      assert.deepStrictEqual(ran, ["mine"])
      assert.strictEqual((yield* queue.read("other")).attempt, 0)
      assert.strictEqual((yield* queue.read("plain")).deadReason, "undecodable")
      assert.isNotEmpty(about("k2, which is not here"))
    })
  )

  it.effect("CRYPT-4 plain payloads are run while they are accepted", (queue) =>
    Effect.gen(function* () {
      const ports = yield* withKeys({ keys: { k1: first }, current: "k1", acceptPlain: true })
      const ran: Array<string> = []
      yield* queue.enqueue(job("plain", { kind: Secret.kind, payload: `{"text":"before"}`, retainMillis: 60_000 }))
      yield* Effect.provideContext(work(queue, ran), ports)

      yield* advanceUntil(isIn(queue, "plain", "completed"), "1 millis")

      assert.deepStrictEqual(ran, ["before"])
      assert.match((yield* queue.read("plain")).result ?? "", /^wq1\./)
    })
  )

  it.effect("CRYPT-5 the same job is recognised, also after a rotation, and unique keys cannot be guessed", (queue) =>
    Effect.gen(function* () {
      const before = yield* withKeys({ keys: { k1: first }, current: "k1", uniqueSecret })
      const after = yield* withKeys({ keys: { k1: first, k2: second }, current: "k2", uniqueSecret })
      const plain = yield* enqueue(queue, "pin 0000", { unique: true })
      const plainKey = (yield* queue.read(plain.id)).uniqueKey!
      yield* queue.claim()

      const a = yield* Effect.provideContext(enqueue(queue, "pin 0000", { id: "a", unique: true }), before)
      const b = yield* Effect.provideContext(enqueue(queue, "pin 0000", { unique: true }), after)
      const c = yield* Effect.provideContext(enqueue(queue, "pin 0000", { id: "a", unique: true }), after)
      const d = yield* Effect.provideContext(enqueue(queue, "pin 0001", { id: "a", unique: true }), after)

      assert.deepStrictEqual(
        [a, b, c, d].map(({ outcome }) => outcome),
        ["enqueued", "duplicate", "existing", "conflict"]
      )
      assert.notInclude(yield* stored(queue, "a"), plainKey)
      const read = yield* Effect.provideContext(
        JobStore.use((store) => store.get(queue.name, "a")),
        after
      )
      assert.strictEqual(Option.getOrThrow(read).uniqueKey, plainKey)
      assert.deepStrictEqual(Option.getOrThrow(read).headers, {})
    })
  )

  it.effect("CRYPT-6 a schedule keeps its payload encrypted, and so do its jobs", (queue) =>
    Effect.gen(function* () {
      const ports = yield* withKeys({ keys: { k1: first }, current: "k1" })
      const name = `schedule-${randomBytes(4).toString("hex")}`
      const ran: Array<string> = []
      const entry = Schedules.entry(name, Secret, { every: "1 minute", queue: queue.name, payload: { text: "4711" } })
      yield* Effect.provideContext(Schedules.add(entry), ports)
      const raw = yield* ScheduleStore.use((store) => store.find(name))
      assert.match(Option.getOrThrow(raw.schedule).definition, /^wq1\.k1\./)
      const seen = yield* Effect.provideContext(
        ScheduleStore.use((store) => store.find(name)),
        ports
      )
      assert.include(Option.getOrThrow(seen.schedule).definition, "4711")

      yield* Effect.provideContext(work(queue, ran), ports)
      yield* advanceUntil(
        Effect.map(queue.depths, ({ completed }) => completed > 0),
        "10 seconds"
      )
      yield* Effect.provideContext(Schedules.remove(name), ports)

      assert.strictEqual(ran[0], "4711")
      const [done] = (yield* queue.list({ state: "completed", limit: 1 })).jobs
      assert.match(done!.payload, /^wq1\.k1\./)
    })
  )

  it.effect("CRYPT-6 a workflow's payloads and results are encrypted, and told by whoever has the key", (queue) =>
    Effect.gen(function* () {
      const { about, layer } = listeningLogger()
      const id = `flow-${randomBytes(4).toString("hex")}`
      const stranger = yield* withKeys({ keys: { k1: first }, current: "k1" })
      const owner = yield* withKeys({ keys: { k1: first, k2: second }, current: "k2" })
      const step = (text: string) => Workflow.job(Secret, { text }, { queue: queue.name })
      const flow = yield* Effect.provideContext(
        Effect.provide(Workflows.start(Workflow.chain(step("4711 one"), step("4711 two")), { id }), Workflows.layer),
        owner
      )
      // the first job ends under somebody with the key, and is told by somebody without
      const ended = yield* Effect.provideContext(
        Effect.gen(function* () {
          const store = yield* JobStore
          const claim = { number: 1, limit: 1, leaseMillis: 30_000 }
          const { claimed } = yield* store.exchange({ queue: queue.name, worker: "w", settlements: [], claim })
          const { id: jobId, token } = claimed[0]!
          const settlement = { _tag: "Complete" as const, jobId, token, result: `"4711 done"` }
          return yield* store.exchange({ queue: queue.name, worker: "w", settlements: [settlement] })
        }),
        owner
      )
      assert.deepInclude(ended.endings[0]?.ended, { _tag: "Completed", result: `"4711 done"` })
      yield* TestClock.adjust("6 seconds")
      const nothing = yield* Effect.provideContext(
        Effect.provide(
          JobStore.use((store) => store.endings(queue.name, 10)),
          layer
        ),
        stranger
      )
      assert.isEmpty(nothing)
      assert.isNotEmpty(about("k2, which is not here"))

      const ran: Array<string> = []
      yield* Effect.provideContext(work(queue, ran), owner)
      yield* advanceUntil(
        WorkflowStore.use((store) =>
          Effect.map(store.get(id), (found) => Option.getOrThrow(found).state === "completed")
        )
      )

      const raw = yield* WorkflowStore.use((store) => store.outcomes(id, [0, 1]))
      assert.notInclude(JSON.stringify(raw), "4711")
      assert.deepStrictEqual(ran, ["4711 two"])
      assert.strictEqual(
        yield* Effect.provideContext(Effect.provide(Workflows.awaitResult(flow), Workflows.layer), owner),
        "result of 4711 two"
      )
    })
  )
})
