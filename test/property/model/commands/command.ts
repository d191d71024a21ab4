import type fc from "fast-check"
import type { JobId } from "../../../../src/domain/Job.ts"
import type { Held } from "../../../../src/ports/JobStore.ts"
import type { Model } from "../Model.ts"
import type { Real } from "../Real.ts"

export type Command = fc.AsyncCommand<Model, Real>

export const show = (value: unknown) => JSON.stringify(value).replaceAll(/"(\w+)"/g, "$1")

/** After every command the queue as a whole, and the jobs that the command answers, are compared with the model. */
export const command = (
  name: string,
  run: (model: Model, real: Real) => Promise<ReadonlyArray<JobId>>,
  check: (model: Readonly<Model>) => boolean = () => true
): Command => ({
  check,
  run: async (model, real) => {
    real.tally("commands")
    await real.compare(model, await run(model, real))
  },
  toString: () => name
})

/** One after the other; twice the same is a call sent again after a lost reply. */
export const inTurn = (...all: ReadonlyArray<Command>): Command => ({
  check: (model) => all[0]!.check(model),
  run: async (model, real) => {
    for (const one of all) if (one.check(model)) await one.run(model, real)
  },
  toString: () => all.map((one) => one.toString()).join(", then ")
})

/** Which token to present: of the n-th held job, of the n-th latest claim, or one that nobody was ever given. */
export type Pick =
  | { readonly held: number }
  | { readonly past: number }
  | { readonly never: JobId; readonly token: number }

export const canPick = (model: Readonly<Model>, pick: Pick) =>
  "never" in pick || ("held" in pick ? model.in("active") : model.issued).length > 0

export const pickToken = (model: Model, pick: Pick): Held => {
  if ("never" in pick) return { jobId: pick.never, token: pick.token }
  if ("past" in pick) return model.issued.at(-1 - (pick.past % model.issued.length))!
  const held = model.issued.filter((one) => model.isHeld(one))
  return held[pick.held % held.length]!
}

export const countLate = (model: Model, picked: ReadonlyArray<Held>) =>
  picked.filter((one) => model.isHeld(one) && model.jobs.get(one.jobId)!.job.leaseExpiresAt! <= model.now).length

/** The jobs that are stored no more, or are in another state than the model knows. */
export const moved = async (model: Model, real: Real) => {
  const ids = [...model.jobs.keys()]
  const jobs = await real.get(ids)
  return ids.filter((id, i) => jobs[i]?.state !== model.jobs.get(id)!.job.state)
}
