import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import fc from "fast-check"
import { JobState } from "../../src/domain/Job.ts"
import { isFinal, type JobEvent, type Progress, transition, validTransition } from "../../src/domain/transition.ts"

const events: fc.Arbitrary<JobEvent> = fc.oneof(
  fc.record({
    _tag: fc.constantFrom("Promote", "Claim", "Claim", "Claim", "Complete", "Snooze", "Rescue", "Cancel", "Redrive")
  }),
  fc.record({ _tag: fc.constant("Fail" as const), skipRetry: fc.boolean() }),
  fc.record({ _tag: fc.constant("Release" as const), delayMillis: fc.nat(2) })
)

const anyProgress: fc.Arbitrary<Progress> = fc
  .record({
    state: fc.constantFrom(...JobState.literals),
    attempt: fc.nat(5),
    maxAttempts: fc.integer({ min: 1, max: 5 })
  })
  .filter(({ attempt, maxAttempts }) => attempt <= maxAttempts)

/** As enqueued: before its first attempt. */
const enqueued: fc.Arbitrary<Progress> = fc.record({
  state: fc.constantFrom("scheduled", "pending"),
  attempt: fc.constant(0),
  maxAttempts: fc.integer({ min: 1, max: 4 })
})

/** The steps of a life: events that do not apply change nothing and are left out. */
const live = (start: Progress, happening: ReadonlyArray<JobEvent>) => {
  const steps: Array<{ readonly from: Progress; readonly event: JobEvent; readonly to: Progress }> = []
  let job = start
  for (const event of happening) {
    const next = transition(job, event)
    if (Result.isFailure(next)) continue
    steps.push({ from: job, event, to: next.success })
    job = next.success
  }
  return { steps, end: job }
}

const lives = fc
  .tuple(enqueued, fc.array(events, { minLength: 20, maxLength: 200 }))
  .map(([job, all]) => live(job, all))

const every = (property: fc.IProperty<unknown>, numRuns = 1000) => fc.assert(property, { numRuns })

describe("transition", () => {
  it("takes only steps of the table", () =>
    every(
      fc.property(anyProgress, events, (job, event) => {
        const next = transition(job, event)
        if (Result.isSuccess(next)) assert.isTrue(validTransition(job.state, next.success.state))
        else assert.deepInclude(next.failure, { from: job.state, event: event._tag })
      })
    ))

  it("leaves a final state only by a redrive of a dead letter", () =>
    every(
      fc.property(anyProgress, events, (job, event) => {
        const left = Result.isSuccess(transition(job, event))
        if (isFinal(job.state)) assert.strictEqual(left, job.state === "dead" && event._tag === "Redrive")
      })
    ))

  it("lists no way out of a final state but dead to pending", () => {
    for (const from of JobState.literals)
      for (const to of JobState.literals)
        if (isFinal(from)) assert.strictEqual(validTransition(from, to), from === "dead" && to === "pending")
  })

  it("keeps the attempt between 0 and the maximum, and changes nothing else", () =>
    every(
      fc.property(lives, ({ steps }) => {
        for (const { from, to } of steps) {
          assert.isAtLeast(to.attempt, 0)
          assert.isAtMost(to.attempt, to.maxAttempts)
          assert.strictEqual(to.maxAttempts, from.maxAttempts)
        }
      })
    ))

  it("counts claims less those given back since the last redrive", () =>
    every(
      fc.property(lives, ({ end, steps }) => {
        const since = steps.slice(steps.findLastIndex(({ event }) => event._tag === "Redrive") + 1)
        const count = (...tags: ReadonlyArray<string>) => since.filter(({ event }) => tags.includes(event._tag)).length

        assert.strictEqual(end.attempt, count("Claim") - count("Release", "Snooze"))
      })
    ))

  it("gives the attempt back on release and on snooze", () =>
    every(
      fc.property(anyProgress, fc.nat(1), fc.boolean(), (job, delayMillis, snoozes) => {
        fc.pre(job.attempt < job.maxAttempts)
        const pending = { ...job, state: "pending" as const }
        const end: JobEvent = snoozes ? { _tag: "Snooze" } : { _tag: "Release", delayMillis }

        const after = live(pending, [{ _tag: "Claim" }, end]).end

        const state = snoozes || delayMillis > 0 ? "scheduled" : "pending"
        assert.deepStrictEqual(after, { ...pending, state })
      })
    ))

  it("buries a failure or a rescue exactly when no attempt is left", () =>
    every(
      fc.property(anyProgress, fc.boolean(), (job, crashes) => {
        const active = { ...job, state: "active" as const }

        const { end } = live(active, [crashes ? { _tag: "Rescue" } : { _tag: "Fail", skipRetry: false }])

        const otherwise = crashes ? "pending" : "retry"
        assert.deepStrictEqual(end, { ...job, state: job.attempt >= job.maxAttempts ? "dead" : otherwise })
      })
    ))

  it("ends a life of failures and crashes in a dead letter", () =>
    every(
      fc.property(enqueued, fc.infiniteStream(fc.boolean()), (start, crashes) => {
        let job = start
        for (let steps = 0; !isFinal(job.state); steps++) {
          assert.isBelow(steps, 3 * start.maxAttempts + 2)
          const ending: JobEvent = crashes.next().value ? { _tag: "Rescue" } : { _tag: "Fail", skipRetry: false }
          const event: JobEvent =
            job.state === "active" ? ending : job.state === "pending" ? { _tag: "Claim" } : { _tag: "Promote" }
          job = Result.getOrThrow(transition(job, event))
        }

        assert.deepStrictEqual(job, { state: "dead", attempt: start.maxAttempts, maxAttempts: start.maxAttempts })
      })
    ))

  it("starts a redriven job from no attempts", () =>
    every(
      fc.property(lives, fc.constant<JobEvent>({ _tag: "Redrive" }), ({ end }, redrive) => {
        const next = transition(end, redrive)
        if (Result.isSuccess(next)) assert.deepStrictEqual(next.success, { ...end, state: "pending", attempt: 0 })
        else assert.notStrictEqual(end.state, "dead")
      })
    ))

  it("visits every state and every event in random lives", () => {
    const seen = new Set<string>()

    every(
      fc.property(lives, ({ steps }) => {
        for (const { event, to } of steps) seen.add(to.state).add(event._tag)
      }),
      500
    )

    assert.sameMembers(
      [...seen],
      [...JobState.literals, "Promote", "Claim", "Complete", "Fail", "Snooze", "Release", "Rescue", "Cancel", "Redrive"]
    )
  })
})
