import type { RateLimit } from "../../../../src/ports/QueueControl.ts"
import {
  type Call,
  type Claim,
  guisesOf,
  isBefore,
  isInDoubt,
  type JobFacts,
  type QueueFacts,
  type Span,
  storedAs,
  wasStored
} from "../Digest.ts"
import { type Findings, invariant } from "../Finding.ts"

const count = <A>(items: Iterable<A>, isOne: (item: A) => boolean): number => {
  let found = 0
  for (const item of items) if (isOne(item)) found++
  return found
}

/** I8: what was accepted is what is stored and what was removed; counters equal a recount of what was answered. */
export const conservation = invariant("I8", "conservation", "no queue was read in the end", (digest, findings) => {
  for (const { doubts, jobs, queue, view } of digest.queues.values()) {
    if (view === undefined) continue
    const { counters, depths } = view
    const stored = Object.values(depths).reduce((a, b) => a + b, 0)
    findings.expect(
      counters.enqueued === stored + counters.removed,
      () => `queue ${queue}: ${counters.enqueued} enqueued, ${stored} stored, ${counters.removed} removed`
    )
    const facts = [...jobs.values()]
    const sum = (of: (job: JobFacts) => number) => facts.reduce((all, job) => all + of(job), 0)
    const settled = (tag: string) =>
      sum(({ settlings }) =>
        count(settlings, ({ outcome, settlement }) => outcome === "settled" && settlement._tag === tag)
      )
    const ended = (state: string) => sum(({ endings }) => count(endings, (ending) => ending.state === state))
    const exact: Partial<Record<keyof typeof counters, number>> = {
      enqueued: sum(({ placings }) => count(placings, ({ outcome }) => outcome?._tag === "Enqueued")),
      claimed: sum(({ claims }) => claims.length),
      completed: ended("completed"),
      died: ended("dead"),
      retried: settled("Retry"),
      snoozed: settled("Snooze"),
      released: settled("Release"),
      redriven: sum(({ redrives }) => count(redrives, ({ outcome }) => outcome === "redriven")),
      duplicates: sum(({ placings }) =>
        count(placings, ({ outcome }) => outcome !== undefined && outcome._tag !== "Enqueued")
      )
    }
    for (const [name, told] of Object.entries(exact)) {
      const counted = counters[name as keyof typeof counters]
      // what got no answer may have happened or not
      const isSo = doubts.length === 0 ? counted === told : counted >= told
      findings.expect(isSo, () => `queue ${queue}: counts ${counted} ${name}, and answered so ${told} times`)
    }
  }
})

/** I16, for what the store counts: nothing that was refused or taken back goes uncounted. */
export const countersTell = (queue: QueueFacts, findings: Findings): void => {
  if (queue.view === undefined) return
  const { counters } = queue.view
  let stale = 0
  let rescued = 0
  for (const job of queue.jobs.values()) {
    stale += count(job.settlings, ({ outcome }) => outcome === "stale")
    rescued += job.rescues.length
  }
  findings.expect(
    counters.stale >= stale,
    () => `queue ${queue.queue}: ${stale} settlements were stale, ${counters.stale} are counted`
  )
  findings.expect(
    counters.rescued >= rescued,
    () => `queue ${queue.queue}: ${rescued} leases had expired, ${counters.rescued} are counted`
  )
}

interface First {
  readonly job: JobFacts
  readonly claim: Claim
  readonly enqueued: Span
  readonly place: number
  readonly priority: number
}

