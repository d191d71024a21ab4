import * as Data from "effect/Data"
import * as Duration from "effect/Duration"

/**
 * Fail with this to put the job off: it runs again after the delay and the attempt does not count.
 *
 * **Units** `delayMillis` in milliseconds; `Snooze.for("5 minutes")` takes any duration.
 * **Ref** docs/semantics.md RUN-3, SETTLE-5
 * @category jobs
 * @since 0.1.0
 */
export class Snooze extends Data.TaggedError("Snooze")<{ readonly delayMillis: number }> {
  static for(delay: Duration.Input): Snooze {
    return new Snooze({ delayMillis: Duration.toMillis(Duration.fromInputUnsafe(delay)) })
  }
}

/**
 * Fail with this to end the job as `cancelled`: no further attempt, no dead letter.
 *
 * **Ref** docs/semantics.md RUN-3, SETTLE-4
 * @category jobs
 * @since 0.1.0
 */
export class Cancel extends Data.TaggedError("Cancel")<{ readonly reason: string }> {}

/**
 * Fail with this to give up at once: the job becomes a dead letter whatever attempts are left.
 *
 * **Ref** docs/semantics.md RUN-3, SETTLE-3
 * @category jobs
 * @since 0.1.0
 */
export class SkipRetry extends Data.TaggedError("SkipRetry")<{ readonly error: unknown }> {}
