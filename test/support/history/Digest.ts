import type { JobId, Member, Token } from "../../../src/domain/Job.ts"
import type { EnqueueOutcome, NewJob, Settlement, SettleOutcome } from "../../../src/ports/JobStore.ts"
import type { CallName, Calls, Event, HandlerOutcome, History, QueueView } from "./History.ts"

/** A stretch of a history in which something took effect: between the call and its answer. */
export interface Span {
  /** `seq` of the call. */
  readonly from: number
  /** `seq` of the answer; infinite without one: then it may still take effect. */
  until: number
  readonly calledAt: number
  answeredAt: number
}

export interface Call<N extends CallName = CallName> extends Span {
  readonly call: number
  readonly op: N
  readonly process: string
  readonly args: Calls[N]["args"]
  reply: Calls[N]["reply"] | undefined
  /** Whether it may have taken effect. */
  counts: boolean
}

/** Whether one had its answer before the other was asked. */
export const isBefore = (one: Span, other: Span): boolean => one.until < other.from

/** Whether something may lie between two others. */
export const mayLieBetween = (one: Span, between: Span, other: Span): boolean =>
  !isBefore(between, one) && !isBefore(other, between)

export interface Placing {
  readonly span: Span
  readonly job: NewJob
  readonly outcome: EnqueueOutcome | undefined
}

export interface Claim {
  /** The first reply that handed it out. */
  readonly span: Call<"exchange">
  readonly token: Token
  readonly attempt: number
  readonly worker: string
  readonly number: number
  readonly leaseMillis: number
}

export interface Settling {
  readonly span: Span
  readonly process: string
  readonly settlement: Settlement
  readonly outcome: SettleOutcome | undefined
}

export interface Ending {
  readonly span: Span
  readonly state: "completed" | "cancelled" | "dead"
  readonly by: string
  readonly settlement?: Settlement
}

export interface HandlerRun {
  readonly job: string
  readonly process: string
  readonly token: Token
  readonly attempt: number
  readonly from: number
  until: number
  outcome: HandlerOutcome | "crashed" | undefined
}

/** Everything a history tells of one job. */
export interface JobFacts {
  readonly queue: string
  readonly id: JobId
  readonly name: string
  readonly placings: Array<Placing>
  /** Jobs that took its place under its id and key while it waited (UNIQUE-8). */
  readonly replacements: Array<NewJob>
  /** In the order of tokens, which is that of the store. */
  claims: Array<Claim>
  readonly settlings: Array<Settling>
  readonly rescues: Array<{ readonly span: Span; readonly buried: boolean }>
  readonly cancels: Array<{ readonly span: Span; readonly outcome: string | undefined }>
  readonly redrives: Array<{ readonly span: Span; readonly outcome: string | undefined }>
  readonly extensions: Array<{
    readonly span: Span
    readonly token: Token
    readonly leaseMillis: number
    readonly status: string | undefined
  }>
  readonly notes: Array<{
    readonly span: Span
    readonly token: Token
    readonly progress: string | undefined
    readonly held: boolean | undefined
  }>
  readonly runs: Array<HandlerRun>
  /** As far as replies tell: expiry, and the cancellation of a job whose lease expired, are in none. */
  readonly endings: Array<Ending>
}

export interface QueueFacts {
  readonly queue: string
  readonly jobs: Map<JobId, JobFacts>
  readonly exchanges: Array<Call<"exchange">>
  /** Calls without an answer that may have taken effect. */
  readonly doubts: Array<Call>
  readonly calls: Array<Call>
  readonly view: QueueView | undefined
}

/** A history, sorted by queue and job. */
export interface Digest {
  readonly history: History
  readonly calls: ReadonlyArray<Call>
  readonly queues: ReadonlyMap<string, QueueFacts>
  readonly jobs: ReadonlyArray<JobFacts>
  readonly hasRuns: boolean
}

const isStored = ({ outcome }: Placing) => outcome?._tag === "Enqueued"

/** Whether a store said that it took the job. */
export const wasStored = ({ placings }: JobFacts): boolean => placings.some(isStored)

/** All that the job may have been. */
export const guisesOf = ({ placings, replacements }: JobFacts): ReadonlyArray<NewJob> => [
  ...placings.map(({ job }) => job),
  ...replacements
]

/** What the job was last. */
export const storedAs = ({ placings, replacements }: JobFacts): NewJob | undefined =>
  replacements.at(-1) ?? placings.findLast(isStored)?.job

export const memberOf = (facts: JobFacts): Member | undefined => storedAs(facts)?.member