/** Jobs that were visible from the start and whose place nothing changed, by their first claim. */
const firstClaims = (queue: QueueFacts): ReadonlyArray<First> => {
  const limited = new Set(
    queue.calls.flatMap(({ args, op }) =>
      op === "setRateLimit" ? [(args as unknown as ReadonlyArray<string>)[1]] : []
    )
  )
  return [...queue.jobs.values()].flatMap((job): ReadonlyArray<First> => {
    const stored = job.placings.filter(({ outcome }) => outcome?._tag === "Enqueued")
    const [claim] = job.claims
    const [placing] = stored
    if (stored.length !== 1 || claim === undefined || placing === undefined || isInDoubt(queue, job)) return []
    const { kind, priority, visible } = placing.job
    if (visible !== undefined || job.replacements.length > 0 || limited.has(kind) || job.redrives.length > 0) return []
    const call = placing.span as Call
    const jobs = call.op === "enqueue" ? (call as Call<"enqueue">).args[1] : [placing.job]
    const place = jobs.findIndex(({ id }) => id === job.id)
    return [{ job, claim, enqueued: placing.span, place, priority }]
  })
}

/** I9: first attempts start in the order of the enqueues, within a priority; lower priority numbers go first. */
export const order = invariant("I9", "order of first attempts", "no two jobs can be compared", (digest, findings) => {
  for (const queue of digest.queues.values()) {
    const firsts = firstClaims(queue).toSorted((a, b) => b.claim.token - a.claim.token)
    // of all that were claimed later, the earliest that was there before, by priority
    const later = new Map<number, First>()
    for (const first of firsts) {
      for (const [priority, other] of later) {
        const wasFirst =
          priority === first.priority
            ? isBefore(other.enqueued, first.enqueued) ||
              (other.enqueued === first.enqueued && other.place < first.place)
            : priority < first.priority && isBefore(other.enqueued, first.claim.span)
        findings.expect(
          !wasFirst,
          () => `was claimed before ${other.job.id}, which was ahead of it: priority ${first.priority} and ${priority}`,
          first.job.name,
          other.job.name
        )
      }
      const known = later.get(first.priority)
      if (
        known === undefined ||
        first.enqueued.until < known.enqueued.until ||
        (first.enqueued === known.enqueued && first.place < known.place)
      )
        later.set(first.priority, first)
    }
  }
})

interface Change<A> {
  readonly span: Span
  readonly value: A
}

/** The values that may have been in force during a stretch. */
const during = <A>(changes: ReadonlyArray<Change<A>>, first: A, span: Span): ReadonlyArray<A> => {
  const before = changes.filter((change) => isBefore(change.span, span))
  const latest = before.at(-1)?.value ?? first
  return [
    latest,
    ...changes
      .filter((change) => !isBefore(change.span, span) && !isBefore(span, change.span))
      .map(({ value }) => value)
  ]
}

const activeLimit = (queue: QueueFacts, findings: Findings): void => {
  const changes = queue.calls.flatMap((call): ReadonlyArray<Change<number>> => {
    if (call.op !== "setLimits") return []
    return [{ span: call, value: (call as Call<"setLimits">).args[1].maxActive ?? Infinity }]
  })
  if (changes.length === 0) return
  const active = new Map<string, { readonly token: number; until: number }>()
  // a claim that is repeated hands out what an earlier call may have taken, under the limit of that time
  const begun = new Map<string, number>()
  const steps = queue.calls
    .flatMap((call) => [
      { at: call.from, call, isAnswer: false },
      ...(call.until === Infinity ? [] : [{ at: call.until, call, isAnswer: true }])
    ])
    .toSorted((a, b) => a.at - b.at)
  for (const { call, isAnswer } of steps) {
    if (call.op === "extendLeases") {
      const [{ leaseMillis, leases }] = (call as Call<"extendLeases">).args
      // it may end a lease sooner than the claim did, if the clock went back
      for (const { jobId } of leases) {
        const held = active.get(jobId)
        if (held !== undefined) held.until = Math.min(held.until, call.calledAt) + (isAnswer ? leaseMillis : 0)
      }
    }
    if (call.op !== "exchange" && call.op !== "rescue") continue
    if (!isAnswer) {
      if (call.op === "rescue") continue
      const [{ claim, settlements, worker }] = (call as Call<"exchange">).args
      for (const { jobId } of settlements) active.delete(jobId)
      const name = `${worker} ${claim?.number}`
      if (!begun.has(name)) begun.set(name, call.from)
      continue
    }
    const { buried, rescued } = (call as Call<"exchange" | "rescue">).reply!
    for (const id of [...rescued, ...buried]) active.delete(id)
    for (const [id, { until }] of active) if (until <= call.answeredAt) active.delete(id)
    if (call.op !== "exchange") continue
    const { args, reply } = call as Call<"exchange">
    const since = Math.min(call.from, begun.get(`${args[0].worker} ${args[0].claim?.number}`) ?? Infinity)
    const fresh = reply!.claimed.filter(({ id, token }) => active.get(id)?.token !== token)
    if (fresh.length === 0 || args[0].claim === undefined) continue
    const until = call.calledAt + args[0].claim.leaseMillis
    for (const { id, token } of fresh) active.set(id, { token, until })
    const most = Math.max(...during(changes, Infinity, { ...call, from: since }))
    findings.expect(
      active.size <= most,
      () => `queue ${queue.queue}: ${active.size} jobs were active, the limit is ${most}`
    )
  }
}

