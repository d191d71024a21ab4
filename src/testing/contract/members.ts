import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import type { DeadReason, Ended, Member } from "../../domain/Job.ts"
import { endingHeldMillis, JobStore, memberKnownMillis, type NewJob, type Settlement } from "../../ports/JobStore.ts"
import { contract } from "./contract.ts"
import { bury, cancel, complete, depths, type Held, job, retry } from "./support.ts"
import type { TestQueue } from "./TestQueue.ts"

const place = (node: number, generation = 0): Member => ({ workflow: "flow:1.a", node, generation })

const member = (id: string, node = 0, options: Partial<NewJob> = {}): NewJob =>
  job(id, { member: place(node), ...options })

const endings = (queue: TestQueue, limit = 100) => JobStore.use((store) => store.endings(queue.name, limit))

const forget = (queue: TestQueue, ...known: ReadonlyArray<{ readonly jobId: string; readonly sequence: number }>) =>
  JobStore.use((store) => store.forgetEndings(queue.name, known))

const idsOf = (list: ReadonlyArray<{ readonly jobId: string }>) => list.map(({ jobId }) => jobId)

/** Once whoever was handed endings before has had its time. */
const endingsLater = (queue: TestQueue, limit?: number) =>
  Effect.andThen(TestClock.adjust(endingHeldMillis), endings(queue, limit))

const dead = (reason: DeadReason, error: string, failure: { readonly failure?: string } = {}): Ended => ({
  _tag: "Dead",
  reason,
  error,
  ...failure
})

