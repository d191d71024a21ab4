import { assert } from "@effect/vitest"
import type fc from "fast-check"
import type { JobId } from "../../../src/domain/Job.ts"
import { DeadLetterStore, type DeadSelection } from "../../../src/ports/DeadLetterStore.ts"
import * as Store from "../../../src/ports/JobStore.ts"
import { QueueControl } from "../../../src/ports/QueueControl.ts"
import type { Held, Model } from "./Model.ts"
import type { Real } from "./Real.ts"

export type Command = fc.AsyncCommand<Model, Real>

const show = (value: unknown) => JSON.stringify(value).replaceAll(/"(\w+)"/g, "$1")

/** After every command the queue as a whole, and the jobs that the command answers, are compared with the model. */
const command = (
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

const sendEnqueue = async (model: Model, real: Real, jobs: ReadonlyArray<Store.NewJob>) => {
  const reply = await real.ask(
    Store.JobStore.use((store) => store.enqueue(real.queue, jobs)),
    "enqueue",
    jobs
  )
  const expected = jobs.map((job) => model.enqueue(job))
  assert.deepStrictEqual(reply, expected)
  for (const it of reply) real.tally(it._tag === "Existing" ? `Existing, identical ${it.identical}` : it._tag)
  return jobs.map(({ id }) => id)
}

/** `instant` counts from now. */
export type JobPlan = Omit<Store.NewJob, "kind" | "visible"> & { readonly delay?: number; readonly instant?: number }

export const enqueue = (plans: ReadonlyArray<JobPlan>) =>
  command(`enqueue ${show(plans)}`, (model, real) => {
    const jobs = plans.map(({ delay, instant, ...plan }): Store.NewJob => {
      const job = { ...plan, kind: "model" }
      if (delay !== undefined) return { ...job, visible: { inMillis: delay } }
      return instant === undefined ? job : { ...job, visible: { at: model.now + instant } }
    })
    return sendEnqueue(model, real, jobs)
  })

/** Enqueues the n-th stored job once more, with one thing changed or none. */
export const enqueueAgain = ([n, change]: readonly [number, Partial<Store.NewJob>]) =>
  command(
    `enqueue stored job ${n} again ${show(change)}`,
    (model, real) => sendEnqueue(model, real, [{ ...[...model.jobs.values()][n % model.jobs.size]!.given, ...change }]),
    (model) => model.jobs.size > 0
  )

/** Which token to present: of the n-th held job, of the n-th latest claim, or one that nobody was ever given. */
export type Pick =
  | { readonly held: number }
  | { readonly past: number }
  | { readonly never: JobId; readonly token: number }

const canPick = (model: Readonly<Model>, pick: Pick) =>
  "never" in pick || ("held" in pick ? model.in("active") : model.issued).length > 0

const pickToken = (model: Model, pick: Pick): Held => {
  if ("never" in pick) return { jobId: pick.never, token: pick.token }
  if ("past" in pick) return model.issued.at(-1 - (pick.past % model.issued.length))!
  const held = model.issued.filter((one) => model.isHeld(one))
  return held[pick.held % held.length]!
}

const countLate = (model: Model, picked: ReadonlyArray<Held>) =>
  picked.filter((one) => model.isHeld(one) && model.jobs.get(one.jobId)!.job.leaseExpiresAt! <= model.now).length

type WithoutHeld<S> = S extends unknown ? Omit<S, keyof Held> : never

export interface ExchangePlan {
  readonly worker: string
  readonly settlements: ReadonlyArray<{ readonly of: Pick; readonly as: WithoutHeld<Store.Settlement> }>
  /** `step` 1 makes a new claim, 0 repeats the last one, -1 sends one that is out of date. */
  readonly claim?: { readonly step: number; readonly limit: number; readonly leaseMillis: number }
}

const sendExchange = async (model: Model, real: Real, request: Store.ExchangeRequest) => {
  const { claim, settlements, worker } = request
  const late = countLate(model, settlements)
  const last = model.claims.get(worker)?.request.number ?? 0
  const reply = await real.ask(
    Store.JobStore.use((store) => store.exchange(request)),
    "exchange",
    request
  )
  model.exchange(request, reply)
  settlements.forEach(({ _tag }, i) => real.tally(`${_tag} ${reply.settled[i]}`))
  real.tally("settled after the lease", late)
  real.tally("rescued by a claim", reply.rescued.length)
  real.tally("buried by a claim", reply.buried.length)
  if (claim !== undefined) {
    const kind = claim.number > last ? "claim" : claim.number < last ? "outdated claim" : "repeated claim"
    real.tally(`${kind}${model.paused ? " while paused" : ""}, ${reply.claimed.length === 0 ? "none" : "some"}`)
    real.tally(reply.more ? "more left" : "nothing left")
  }
  const named = [...settlements.map(({ jobId }) => jobId), ...reply.claimed.map(({ id }) => id)]
  return [...new Set([...named, ...reply.rescued, ...reply.buried])]
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

export const extend = ([picks, leaseMillis]: readonly [ReadonlyArray<Pick>, number]) =>
  command(
    `extend ${show(picks)} by ${leaseMillis}`,
    async (model, real) => {
      const leases = picks.map((pick) => pickToken(model, pick))
      const late = countLate(model, leases)
      const request = { queue: real.queue, worker: "w1", leases, leaseMillis }
      const statuses = await real.ask(
        Store.JobStore.use((store) => store.extendLeases(request)),
        "extend",
        request
      )
      const reply = statuses.map((status) => status !== "lost")
      assert.deepStrictEqual(reply, model.extend(leases, leaseMillis))
      for (const held of reply) real.tally(`extended ${held}`)
      real.tally("extended after the lease", late)
      return leases.map(({ jobId }) => jobId)
    },
    (model) => picks.every((pick) => canPick(model, pick))
  )

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

/** The jobs that are stored no more, or are in another state than the model knows. */
const moved = async (model: Model, real: Real) => {
  const ids = [...model.jobs.keys()]
  const jobs = await real.get(ids)
  return ids.filter((id, i) => jobs[i]?.state !== model.jobs.get(id)!.job.state)
}

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
    model.rescue(limit, reply)
    real.tally("rescued", reply.rescued.length)
    real.tally("buried by a rescue", reply.buried.length)
    return [...reply.rescued, ...reply.buried]
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

export const setPaused = (paused: boolean) =>
  command(paused ? "pause" : "resume", async (model, real) => {
    const call = QueueControl.use((control) => (paused ? control.pause : control.resume)(real.queue))
    const changed = await real.ask(call, paused ? "pause" : "resume")
    assert.strictEqual(changed, model.paused !== paused)
    model.paused = paused
    real.tally(`${paused ? "paused" : "resumed"} ${changed}`)
    return []
  })

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
