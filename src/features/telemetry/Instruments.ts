import type * as Context from "effect/Context"
import * as Metric from "effect/Metric"

/** From a millisecond to half an hour: a handler may do nearly nothing, or encode a film. */
const boundaries = [
  ...[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5],
  ...[1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800]
]

type Labels = Readonly<Record<string, string>>

const counter = (name: string, description: string, attributes: Labels) =>
  Metric.counter(name, { description, attributes, incremental: true })

const histogram = (name: string, description: string, attributes: Labels) =>
  Metric.histogram(name, { description, attributes, boundaries })

/** The series of one kind in one queue, made once, so that an attempt costs a few updates. */
class Series {
  readonly started: Metric.Counter<number>
  readonly wait: Metric.Histogram<number>
  readonly run: Metric.Histogram<number>
  readonly finished: (outcome: string) => Metric.Counter<number>

  constructor(labels: Labels) {
    this.started = counter("jobs_started_total", "Attempts whose handler was started.", labels)
    this.wait = histogram("job_wait_seconds", "From when a job was due to the start of its first attempt.", labels)
    this.run = histogram("job_run_seconds", "How long handlers ran.", labels)
    this.finished = cached((outcome) =>
      counter("jobs_finished_total", "Attempts that ended, by how.", { ...labels, outcome })
    )
  }
}

const cached = <A>(make: (name: string) => A) => {
  const made = new Map<string, A>()
  return (name: string): A => {
    let found = made.get(name)
    if (found === undefined) {
      found = make(name)
      made.set(name, found)
    }
    return found
  }
}

const perQueue = (name: string, description: string, labels: Labels) =>
  cached((queue) => counter(name, description, { queue, ...labels }))

const perKind = <A>(make: (labels: Labels) => A) => {
  const byQueue = cached((queue) => cached((kind) => make({ queue, kind })))
  return (queue: string, kind: string): A => byQueue(queue)(kind)
}

/** The metrics of one worker. `**Ref**` METRIC-1, METRIC-2 */
export class WorkerInstruments {
  readonly #services: Context.Context<never>
  readonly #series = perKind((labels) => new Series(labels))
  readonly #lost = perQueue("job_leases_lost_total", "Attempts that lost their lease.", {})
  readonly #overstays = perKind((labels) =>
    counter("job_handlers_overstaying_total", "Handlers that did not end though they were told to.", labels)
  )
  readonly #stale = perQueue("job_stale_writes_total", "Settlements that came too late.", {})
  readonly #recovered = perQueue("jobs_recovered_total", "Jobs taken back from workers that were gone.", {
    cause: "lease_expired"
  })
  readonly #busy = Metric.gauge("worker_slots", { description: "Handlers by state.", attributes: { state: "busy" } })
  readonly #free = Metric.gauge("worker_slots", { description: "Handlers by state.", attributes: { state: "free" } })

  constructor(services: Context.Context<never>) {
    this.#services = services
  }

  /** Slots that come with a worker; given back with a negative count. */
  slots(count: number): void {
    this.#free.modifyUnsafe(count, this.#services)
  }

  started(queue: string, kind: string, waitMillis: number | undefined): void {
    const series = this.#series(queue, kind)
    series.started.updateUnsafe(1, this.#services)
    if (waitMillis !== undefined) series.wait.updateUnsafe(Math.max(0, waitMillis) / 1000, this.#services)
    this.#busy.modifyUnsafe(1, this.#services)
    this.#free.modifyUnsafe(-1, this.#services)
  }

  ended(queue: string, kind: string, runMillis: number): void {
    this.#series(queue, kind).run.updateUnsafe(runMillis / 1000, this.#services)
    this.#busy.modifyUnsafe(-1, this.#services)
    this.#free.modifyUnsafe(1, this.#services)
  }

  finished(queue: string, kind: string, outcome: string): void {
    this.#series(queue, kind).finished(outcome).updateUnsafe(1, this.#services)
    if (outcome === "lease_lost") this.#lost(queue).updateUnsafe(1, this.#services)
  }

  overstays(queue: string, kind: string): void {
    this.#overstays(queue, kind).updateUnsafe(1, this.#services)
  }

  staleWrite(queue: string): void {
    this.#stale(queue).updateUnsafe(1, this.#services)
  }

  recovered(queue: string, jobs: number): void {
    this.#recovered(queue).updateUnsafe(jobs, this.#services)
  }
}

/** The metrics of one client. `**Ref**` METRIC-3 */
export class ClientInstruments {
  readonly #services: Context.Context<never>
  readonly #enqueued = perKind((labels) => counter("jobs_enqueued_total", "Jobs stored by clients.", labels))
  readonly #duplicates = perKind((labels) =>
    counter("enqueue_duplicates_total", "Jobs left out: they, or their unique keys, were there before.", labels)
  )

  constructor(services: Context.Context<never>) {
    this.#services = services
  }

  enqueued(queue: string, kind: string, handles: ReadonlyArray<{ readonly outcome: string }>): void {
    let stored = 0
    for (const { outcome } of handles) if (outcome === "enqueued") stored++
    this.#enqueued(queue, kind).updateUnsafe(stored, this.#services)
    if (stored < handles.length) this.#duplicates(queue, kind).updateUnsafe(handles.length - stored, this.#services)
  }
}
