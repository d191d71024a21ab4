import * as Effect from "effect/Effect"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { explain as explainJob } from "../../features/inspector/Explain.ts"
import { connected } from "../connected.ts"
import { NotFound } from "../errors.ts"
import { explanationText } from "../explanation-text.ts"
import { findJob } from "../find-job.ts"
import { jobArgument, queueFlag } from "../flags.ts"
import { show } from "../output.ts"
import { jobShape } from "../shapes.ts"

export const explain = Command.make(
  "explain",
  { id: jobArgument, queue: queueFlag.pipe(Flag.optional) },
  ({ id, queue }) =>
    connected(
      Effect.gen(function* () {
        const { job: found } = yield* findJob(id, queue)
        const explanation = yield* explainJob(id, found.queue)
        if (explanation._tag === "Missing") {
          return yield* new NotFound({ what: `job ${id}` })
        }
        const { _tag, job, ...rest } = explanation
        yield* show({ explanation: _tag, ...rest, job: jobShape(job, false) }, (ui) => explanationText(ui, explanation))
      })
    )
).pipe(Command.withDescription("Tell why a job is not running, or what became of it"))