const rateLimit = (queue: QueueFacts, findings: Findings): void => {
  const sets = queue.calls.filter((call): call is Call<"setRateLimit"> => call.op === "setRateLimit")
  for (const kind of new Set(sets.map(({ args }) => args[1]))) {
    const changes = sets
      .filter(({ args }) => args[1] === kind)
      .map((span): Change<RateLimit | undefined> => ({ span, value: span.args[2] }))
    const claims = [...queue.jobs.values()]
      .filter((job) => storedAs(job)?.kind === kind)
      .flatMap((job) => job.claims)
      .toSorted((a, b) => a.token - b.token)
    for (const [i, first] of claims.entries()) {
      const limits = new Set(during(changes, undefined, first.span).map((limit) => JSON.stringify(limit)))
      for (const [more, last] of claims.slice(i).entries()) {
        for (const limit of during(changes, undefined, last.span)) limits.add(JSON.stringify(limit))
        const [only] = during(changes, undefined, last.span)
        // from a change on the bucket is another one
        if (limits.size > 1 || only === undefined) break
        const elapsed = Math.max(0, last.span.answeredAt - first.span.calledAt)
        const allowed = only.burst + (elapsed * only.limit) / only.perMillis
        findings.expect(
          more + 1 <= allowed + 1e-6,
          () =>
            `queue ${queue.queue}: ${more + 1} jobs of kind ${kind} started in ${elapsed} ms, ${allowed} are allowed`
        )
      }
    }
  }
}

/** I10: limits are never exceeded, as the store sees it. */
export const limits = invariant("I10", "limits are kept", "no limit was set", (digest, findings) => {
  // after a step back of the store's clock, times do not tell how long something took
  const wentBack = digest.history.events.some((event) => event._tag === "ClockMoved" && event.byMillis < 0)
  for (const queue of digest.queues.values()) {
    activeLimit(queue, findings)
    if (!wentBack) rateLimit(queue, findings)
  }
})

