import type { Figures, Violation } from "../history/check.ts"
import { check } from "../history/check.ts"
import { type Changes, type Swarm, swarmOf } from "./Swarm.ts"
import { simulate } from "./simulate.ts"

/** The figures of many runs, added up. */
export class Tally {
  histories = 0
  events = 0
  readonly figures: Record<string, number> = {}
  readonly faults: Record<string, number> = {}
  /** How often each invariant was put to the test. */
  readonly checked: Record<string, number> = {}
  readonly failed: Array<{ readonly seed: number; readonly violations: ReadonlyArray<Violation> }> = []

  /** Runs a seed and judges it. */
  run(seed: number, changes: Changes = {}): void {
    const { faults, history } = simulate(seed, changes)
    const { figures, verdicts, violations } = check(history)
    this.histories++
    this.events += history.events.length
    add(this.figures, figures)
    add(this.faults, faults)
    for (const [id, { checked }] of Object.entries(verdicts)) add(this.checked, { [id]: checked })
    if (violations.length > 0) this.failed.push({ seed, violations })
  }

  add(other: Pick<Tally, "histories" | "events" | "figures" | "faults" | "checked" | "failed">): void {
    this.histories += other.histories
    this.events += other.events
    add(this.figures, other.figures)
    add(this.faults, other.faults)
    add(this.checked, other.checked)
    this.failed.push(...other.failed)
  }

  /** Jobs that were accepted and have no end: 0, or the figures are wrong. */
  get lost(): number {
    const { accepted = 0, cancelled = 0, completed = 0, dead = 0 } = this.figures
    return accepted - completed - dead - cancelled
  }

  /** What did not happen in any run, so that nothing was learnt about it. */
  get missing(): ReadonlyArray<string> {
    const figures = Object.entries(this.figures).filter(([name, count]) => count === 0 && name !== "duplicated")
    const unseen = faultKinds.filter((kind) => this.faults[kind] === undefined)
    const untested = Object.entries(this.checked).filter(([id, count]) => count === 0 && !notHere.has(id))
    return [...figures.map(([name]) => name), ...unseen, ...untested.map(([id]) => id)]
  }
}

/** Memory is always fit to be written to. */
const notHere = new Set(["I17"])

const faultKinds = [
  "call lost",
  "reply lost",
  "call carried out after it was given up",
  "call carried out twice",
  "call or reply slow",
  "call while the store is out of reach",
  "signal lost",
  "notice lost",
  "worker crashed",
  "worker paused",
  "worker paused beyond its lease",
  "worker stopped and started",
  "worker cut off",
  "worker's clock moved",
  "outage",
  "store's clock moved on",
  "store's clock moved back"
]

const add = (sum: Record<string, number>, more: Readonly<Record<string, number>> | Figures): void => {
  for (const [name, count] of Object.entries(more)) sum[name] = (sum[name] ?? 0) + count
}

/** Every number of a swarm that stands for some trouble or some work, by its path. */
const dispensable = (swarm: Swarm): ReadonlyArray<string> =>
  (["calls", "processes", "store", "handlers", "orderKinds", "operator"] as const).flatMap((group) =>
    Object.entries(swarm[group]).flatMap(([name, rate]) =>
      typeof rate === "number" && rate > 0 ? [`${group}.${name}`] : []
    )
  )

/**
 * Leaves out of a run whatever it can do without and still break one of these invariants. Answers the changes that
 * replay what is left.
 */
export const shrink = (seed: number, broken: ReadonlySet<string>): Changes => {
  let kept: Changes = {}
  const stillBreaks = (changes: Changes) =>
    check(simulate(seed, changes).history).violations.some(({ invariant }) => broken.has(invariant))
  const attempt = (changes: Changes) => {
    if (stillBreaks({ ...kept, ...changes })) kept = { ...kept, ...changes }
  }
  const swarm = swarmOf(seed)
  for (const path of dispensable(swarm)) attempt({ [path]: 0 })
  for (const path of ["workers", "producers", "queues", "concurrency"] as const) {
    for (let less = 1; less < swarm[path] && kept[path] === undefined; less++) attempt({ [path]: less })
  }
  for (const orders of [1, 2, 3, 5, 8]) if (orders < swarm.orders && kept["orders"] === undefined) attempt({ orders })
  return kept
}
