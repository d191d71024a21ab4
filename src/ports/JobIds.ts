import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type { JobId } from "../domain/Job.ts"
import { encodeJobId } from "../domain/job-id.ts"

/**
 * Makes ids for jobs whose caller gives none. Replace it with `Effect.provideService(JobIds, ...)`.
 *
 * **Shape** 22 characters that sort by time of making, from Effect's Clock and Random: reproducible under TestClock
 * and `Random.withSeed`.
 * @category jobs
 * @since 0.1.0
 */
export const JobIds = Context.Reference<{ readonly next: Effect.Effect<JobId> }>("winterq/ports/JobIds", {
  defaultValue: () => ({
    next: Effect.withFiber((fiber) => {
      const random = fiber.getRef(Random.Random)
      return Effect.succeed(
        encodeJobId(fiber.getRef(Clock.Clock).currentTimeMillisUnsafe(), () => random.nextDoubleUnsafe())
      )
    })
  })
})
