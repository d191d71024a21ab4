import type { Job, JobId, JobState } from "../../../src/domain/Job.ts"
import type { ClaimedJob, EnqueueOutcome, ExchangeReply, NewJob, Settlement } from "../../../src/ports/JobStore.ts"
import type { Counters, Depths } from "../../../src/ports/QueueControl.ts"
import type { Body, CallName, Calls, Event, FinalState, History, QueueView } from "./History.ts"

const states = ["scheduled", "pending", "active", "retry", "completed", "cancelled", "dead"] as const

const noCounts: Counters = {
  enqueued: 0,
  claimed: 0,
  completed: 0,
  retried: 0,
  died: 0,
  cancelled: 0,
  snoozed: 0,
  released: 0,
  rescued: 0,
  redriven: 0,
  removed: 0,
  duplicates: 0,
  stale: 0,
  expired: 0
}

export const leaseMillis = 1000

/** Tells a history by hand, so that the checker can be shown what no store of ours would do. One queue, `q`. */
export class Story {
  readonly events: Array<Event> = []
  counters = { ...noCounts }
  readonly #stored = new Map<JobId, Job>()
  #calls = 0
  now = 1000

  say(body: Body, process = "w1"): this {
    this.events.push({ seq: this.events.length, at: this.now, process, ...body })
    return this
  }

  call<N extends CallName>(op: N, args: Calls[N]["args"], reply: Calls[N]["reply"] | undefined, process = "w1"): this {
    const call = this.#calls++
    this.say({ _tag: "Called", call, op, args } as Body, process)
    return reply === undefined
      ? this.say({ _tag: "Unanswered", call, op, effect: "unknown" }, process)
      : this.say({ _tag: "Answered", call, op, reply } as Body, process)
  }

  after(millis: number): this {
    this.now += millis
    return this
  }

  count(...names: ReadonlyArray<keyof Counters>): this {
    for (const name of names) this.counters = { ...this.counters, [name]: this.counters[name] + 1 }
    return this
  }

  enqueue(id: JobId, job: Partial<NewJob> = {}, outcome: EnqueueOutcome = { _tag: "Enqueued" }): this {
    this.count(outcome._tag === "Enqueued" ? "enqueued" : "duplicates")
    const given = { id, kind: "k", payload: "", priority: 5, maxAttempts: 3, retainMillis: 1000, ...job }
    return this.call("enqueue", ["q", [given]], [outcome], "producer")
  }

  exchange(
    { settle = [], claim }: { readonly settle?: ReadonlyArray<Settlement>; readonly claim?: number },
    reply: Partial<ExchangeReply>,
    worker = "w1"
  ): this {
    const full = {
      settled: settle.map(() => "settled" as const),
      claimed: [],
      rescued: [],
      buried: [],
      more: false,
      paused: false,
      endings: [],
      ...reply
    }
    const request = { queue: "q", worker, settlements: settle }
    const claiming = claim === undefined ? {} : { claim: { number: claim, limit: 10, leaseMillis } }
    return this.call("exchange", [{ ...request, ...claiming }], full, worker)
  }

  claim(
    id: JobId,
    token: number,
    worker = "w1",
    more: Partial<ClaimedJob> = {},
    reply: Partial<ExchangeReply> = {}
  ): this {
    const job = { id, token, kind: "k", payload: "", priority: 5, attempt: 1, maxAttempts: 3, rescues: 0, snoozes: 0 }
    this.count("claimed")
    return this.exchange(
      { claim: token },
      { claimed: [{ ...job, enqueuedAt: 0, dueAt: 0, headers: {}, tags: [], ...more }], ...reply },
      worker
    )
  }

  start(id: JobId, token: number, worker = "w1"): this {
    return this.say({ _tag: "HandlerStarted", queue: "q", jobId: id, token, attempt: 1 }, worker)
  }

  end(id: JobId, token: number, worker = "w1"): this {
    return this.say({ _tag: "HandlerEnded", outcome: "succeeded", queue: "q", jobId: id, token, attempt: 1 }, worker)
  }

  complete(id: JobId, token: number, worker = "w1", reply: Partial<ExchangeReply> = {}): this {
    const settlement: Settlement = { _tag: "Complete", jobId: id, token, result: `${token}` }
    return this.exchange({ settle: [settlement] }, reply, worker)
  }

  /** Claimed, run and completed, without a fault. */
  runs(id: JobId, token: number, worker = "w1"): this {
    this.count("completed")
    return this.claim(id, token, worker).start(id, token, worker).end(id, token, worker).complete(id, token, worker)
  }

  /** How a job is found in the end. */
  finds(id: JobId, state: JobState, more: Partial<Job> = {}): this {
    this.#stored.set(id, {
      id,
      queue: "q",
      kind: "k",
      state,
      priority: 5,
      attempt: 1,
      maxAttempts: 3,
      rescues: 0,
      snoozes: 0,
      payload: "",
      headers: {},
      tags: [],
      enqueuedAt: 0,
      dueAt: 0,
      retainMillis: 1000,
      failures: [],
      ...more
    })
    return this
  }

  history(more: Partial<QueueView> = {}, final: Partial<FinalState> = {}): History {
    const jobs = [...this.#stored.values()]
    const lists = Object.fromEntries(states.map((state) => [state, jobs.filter((job) => job.state === state)]))
    const view: QueueView = {
      queue: "q",
      lists: lists as unknown as QueueView["lists"],
      jobs: Object.fromEntries(this.#stored),
      depths: Object.fromEntries(states.map((state) => [state, lists[state]!.length])) as unknown as Depths,
      counters: this.counters,
      ...more
    }
    return { events: this.events, final: { queues: [view], workflows: [], ...final } }
  }
}
