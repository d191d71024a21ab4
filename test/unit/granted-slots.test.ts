import * as Context from "effect/Context"
import { assert, describe, it } from "vitest"
import type { Extensions } from "../../src/features/worker/Extensions.ts"
import { WorkerState } from "../../src/features/worker/WorkerState.ts"
import type { JobStore } from "../../src/ports/JobStore.ts"

describe("a slot that was granted and not asked for yet", () => {
  it("is that of the job which came along meanwhile", () => {
    const queues = { order: "weighted" as const, entries: [{ name: "q" }] }
    const settings = { queues, concurrency: 1, prefetch: 0 } as unknown as WorkerState["settings"]
    const store = {} as JobStore["Service"]
    const state = new WorkerState("w", settings, new Map(), Context.empty(), store, {} as Extensions)
    const { lane } = state.serve({ name: "q" })
    state.openClaim(lane)
    state.shareOut()
    const granted = lane.granted

    const startable = state.received(lane, 1)

    assert.deepStrictEqual([granted, startable, state.held, state.ask(lane)], [1, 1, 1, 0])
  })
})