export const membersContract = contract("members", (it) => {
  it.effect("MEMBER-1 whoever claims or reads a member learns its place", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(member("a", 7), job("b"))

      const claimed = yield* queue.claim()

      assert.deepStrictEqual(
        claimed.map((one) => one.member),
        [place(7), undefined]
      )
      assert.deepStrictEqual((yield* queue.read("a")).member, place(7))
      assert.notProperty(yield* queue.read("b"), "member")
      assert.notProperty(yield* queue.read("a"), "uniqueKey")
    })
  )

  it.effect("MEMBER-1 two members in one place, as jobs, do not keep each other out", (queue) =>
    Effect.gen(function* () {
      const outcomes = yield* queue.enqueue(member("a"), member("b"))

      assert.deepStrictEqual(outcomes, [{ _tag: "Enqueued" }, { _tag: "Enqueued" }])
    })
  )

  it.effect("ENQUEUE-3 a member in another place, or none, is not identical", (queue) =>
    Effect.gen(function* () {
      const given = member("a", 7)
      const others: ReadonlyArray<NewJob> = [
        member("a", 8),
        job("a", { member: { ...place(7), workflow: "flow:1.b" } }),
        job("a", { member: place(7, 1) }),
        job("a", { uniqueKey: "7.0.flow:1.a" }),
        job("a", { uniqueKey: "m:7.0.flow:1.a" }),
        job("a")
      ]
      yield* queue.enqueue(given, job("b"))

      const same = yield* queue.enqueue(given)
      const different = yield* queue.enqueue(...others, member("b"))

      assert.deepStrictEqual(same, [{ _tag: "Existing", identical: true }])
      assert.deepStrictEqual(different, Array(7).fill({ _tag: "Existing", identical: false }))
    })
  )

  it.effect("MEMBER-2 an exchange answers the endings of the members that it settles", (queue) =>
    Effect.gen(function* () {
      const ways: ReadonlyArray<readonly [string, (held: Held) => Settlement, Ended]> = [
        ["complete", (held) => complete(held), { _tag: "Completed" }],
        ["answer", (held) => complete(held, `"x\\ny"`), { _tag: "Completed", result: `"x\\ny"` }],
        ["cancel", (held) => cancel(held, "why\nnot"), { _tag: "Cancelled", reason: "why\nnot", expired: false }],
        [
          "bury",
          (held) => ({ ...bury(held), failure: `{"a":1}` }) as Settlement,
          dead("skipped", "it failed", { failure: `{"a":1}` })
        ],
        ["exhaust", (held) => retry(held, 0, "no"), dead("exhausted", "no")]
      ]
      for (const [index, [id, settle, ended]] of ways.entries()) {
        yield* queue.enqueue(member(id, index, { maxAttempts: 1 }))
        const held = yield* queue.claimOne()

        const reply = yield* queue.exchange({ settlements: [settle(held)] })

        const { sequence } = reply.endings[0]!
        assert.deepStrictEqual(reply.endings, [{ jobId: id, sequence, member: place(index), ended }])
        yield* TestClock.adjust(1)
      }
      assert.deepStrictEqual(
        idsOf(yield* endingsLater(queue)),
        ways.map(([id]) => id)
      )
    })
  )

  it.effect("MEMBER-2 what puts a member off, or ends another job, tells nothing", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(member("a", 0, { maxAttempts: 2 }), job("b"))
      const [a, b] = yield* queue.claim()

      const reply = yield* queue.exchange({ settlements: [retry(a!, 1000), complete(b!)] })

      assert.deepStrictEqual(reply.endings, [])
      assert.deepStrictEqual(yield* endingsLater(queue), [])
    })
  )

  it.effect("MEMBER-2 a repeated or stale settlement tells nothing again", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(member("a", 0, { retainMillis: 60_000 }))
      const held = yield* queue.claimOne()
      yield* queue.settle(complete(held))

      const again = yield* queue.exchange({ settlements: [complete(held), bury({ ...held, token: held.token + 1 })] })

      assert.deepStrictEqual(again.settled, ["repeated", "stale"])
      assert.deepStrictEqual(again.endings, [])
    })
  )

  it.effect("MEMBER-2 members that expire, crash or are asked to stop are told by the claim that ends them", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(member("crashes", 0, { maxAttempts: 1 }), member("stops", 1))
      yield* queue.claim({ leaseMillis: 1000 })
      yield* JobStore.use((store) => store.cancel({ queue: queue.name, jobId: "stops", reason: "enough" }))
      yield* queue.enqueue(member("expires", 2, { expires: { inMillis: 500 } }))
      yield* TestClock.adjust(1000)

      const reply = yield* queue.exchange({ claim: {} })

      const told = Object.fromEntries(reply.endings.map(({ ended, jobId }) => [jobId, ended]))
      assert.deepInclude(told["crashes"], { _tag: "Dead", reason: "crashed" })
      assert.deepInclude(told["stops"], { _tag: "Cancelled", reason: "enough", expired: false })
      assert.deepInclude(told["expires"], { _tag: "Cancelled", expired: true })
    })
  )

  it.effect("MEMBER-2 cancels, rescues and redrives are told from the outbox at once", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(member("cancelled", 0), member("crashed", 1, { maxAttempts: 1, priority: 1 }))
      yield* queue.claimOne({ leaseMillis: 1000 })
      yield* JobStore.use((store) => store.cancel({ queue: queue.name, jobId: "cancelled", reason: "no" }))
      yield* TestClock.adjust(1000)
      yield* queue.rescue(10)

      const first = yield* endings(queue)
      yield* queue.redrive({ jobIds: ["crashed"] })
      const second = yield* endings(queue)

      assert.deepStrictEqual(idsOf(first), ["cancelled", "crashed"])
      assert.deepStrictEqual(
        second.map(({ ended, jobId }) => [jobId, ended]),
        [["crashed", { _tag: "Redriven" }]]
      )
      assert.isAbove(second[0]!.sequence, first[1]!.sequence)
    })
  )

  it.effect("MEMBER-3 what one was handed others get after 5 seconds, and not before", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(member("a"), member("b", 1))
      yield* queue.settle(...(yield* queue.claim()).map((held) => complete(held)))

      const atOnce = yield* endings(queue)
      yield* TestClock.adjust(endingHeldMillis - 1)
      const early = yield* endings(queue)
      yield* TestClock.adjust(1)
      const due = yield* endings(queue)
      const again = yield* endings(queue)
      const later = yield* endingsLater(queue)

      assert.deepStrictEqual([atOnce, early, again], [[], [], []])
      assert.deepStrictEqual(idsOf(due), ["a", "b"])
      assert.deepStrictEqual(later, due)
    })
  )

  it.effect("MEMBER-3 the limit is kept, and those that wait longest come first", (queue) =>
    Effect.gen(function* () {
      for (const id of ["c", "a", "b"]) {
        yield* queue.enqueue(member(id))
        yield* queue.settle(complete(yield* queue.claimOne()))
        yield* TestClock.adjust(1)
      }

      const first = yield* endingsLater(queue, 2)
      const rest = yield* endings(queue, 2)

      assert.deepStrictEqual([idsOf(first), idsOf(rest)], [["c", "a"], ["b"]])
    })
  )

  it.effect("MEMBER-3 a forgotten ending is handed out no more", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(member("a"), member("b", 1))
      const reply = yield* queue.exchange({ settlements: (yield* queue.claim()).map((held) => complete(held)) })

      yield* forget(queue, reply.endings[0]!, { jobId: "nobody", sequence: 1 })
      yield* forget(queue, reply.endings[0]!)

      assert.deepStrictEqual(idsOf(yield* endingsLater(queue)), ["b"])
    })
  )

  it.effect("MEMBER-3 forgetting an ending leaves a later one of the same job", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(member("a"))
      const {
        endings: [died]
      } = yield* queue.exchange({ settlements: [bury(yield* queue.claimOne())] })
      yield* queue.redrive({ jobIds: ["a"] })
      const {
        endings: [completed]
      } = yield* queue.exchange({ settlements: [complete(yield* queue.claimOne(), "1")] })

      yield* forget(queue, died!)
      const left = yield* endingsLater(queue)

      assert.deepStrictEqual(left, [completed!])
      assert.deepStrictEqual(completed!.ended, { _tag: "Completed", result: "1" })
    })
  )

  it.effect("MEMBER-4 a member that has ended and is not kept is known for ten minutes", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(member("a"))
      yield* queue.settle(complete(yield* queue.claimOne()))
      assert.strictEqual(yield* queue.state("a"), "none")

      yield* TestClock.adjust(memberKnownMillis - 1)
      yield* queue.prune()
      const now = Date.UTC(2100, 0, 1)
      const known = yield* queue.enqueue(member("a", 0, { acceptBefore: now }))
      const other = yield* queue.enqueue(member("a2", 0, { acceptBefore: now }))

      assert.deepStrictEqual(known, [{ _tag: "Existing", identical: true }])
      assert.deepStrictEqual(other, [{ _tag: "Enqueued" }])
      assert.deepStrictEqual(yield* queue.depths, depths({ pending: 1 }))
    })
  )

  it.effect("MEMBER-4 so it is known when nothing says until when it is accepted", (queue) =>
    Effect.gen(function* () {
      yield* queue.enqueue(member("done"), member("cancelled"))
      const [done] = yield* queue.claim({ limit: 1 })
      yield* queue.settle(complete(done!))
      yield* JobStore.use((store) => store.cancel({ queue: queue.name, jobId: "cancelled", reason: "no" }))
      yield* TestClock.adjust(memberKnownMillis - 1)

      const known = yield* queue.enqueue(member("done"), member("cancelled", 1), member("new"), job("plain"))

      const existing = { _tag: "Existing", identical: true } as const
      assert.deepStrictEqual(known, [existing, existing, { _tag: "Enqueued" }, { _tag: "Enqueued" }])
      assert.deepStrictEqual(yield* queue.depths, depths({ pending: 2 }))
    })
  )

  it.effect("MEMBER-4 a member that comes from its acceptBefore on is late", (queue) =>
    Effect.gen(function* () {
      const { enqueuedAt: now } = yield* queue.enqueue(job("clock")).pipe(Effect.andThen(queue.read("clock")))

      const outcomes = yield* queue.enqueue(
        member("late", 0, { acceptBefore: now }),
        member("in-time", 1, { acceptBefore: now + 1 })
      )
      yield* TestClock.adjust(1)
      const again = yield* queue.enqueue(member("in-time", 1, { acceptBefore: now + 1 }))

      assert.deepStrictEqual(outcomes, [{ _tag: "Late" }, { _tag: "Enqueued" }])
      assert.deepStrictEqual(again, [{ _tag: "Existing", identical: true }])
      assert.strictEqual(yield* queue.state("late"), "none")
    })
  )
})
