import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type { JobId } from "../domain/Job.ts"
import { encodeJobId } from "../domain/job-id.ts"

/** What `JobIds` is unless somebody replaces it: ids that are well-formed. */
export const drawJobId = (clock: Clock.Clock, random: (typeof Random.Random)["Service"]): JobId =>
  encodeJobId(clock.currentTimeMillisUnsafe(), () => random.nextDoubleUnsafe())

/**
 * Makes ids for jobs whose caller gives none. Replace it with `Effect.provideService(JobIds, ...)`.
 *
 * **Shape** 22 characters that sort by time of making, from Effect's Clock and Random: reproducible under TestClock
 * and `Random.withSeed`.
 * @category jobs
 * @since 0.1.0
 */
export const JobIds = Context.Reference<{
  readonly next: Effect.Effect<JobId>
  /** The same outside of an effect, for makers that need no more than these; an enqueue is quicker with it. */
  readonly draw?: (clock: Clock.Clock, random: (typeof Random.Random)["Service"]) => JobId
}>("winterq/ports/JobIds", {
  defaultValue: () => ({
    next: Effect.withFiber((fiber) =>
      Effect.succeed(drawJobId(fiber.getRef(Clock.Clock), fiber.getRef(Random.Random)))
    ),
    draw: drawJobId
  })
})