/** Calls without an answer by which a lease may have been taken back. */
export const mayHaveRescued = ({ doubts }: QueueFacts, before: number): boolean =>
  doubts.some(
    ({ args, from, op }) =>
      from < before &&
      (op === "rescue" || (op === "exchange" && (args as Calls["exchange"]["args"])[0].claim !== undefined))
  )

/** Calls without an answer that name the job, and so may have done anything to it. */
export const isInDoubt = ({ doubts }: QueueFacts, { id }: JobFacts, before = Infinity): boolean =>
  doubts.some((call) => {
    if (call.from >= before) return false
    switch (call.op) {
      case "enqueue":
        return (call.args as Calls["enqueue"]["args"])[1].some((job) => job.id === id)
      case "exchange": {
        const [{ claim, settlements }] = call.args as Calls["exchange"]["args"]
        return claim !== undefined || settlements.some(({ jobId }) => jobId === id)
      }
      case "tick":
        return (call.args as Calls["tick"]["args"])[0].fire?.job.id === id
      case "trigger":
        return (call.args as Calls["trigger"]["args"])[0].job.id === id
      case "cancel":
        return (call.args as Calls["cancel"]["args"])[0].jobId === id
      case "rescue":
      case "prune":
      case "redrive":
      case "purge":
        return true
      default:
        return false
    }
  })

const queueOf = ({ args, op }: Call): string | undefined => {
  if (op === "create" || op === "advance" || op === "confirm") return undefined
  const first = args[0] as string | { readonly queue: string }
  return typeof first === "string" ? first : first.queue
}

const readCalls = (events: ReadonlyArray<Event>): ReadonlyArray<Call> => {
  const calls = new Map<number, Call>()
  for (const event of events) {
    if (event._tag === "Called") {
      const { args, at, call, op, process, seq } = event
      const made = {
        call,
        op,
        process,
        args,
        from: seq,
        until: Infinity,
        calledAt: at,
        answeredAt: Infinity,
        reply: undefined,
        counts: true
      }
      calls.set(call, made)
    } else if (event._tag === "Answered") {
      const call = calls.get(event.call)!
      call.until = event.seq
      call.answeredAt = event.at
      call.reply = event.reply
    } else if (event._tag === "Unanswered" && event.effect === "none") calls.get(event.call)!.counts = false
  }
  return [...calls.values()]
}

const endingOf = (settlement: Settlement, outcome: SettleOutcome | undefined): Ending["state"] | undefined => {
  if (outcome === "died") return "dead"
  if (outcome === "cancelled") return "cancelled"
  if (outcome !== "settled") return undefined
  if (settlement._tag === "Complete") return "completed"
  if (settlement._tag === "Bury") return "dead"
  return settlement._tag === "Cancel" ? "cancelled" : undefined
}

