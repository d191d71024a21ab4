import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Contact } from "../../../src/grpc/Contact.ts"
import { StoreError, type StoreErrorReason } from "../../../src/ports/StoreError.ts"

const failing = (reason: StoreErrorReason) =>
  Effect.fail(new StoreError({ operation: "queues", reason, retryable: true, cause: "cut" }))

/** A contact under a clock that is set by hand, and what it told. */
const made = () => {
  const clock = { now: 0 }
  const told: Array<boolean> = []
  const contact = new Contact(
    () => clock.now,
    (isThere) => told.push(isThere)
  )
  const tick = Effect.sync(() => clock.now++)
  return { contact, told, tick }
}

describe("contact with the store", () => {
  it.effect("every change is told once", () =>
    Effect.gen(function* () {
      const { contact, tick, told } = made()
      const fails = Effect.ignore(contact.note(Effect.andThen(tick, failing("unavailable"))))
      const answers = contact.note(Effect.andThen(tick, Effect.void))

      yield* Effect.all([answers, answers, fails, fails, answers, answers])

      assert.deepStrictEqual(told, [false, true])
    })
  )

  it.effect("a failure says nothing when an answer came since it was sent", () =>
    Effect.gen(function* () {
      const { contact, tick, told } = made()
      const answered = Effect.andThen(tick, contact.note(Effect.void))
      const slow = contact.note(Effect.andThen(answered, failing("unavailable")))

      yield* Effect.ignore(slow)

      assert.deepStrictEqual([told, contact.problem], [[], undefined])
    })
  )

  it.effect("a failure that says nothing of the store is left out", () =>
    Effect.gen(function* () {
      const { contact, told } = made()

      yield* Effect.ignore(contact.note(failing("rejected"), (reason) => reason === "unavailable"))

      assert.deepStrictEqual([told, contact.problem], [[], undefined])
    })
  )
})
