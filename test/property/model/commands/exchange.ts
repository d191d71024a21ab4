import * as Store from "../../../../src/ports/JobStore.ts"
import type { Model } from "../Model.ts"
import type { Real } from "../Real.ts"
import { canPick, command, countLate, type Pick, pickToken, show } from "./command.ts"

type Held = Store.Held

type WithoutHeld<S> = S extends unknown ? Omit<S, keyof Held> : never

export interface ExchangePlan {
  readonly worker: string
  readonly settlements: ReadonlyArray<{ readonly of: Pick; readonly as: WithoutHeld<Store.Settlement> }>
  /** `step` 1 makes a new claim, 0 repeats the last one, -1 sends one that is out of date. */
  readonly claim?: { readonly step: number; readonly limit: number; readonly leaseMillis: number }
}

const isCancel = ({ _tag }: Store.Settlement, outcome: Store.SettleOutcome | undefined) =>
  _tag === "Cancel" && outcome === "settled"

const sendExchange = async (model: Model, real: Real, request: Store.ExchangeRequest) => {
  const { claim, settlements, worker } = request
  const late = countLate(model, settlements)
  const asked = new Set(
    settlements.flatMap(({ jobId }) => (model.jobs.get(jobId)?.job.cancelRequested === undefined ? [] : jobId))
  )
  const before = { ...model.counters }
  const last = model.claims.get(worker)?.request.number ?? 0
  const reply = await real.ask(
    Store.JobStore.use((store) => store.exchange(request)),
    "exchange",
    request
  )
  const ended = model.exchange(request, reply)
  settlements.forEach(({ _tag, jobId }, i) => {
    real.tally(`${_tag} ${reply.settled[i]}`)
    if (asked.has(jobId)) real.tally(`${_tag} ${reply.settled[i]}, asked to stop`)
  })
  real.tally("settled after the lease", late)
  real.tally("rescued by a claim", reply.rescued.length)
  real.tally("buried by a claim", reply.buried.length)
  const bySettlement = reply.settled.filter(
    (outcome, i) => outcome === "cancelled" || isCancel(settlements[i]!, outcome)
  )
  const expired = model.counters.expired - before.expired
  real.tally("expired", expired)
  real.tally("cancelled by a claim", model.counters.cancelled - before.cancelled - expired - bySettlement.length)
  if (claim !== undefined) {
    if (expired > 0 && reply.more && reply.claimed.length < claim.limit) real.tally("fewer for expired ones, more left")
    if (claim.limit > 0 && !model.paused && model.room() === 0 && model.in("pending").length > 0) real.tally("no room")
    const kind = claim.number > last ? "claim" : claim.number < last ? "outdated claim" : "repeated claim"
    real.tally(`${kind}${model.paused ? " while paused" : ""}, ${reply.claimed.length === 0 ? "none" : "some"}`)
    real.tally(reply.more ? "more left" : "nothing left")
  }
  const named = [...settlements.map(({ jobId }) => jobId), ...reply.claimed.map(({ id }) => id)]
  return [...new Set([...named, ...ended])]
}

export const exchange = ({ claim, settlements, worker }: ExchangePlan) =>
  command(
    `exchange of ${worker}: ${settlements.map(show).join(" ")} ${claim ? `claim ${show(claim)}` : ""}`,
    (model, real) => {
      const settled = settlements.map(({ as, of }) => ({ ...as, ...pickToken(model, of) }))
      const request = { queue: real.queue, worker, settlements: settled }
      if (claim === undefined) return sendExchange(model, real, request)
      const { step, ...rest } = claim
      const last = model.claims.get(worker)?.request
      const next = { ...rest, number: (last?.number ?? 0) + step }
      return sendExchange(model, real, { ...request, claim: step === 0 ? last! : next })
    },
    (model) =>
      settlements.every(({ of }) => canPick(model, of)) && ((claim?.step ?? 1) === 1 || model.claims.has(worker))
  )

export const resend = command(
  "resend the last exchange",
  (model, real) => sendExchange(model, real, model.last!),
  (model) => model.last !== undefined
)