/** I11: at most one unsettled job holds a key, and no key is held by a job that has ended. */
export const uniqueKeys = invariant("I11", "unique keys", "no job had a unique key", (digest, findings) => {
  for (const queue of digest.queues.values()) {
    const held = new Map<string, Array<{ readonly job: JobFacts; readonly span: Span }>>()
    for (const job of queue.jobs.values()) {
      const stored = storedAs(job)
      if (stored?.uniqueKey === undefined || isInDoubt(queue, job)) continue
      // those give the key up while they live
      if (guisesOf(job).some((guise) => guise.uniqueWindowMillis !== undefined || guise.uniqueUntil === "started"))
        continue
      for (const { outcome, span } of job.placings) {
        if (outcome?._tag === "Enqueued")
          held.set(stored.uniqueKey, [...(held.get(stored.uniqueKey) ?? []), { job, span }])
      }
    }
    for (const [key, holders] of held) {
      const inOrder = holders.toSorted((a, b) => a.span.from - b.span.from)
      for (const [i, { job, span }] of inOrder.entries()) {
        const next = inOrder[i + 1]
        if (next === undefined || next.job === job) continue
        const mayHaveEnded =
          job.endings.some((ending) => !isBefore(ending.span, span) && !isBefore(next.span, ending.span)) ||
          job.cancels.some(({ outcome }) => outcome === "requested") ||
          guisesOf(job).some(({ expires }) => expires !== undefined)
        findings.expect(
          mayHaveEnded,
          () => `holds the key ${key} together with ${next.job.id}`,
          job.name,
          next.job.name
        )
      }
      const live = inOrder.filter(({ job }) =>
        /^(?:pending|scheduled|active|retry)$/.test(queue.view?.jobs[job.id]?.state ?? "")
      )
      findings.expect(
        new Set(live).size <= 1,
        () => `${live.map(({ job }) => job.id).join(", ")} hold the key ${key} in the end`
      )
    }
    for (const job of queue.jobs.values()) {
      for (const { job: refused, outcome, span } of job.placings) {
        if (outcome?._tag !== "Duplicate") continue
        const owner = queue.jobs.get(outcome.of)
        findings.expect(
          owner !== undefined && owner.placings.length > 0,
          () => `was left out for ${outcome.of}, which never was enqueued`,
          job.name
        )
        const stored = owner === undefined ? undefined : storedAs(owner)
        if (owner === undefined || stored === undefined || stored.uniqueWindowMillis !== undefined) continue
        if (refused.uniqueWindowMillis !== undefined || isInDoubt(queue, owner)) continue
        const ended = owner.endings.findLast((ending) => isBefore(ending.span, span))
        const cameBack =
          ended !== undefined &&
          (owner.redrives.some((redrive) => redrive.outcome === "redriven" && !isBefore(redrive.span, ended.span)) ||
            owner.placings.some((again) => again.outcome?._tag === "Enqueued" && !isBefore(again.span, ended.span)) ||
            owner.replacements.length > 0)
        findings.expect(
          ended === undefined || cameBack,
          () => `was left out for ${outcome.of}, which had ended`,
          job.name
        )
      }
    }
  }
})

/** I14: when retention is over, nothing is left. */
export const bounded = invariant(
  "I14",
  "nothing is left over",
  "nobody waited until retention was over",
  (digest, findings) => {
    for (const [what, left] of Object.entries(digest.history.final.leftovers ?? {})) {
      findings.expect(left === 0, () => `${left} left over: ${what}`)
    }
  }
)

/** I15: once faults are over everything comes to its end, in time. */
export const liveness = invariant("I15", "everything ends", "faults were never said to be over", (digest, findings) => {
  const { events } = digest.history
  if (!events.some(({ _tag }) => _tag === "Healed")) return
  const drained = events.findLast((event) => event._tag === "Drained")
  findings.expect(drained !== undefined, () => "it never drained")
  if (drained?._tag === "Drained") {
    const { afterMillis, open, withinMillis } = drained
    findings.expect(
      open === 0,
      () => `${open} jobs or workflows had not ended ${afterMillis} ms after faults were over`
    )
    findings.expect(
      afterMillis <= withinMillis,
      () => `it took ${afterMillis} ms to drain, and ${withinMillis} are allowed`
    )
  }
  for (const queue of digest.queues.values()) {
    for (const job of queue.jobs.values()) {
      const found = queue.view?.jobs[job.id]
      if (!wasStored(job) || found === undefined) continue
      const hasEnded = found.state === "completed" || found.state === "cancelled" || found.state === "dead"
      findings.expect(hasEnded, () => `is still ${found.state}`, job.name)
    }
  }
})
