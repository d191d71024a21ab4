import type { JobId } from "../../../../src/domain/Job.ts"
import { DeadLetterStore, type DeadSelection } from "../../../../src/ports/DeadLetterStore.ts"
import type { Model } from "../Model.ts"
import { command, moved, show } from "./command.ts"

/** The oldest, or the n-th dead letters and some other jobs by name. */
export type SelectionPlan =
  | { readonly oldest: number }
  | { readonly dead: ReadonlyArray<number>; readonly others: ReadonlyArray<JobId> }

const select = (model: Model, plan: SelectionPlan): DeadSelection => {
  if ("oldest" in plan) return plan
  const dead = model.in("dead").map(({ job }) => job.id)
  return { jobIds: [...plan.dead.flatMap((n) => dead[n % dead.length] ?? []), ...plan.others] }
}

export const redrive = (plan: SelectionPlan) =>
  command(`redrive ${show(plan)}`, async (model, real) => {
    const selection = select(model, plan)
    const call = DeadLetterStore.use((dead) => dead.redrive(real.queue, selection))
    const reply = await real.ask(call, "redrive", selection)
    model.redrive(selection, reply)
    for (const { outcome } of reply) real.tally(`${"oldest" in plan ? "oldest" : "named"} ${outcome}`)
    return reply.map(({ jobId }) => jobId)
  })

export const purge = (plan: SelectionPlan) =>
  command(`purge ${show(plan)}`, async (model, real) => {
    const selection = select(model, plan)
    const answer = await real.ask(
      DeadLetterStore.use((dead) => dead.purge(real.queue, selection)),
      "purge",
      selection
    )
    const ids = await moved(model, real)
    model.purge(selection, answer, ids)
    real.tally("oldest" in plan ? "purged oldest" : "purged named", answer)
    return ids
  })
