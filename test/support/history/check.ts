import { type Digest, digest } from "./Digest.ts"
import type { Invariant, Verdict, Violation } from "./Finding.ts"
import { type Calls, type Event, type History, probeKind } from "./History.ts"
import * as jobs from "./invariants/jobs.ts"
import * as queues from "./invariants/queues.ts"
import * as system from "./invariants/system.ts"

export type { Verdict, Violation } from "./Finding.ts"

/** What must hold of every history; docs/guarantees.md says what each means for users. */
export const invariants: ReadonlyArray<Invariant> = [
  jobs.noLoss,
  jobs.atLeastOnce,
  jobs.onePlace,
  jobs.oneFinalState,
  jobs.staleHasNoEffect,
  jobs.fencesGrow,
  jobs.repeatIsOnce,
  queues.conservation,
  queues.order,
  queues.limits,
  queues.uniqueKeys,
  system.workflows,
  system.ticks,
  queues.bounded,
  queues.liveness,
  system.nothingSilent,
  system.failClosed
]

/** What a history holds, in numbers; all add up over histories. */
export interface Figures {
  readonly accepted: number
  readonly completed: number
  readonly dead: number
  readonly cancelled: number
  /** Attempts that were handed out. */
  readonly attempts: number
  /** Handlers that started. */
  readonly runs: number
  /** Of those, the ones that started though an earlier one of the same job had, because its lease had expired. */
  readonly rerunsAfterRescue: number
  /** The same, because the attempt before had failed, put it off, or given it back. */
  readonly rerunsAskedFor: number
  /** The same, because somebody redrove the job or enqueued it anew once it had ended. */
  readonly rerunsAnew: number
  /** The same for no reason: must be 0. */
  readonly duplicated: number
  /** Handlers of one job that ran at the same time; each time a lease had expired. */
  readonly overlaps: number
  readonly rescued: number
  readonly staleRefused: number
  /** Jobs that were found to be stored already when they were enqueued again. */
  readonly repeatedEnqueues: number
  readonly workflows: number
}

export interface Report {
  readonly violations: ReadonlyArray<Violation>
  /** By invariant. */
  readonly verdicts: Readonly<Record<string, Verdict>>
  readonly figures: Figures
}

const figuresOf = ({ calls, jobs, queues }: Digest): Figures => {
  const figures = {
    accepted: 0,
    completed: 0,
    dead: 0,
    cancelled: 0,
    attempts: 0,
    runs: 0,
    rerunsAfterRescue: 0,
    rerunsAskedFor: 0,
    rerunsAnew: 0,
    duplicated: 0,
    overlaps: 0,
    rescued: 0,
    staleRefused: 0,
    repeatedEnqueues: 0,
    workflows: calls.filter(
      ({ op, reply }) => op === "create" && (reply as Calls["create"]["reply"] | undefined)?._tag === "Created"
    ).length
  }
  for (const { view } of queues.values()) {
    if (view === undefined) continue
    const { counters } = view
    figures.accepted += counters.enqueued
    figures.completed += counters.completed
    figures.dead += counters.died - counters.redriven
    figures.cancelled += counters.cancelled
    figures.attempts += counters.claimed
    figures.rescued += counters.rescued
    figures.staleRefused += counters.stale
  }
  for (const job of jobs) {
    if (job.placings[0]?.job.kind === probeKind) {
      figures.accepted -= job.placings.filter(({ outcome }) => outcome?._tag === "Enqueued").length
      figures.cancelled -= job.endings.length
      continue
    }
    figures.repeatedEnqueues += job.placings.filter(({ outcome }) => outcome?._tag === "Existing").length
    figures.runs += job.runs.length
    const runs = job.runs.toSorted((a, b) => a.token - b.token)
    for (const [i, run] of runs.entries()) {
      const before = runs[i - 1]
      if (before === undefined) continue
      if (before.until > run.from) figures.overlaps++
      const settled = job.settlings.find(
        ({ outcome, settlement }) => settlement.token === before.token && outcome === "settled"
      )
      const goesOn = settled !== undefined && /^(?:Retry|Snooze|Release)$/.test(settled.settlement._tag)
      if (goesOn) figures.rerunsAskedFor++
      else if (job.rescues.some(({ span }) => span.from < run.from)) figures.rerunsAfterRescue++
      else if (job.endings.some(({ span }) => span.from < run.from)) figures.rerunsAnew++
      else figures.duplicated++
    }
  }
  return figures
}

/** Judges a history: whatever breaks an invariant, and how often each could be put to the test. */
export const check = (history: History): Report => {
  const facts = digest(history)
  const verdicts = Object.fromEntries(invariants.map((invariant) => [invariant.id, invariant.check(facts)]))
  return {
    violations: Object.values(verdicts).flatMap(({ violations }) => violations),
    verdicts,
    figures: figuresOf(facts)
  }
}

const namesJob = (event: Event, queue: string, id: string): boolean => {
  switch (event._tag) {
    case "HandlerStarted":
    case "HandlerEnded":
    case "Told":
    case "Accepted":
      return event.queue === queue && event.jobId === id
    case "Crashed":
    case "Fault":
    case "ClockMoved":
      return true
    case "Called":
    case "Answered":
      return (JSON.stringify("args" in event ? event.args : event.reply) ?? "").includes(`"${id}"`)
    default:
      return false
  }
}

const short = (value: unknown): string => {
  const text = JSON.stringify(value) ?? ""
  return text.length > 400 ? `${text.slice(0, 400)}...` : text
}

/** The events that speak of these jobs, one a line; of calls only what concerns them, where that can be told. */
export const excerpt = ({ events }: History, jobs: ReadonlyArray<string>): string => {
  const named = jobs.map((job) => ({ queue: job.slice(0, job.indexOf("/")), id: job.slice(job.indexOf("/") + 1) }))
  const ids = new Set(named.map(({ id }) => id))
  const concerns = (value: unknown): unknown => {
    if (Array.isArray(value)) {
      const about = value.filter(
        (item: unknown) =>
          typeof item !== "object" || item === null || [...ids].some((id) => JSON.stringify(item).includes(`"${id}"`))
      )
      return about.map(concerns)
    }
    if (typeof value !== "object" || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, concerns(inner)]))
  }
  return events
    .filter((event) => named.some(({ id, queue }) => namesJob(event, queue, id)))
    .map(({ _tag, at, process, seq, ...rest }) => {
      const told =
        "reply" in rest && rest.op === "exchange"
          ? rest
          : { ...rest, ...("args" in rest ? { args: concerns(rest.args) } : {}) }
      return `${String(seq).padStart(6)} ${at} ${process} ${_tag} ${short("reply" in told ? { ...told, reply: concerns(told.reply) } : told)}`
    })
    .join("\n")
}
