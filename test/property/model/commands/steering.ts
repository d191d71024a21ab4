import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { QueueControl } from "../../../../src/ports/QueueControl.ts"
import { command } from "./command.ts"

export const setPaused = (paused: boolean) =>
  command(paused ? "pause" : "resume", async (model, real) => {
    const call = QueueControl.use((control) => (paused ? control.pause : control.resume)(real.queue))
    const changed = await real.ask(call, paused ? "pause" : "resume")
    assert.strictEqual(changed, model.paused !== paused)
    model.paused = paused
    real.tally(`${paused ? "paused" : "resumed"} ${changed}`)
    return []
  })

export const setMaxActive = (maxActive: number | undefined) =>
  command(`limit active jobs to ${maxActive}`, async (model, real) => {
    const limits = maxActive === undefined ? {} : { maxActive }
    const setting = QueueControl.use(({ limits: read, setLimits }) =>
      Effect.andThen(setLimits(real.queue, limits), read(real.queue))
    )
    assert.deepStrictEqual(await real.ask(setting, "limits", limits), limits)
    model.maxActive = maxActive
    real.tally(maxActive === undefined ? "limit lifted" : "limit set")
    return []
  })
