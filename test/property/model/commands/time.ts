import * as Store from "../../../../src/ports/JobStore.ts"
import type { Model } from "../Model.ts"
import type { Real } from "../Real.ts"
import { command, moved, show } from "./command.ts"

const advanceTo = async (model: Model, real: Real, then: number) => {
  await real.advance(then - model.now)
  model.now = then
  real.log.push(`time is ${then}`)
  return []
}

export const advance = (millis: number) =>
  command(`advance ${millis}`, (model, real) => advanceTo(model, real, model.now + millis))

/** To the very millisecond at which something becomes due, expires or may be pruned, or to the one before. */
export const advanceToNext = (early: number) =>
  command(
    `advance to ${early === 1 ? "just before " : ""}the next change`,
    (model, real) => advanceTo(model, real, model.nextInstant()! - early),
    (model) => model.nextInstant() !== undefined
  )

export const promote = (limit: number) =>
  command(`promote ${limit}`, async (model, real) => {
    const answer = await real.ask(
      Store.JobStore.use((store) => store.promote(real.queue, limit)),
      "promote",
      limit
    )
    const ids = await moved(model, real)
    model.promote(limit, answer, ids)
    real.tally("promoted", answer)
    return ids
  })

export const rescue = (limit: number) =>
  command(`rescue ${limit}`, async (model, real) => {
    const reply = await real.ask(
      Store.JobStore.use((store) => store.rescue(real.queue, limit)),
      "rescue",
      limit
    )
    const ids = await moved(model, real)
    model.rescue(limit, reply, ids)
    real.tally("rescued", reply.rescued.length)
    real.tally("buried by a rescue", reply.buried.length)
    real.tally("cancelled by a rescue", ids.length - reply.rescued.length - reply.buried.length)
    return ids
  })

export const prune = (policy: Store.PrunePolicy) =>
  command(`prune ${show(policy)}`, async (model, real) => {
    const answer = await real.ask(
      Store.JobStore.use((store) => store.prune(real.queue, policy)),
      "prune",
      policy
    )
    const ids = await moved(model, real)
    for (const id of ids) real.tally(`pruned ${model.jobs.get(id)!.job.state}`)
    model.prune(policy, answer, ids)
    return ids
  })