export const digest = (history: History): Digest => {
  const queues = new Map<string, QueueFacts>()
  const jobs: Array<JobFacts> = []
  const queueNamed = (queue: string): QueueFacts => {
    let facts = queues.get(queue)
    if (facts === undefined) {
      const view = history.final.queues.find((view) => view.queue === queue)
      facts = { queue, jobs: new Map(), exchanges: [], doubts: [], calls: [], view }
      queues.set(queue, facts)
    }
    return facts
  }
  const jobOf = (queue: QueueFacts, id: JobId): JobFacts => {
    let facts = queue.jobs.get(id)
    if (facts === undefined) {
      facts = {
        queue: queue.queue,
        id,
        name: `${queue.queue}/${id}`,
        placings: [],
        replacements: [],
        claims: [],
        settlings: [],
        rescues: [],
        cancels: [],
        redrives: [],
        extensions: [],
        notes: [],
        runs: [],
        endings: []
      }
      queue.jobs.set(id, facts)
      jobs.push(facts)
    }
    return facts
  }

  const takeBack = (queue: QueueFacts, span: Call, reply: Calls["rescue"]["reply"]) => {
    for (const id of reply.rescued) jobOf(queue, id).rescues.push({ span, buried: false })
    for (const id of reply.buried) {
      const job = jobOf(queue, id)
      job.rescues.push({ span, buried: true })
      job.endings.push({ span, state: "dead", by: "a rescue without an attempt left" })
    }
  }

  const readExchange = (queue: QueueFacts, call: Call<"exchange">) => {
    queue.exchanges.push(call)
    const [{ claim, settlements, worker }] = call.args
    for (const [i, settlement] of settlements.entries()) {
      const job = jobOf(queue, settlement.jobId)
      const outcome = call.reply?.settled[i]
      job.settlings.push({ span: call, process: call.process, settlement, outcome })
      const state = endingOf(settlement, outcome)
      if (state !== undefined) job.endings.push({ span: call, state, by: settlement._tag, settlement })
    }
    if (call.reply === undefined || claim === undefined) return
    takeBack(queue, call, call.reply)
    for (const { attempt, id, token } of call.reply.claimed) {
      const job = jobOf(queue, id)
      if (job.claims.some((other) => other.token === token)) continue
      job.claims.push({ span: call, token, attempt, worker, number: claim.number, leaseMillis: claim.leaseMillis })
    }
  }

  const readCall = (queue: QueueFacts, span: Call) => {
    switch (span.op) {
      case "enqueue": {
        const { args, reply } = span as Call<"enqueue">
        for (const [i, job] of args[1].entries()) {
          const outcome = reply?.[i]
          jobOf(queue, job.id).placings.push({ span, job, outcome })
          if (outcome?._tag === "Replaced") jobOf(queue, outcome.of).replacements.push(job)
        }
        return
      }
      case "tick": {
        const { args, reply } = span as Call<"tick">
        const job = args[0].fire?.job
        if (job === undefined || (reply !== undefined && reply !== "fired")) return
        const { placings } = jobOf(queue, job.id)
        // the answer does not tell a job that is there from one that is stored
        const isThere = job.retainMillis > 0 && placings.some(isStored)
        const fired = isThere ? ({ _tag: "Existing", identical: true } as const) : ({ _tag: "Enqueued" } as const)
        placings.push({ span, job, outcome: reply === undefined ? undefined : fired })
        return
      }
      case "trigger": {
        const [{ job }] = (span as Call<"trigger">).args
        // whether it was there already is not told
        jobOf(queue, job.id).placings.push({ span, job, outcome: undefined })
        return
      }
      case "exchange":
        return readExchange(queue, span as Call<"exchange">)
      case "rescue": {
        const { reply } = span as Call<"rescue">
        if (reply !== undefined) takeBack(queue, span, reply)
        return
      }
      case "extendLeases": {
        const { args, reply } = span as Call<"extendLeases">
        const [{ leaseMillis, leases }] = args
        for (const [i, { jobId, token }] of leases.entries())
          jobOf(queue, jobId).extensions.push({ span, token, leaseMillis, status: reply?.[i] })
        return
      }
      case "annotate": {
        const { args, reply } = span as Call<"annotate">
        const [{ jobId, progress, token }] = args
        jobOf(queue, jobId).notes.push({ span, token, progress, held: reply })
        return
      }
      case "cancel": {
        const { args, reply } = span as Call<"cancel">
        const job = jobOf(queue, args[0].jobId)
        job.cancels.push({ span, outcome: reply })
        if (reply === "cancelled") job.endings.push({ span, state: "cancelled", by: "somebody else" })
        return
      }
      case "redrive": {
        const { args, reply } = span as Call<"redrive">
        for (const { jobId, outcome } of reply ?? []) jobOf(queue, jobId).redrives.push({ span, outcome })
        if (reply !== undefined || !("jobIds" in args[1])) return
        for (const id of args[1].jobIds) jobOf(queue, id).redrives.push({ span, outcome: undefined })
        return
      }
      default:
    }
  }

  const calls = readCalls(history.events)
  for (const call of calls) {
    const name = queueOf(call)
    if (name === undefined || !call.counts) continue
    const queue = queueNamed(name)
    queue.calls.push(call)
    if (call.until === Infinity) queue.doubts.push(call)
    readCall(queue, call)
  }

  let hasRuns = false
  const open = new Map<string, Array<HandlerRun>>()
  for (const event of history.events) {
    if (event._tag === "HandlerStarted") {
      hasRuns = true
      const { attempt, jobId, process, queue, seq, token } = event
      const facts = jobOf(queueNamed(queue), jobId)
      const run: HandlerRun = {
        job: facts.name,
        process,
        token,
        attempt,
        from: seq,
        until: Infinity,
        outcome: undefined
      }
      facts.runs.push(run)
      open.set(process, [...(open.get(process) ?? []).filter((other) => other.outcome === undefined), run])
    } else if (event._tag === "HandlerEnded") {
      const name = `${event.queue}/${event.jobId}`
      const run = open
        .get(event.process)
        ?.find(({ job, outcome, token }) => token === event.token && job === name && outcome === undefined)
      if (run !== undefined) {
        run.until = event.seq
        run.outcome = event.outcome
      }
    } else if (event._tag === "Crashed") {
      for (const run of open.get(event.process) ?? []) {
        if (run.outcome !== undefined) continue
        run.until = event.seq
        run.outcome = "crashed"
      }
      open.delete(event.process)
    }
  }
  for (const job of jobs) job.claims = job.claims.toSorted((a, b) => a.token - b.token)
  return { history, calls, queues, jobs, hasRuns }
}
