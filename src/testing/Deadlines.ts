import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { EpochMillis } from "../domain/Job.ts"
import type { WorkflowStore } from "../ports/WorkflowStore.ts"
import type { VirtualClock } from "./VirtualClock.ts"

/** Deadlines of workflows: no fiber sleeps until one, since workers meet it when they tidy up. */
export class Deadlines {
  readonly #store: WorkflowStore["Service"]
  readonly #clock: VirtualClock
  readonly #at = new Map<string, EpochMillis>()

  constructor(store: WorkflowStore["Service"], clock: VirtualClock) {
    this.#store = store
    this.#clock = clock
  }

  /** The store, which is listened to. */
  get observed(): WorkflowStore["Service"] {
    return {
      ...this.#store,
      create: (workflow) =>
        Effect.tap(this.#store.create(workflow), (reply) =>
          Effect.sync(() => {
            if (reply._tag === "Created" && reply.deadlineAt !== undefined) this.#at.set(workflow.id, reply.deadlineAt)
          })
        )
    }
  }

  /** The first to come of a workflow that has not ended. */
  readonly next: Effect.Effect<EpochMillis> = Effect.gen({ self: this }, function* () {
    for (const [id, at] of Array.from(this.#at).toSorted(([, a], [, b]) => a - b)) {
      const found = yield* Effect.orElseSucceed(this.#store.get(id), () => Option.none())
      const isOver = Option.isNone(found) || found.value.endedAt !== undefined
      if (!isOver && at > this.#clock.currentTimeMillisUnsafe()) return at
      this.#at.delete(id)
    }
    return Number.POSITIVE_INFINITY
  })
}
