import {
  type Claim,
  type Digest,
  type Ending,
  guisesOf,
  isBefore,
  isInDoubt,
  type JobFacts,
  mayHaveRescued,
  mayLieBetween,
  type QueueFacts,
  type Span,
  wasStored
} from "../Digest.ts"
import { type Findings, invariant } from "../Finding.ts"

const each = (digest: Digest, look: (job: JobFacts, queue: QueueFacts) => void): void => {
  for (const queue of digest.queues.values()) for (const job of queue.jobs.values()) look(job, queue)
}

const mayHaveExpired = (job: JobFacts): boolean => guisesOf(job).some(({ expires }) => expires !== undefined)

const wasAskedToStop = ({ cancels }: JobFacts): boolean =>
  cancels.some(({ outcome }) => outcome === "requested" || outcome === undefined)

/** Whether it may have ended though no reply tells so. */
const mayHaveEnded = (queue: QueueFacts, job: JobFacts): boolean =>
  mayHaveExpired(job) || wasAskedToStop(job) || isInDoubt(queue, job)

/** Whether some call may have removed ended records. */
const mayBePruned = ({ calls }: QueueFacts): boolean =>
  calls.some(({ op, reply }) => (op === "prune" || op === "purge") && (reply === undefined || (reply as number) > 0))

const name = (queue: string, id: string) => `${queue}/${id}`

/** I1: every accepted job is stored, or has ended and its record was removed by rule. */
export const noLoss = invariant("I1", "no loss", "no job was accepted", (digest, findings) => {
  each(digest, (job, queue) => {
    if (!wasStored(job)) return
    if (queue.view === undefined || queue.view.jobs[job.id] !== undefined) {
      return findings.expect(queue.view !== undefined, () => `queue ${job.queue} was not read in the end`, job.name)
    }
    const hasEnded = job.endings.length > 0 || mayHaveEnded(queue, job)
    findings.expect(hasEnded, () => "was accepted, has not ended, and is not stored any more", job.name)
    const keepsNothing = guisesOf(job).some(({ retainMillis }) => retainMillis === 0)
    const mayBeGone = keepsNothing || mayBePruned(queue)
    if (hasEnded) findings.expect(mayBeGone, () => "its record is gone though nothing removed it", job.name)
  })
  for (const event of digest.history.events) {
    if (event._tag !== "Accepted" || event.outcome === "Duplicate" || event.outcome === "Replaced") continue
    const job = digest.queues.get(event.queue)?.jobs.get(event.jobId)
    const queue = digest.queues.get(event.queue)
    const isKnown = job !== undefined && queue !== undefined && (wasStored(job) || isInDoubt(queue, job))
    findings.expect(
      isKnown,
      () => "a producer was told that it is stored, and it never was",
      name(event.queue, event.jobId)
    )
  }
})

/** I2: whatever completed did so in a handler that had started and succeeded, and no attempt was one too many. */
export const atLeastOnce = invariant("I2", "at least once", "no handler was recorded", (digest, findings) => {
  if (!digest.hasRuns) return
  each(digest, (job, queue) => {
    const completions = job.endings.filter(({ state }) => state === "completed")
    for (const { settlement } of completions) {
      const ran = job.runs.some(({ outcome, token }) => token === settlement?.token && outcome === "succeeded")
      findings.expect(
        ran,
        () => `was completed by attempt ${settlement?.token}, whose handler had not succeeded`,
        job.name
      )
    }
    const allowed = Math.max(...guisesOf(job).map(({ maxAttempts }) => maxAttempts))
    for (const { attempt } of job.claims) {
      findings.expect(
        attempt <= allowed || job.placings.length === 0,
        () => `was handed out for attempt ${attempt} of ${allowed}`,
        job.name
      )
    }
    const found = queue.view?.jobs[job.id]
    if (!wasStored(job) || found === undefined) return
    if (found.state === "completed") {
      const isExplained = completions.length > 0 || isInDoubt(queue, job)
      findings.expect(isExplained, () => "is completed, and no attempt completed it", job.name)
    } else if (found.state === "dead" && (found.deadReason === "exhausted" || found.deadReason === "skipped")) {
      findings.expect(job.runs.length > 0, () => `is dead, ${found.deadReason}, and no handler ever started`, job.name)
    }
  })
})

/** I3: a job is in the list of its state, and in no other. */
export const onePlace = invariant("I3", "one place", "no queue was read in the end", (digest, findings) => {
  for (const { view } of digest.queues.values()) {
    if (view === undefined) continue
    const seen = new Map<string, string>()
    for (const [state, jobs] of Object.entries(view.lists)) {
      const depth = view.depths[state as keyof typeof view.depths]
      findings.expect(
        depth === jobs.length,
        () => `queue ${view.queue}: ${depth} jobs count as ${state}, ${jobs.length} are listed`
      )
      for (const job of jobs) {
        const other = seen.get(job.id)
        findings.expect(other === undefined, () => `is listed as ${other} and as ${state}`, name(view.queue, job.id))
        findings.expect(job.state === state, () => `is ${job.state}, and listed as ${state}`, name(view.queue, job.id))
        seen.set(job.id, state)
      }
    }
    for (const job of Object.values(view.jobs)) {
      const listed = seen.get(job.id)
      findings.expect(
        listed === job.state,
        () => `is ${job.state}, and listed as ${listed ?? "nothing"}`,
        name(view.queue, job.id)
      )
    }
    for (const [id, indexes] of Object.entries(view.indexes ?? {})) {
      findings.expect(
        indexes.length === 1,
        () => `is in ${indexes.length} indexes: ${indexes.join(", ")}`,
        name(view.queue, id)
      )
    }
  }
})

const overlaps = (span: Span, one: Span, other: Span) => mayLieBetween(one, span, other)

/** I4: one final state per generation. */
export const oneFinalState = invariant("I4", "one final state", "no job ended", (digest, findings) => {
  each(digest, (job, queue) => {
    const endings = job.endings.toSorted((a, b) => a.span.from - b.span.from)
    const isRedriven = (one: Ending, other: Ending) =>
      one.state === "dead" &&
      job.redrives.some(
        ({ outcome, span }) => (outcome === "redriven" || outcome === undefined) && overlaps(span, one.span, other.span)
      )
    const isStoredAnew = (one: Ending, other: Ending) =>
      job.placings.some(
        ({ outcome, span }) =>
          (outcome === undefined || outcome._tag === "Enqueued") && overlaps(span, one.span, other.span)
      )
    for (const [i, ending] of endings.entries()) {
      const next = endings[i + 1]
      if (next === undefined) break
      findings.expect(
        isRedriven(ending, next) || isStoredAnew(ending, next),
        () => `ended twice: ${ending.state} by ${ending.by}, then ${next.state} by ${next.by}`,
        job.name
      )
    }
    const last = endings.at(-1)
    const found = queue.view?.jobs[job.id]
    if (last === undefined || found === undefined) return
    const end = { span: { from: Infinity, until: Infinity, calledAt: 0, answeredAt: 0 }, state: last.state, by: "" }
    const goesOn = isRedriven(last, end) || isStoredAnew(last, end) || isInDoubt(queue, job)
    findings.expect(goesOn || found.state === last.state, () => `became ${last.state}, and is ${found.state}`, job.name)
  })
})

/** What a settlement with a token that is not current any more may be answered. */
const refusals = new Set<string | undefined>(["stale", "gone", undefined])

/** I5: an attempt whose job was taken over changes nothing. */
export const staleHasNoEffect = invariant(
  "I5",
  "a stale holder has no effect",
  "no attempt wrote anything",
  (digest, findings) => {
    each(digest, (job, queue) => {
      const isTakenBefore = (token: number, span: Span) => {
        const mine = job.claims.find((claim) => claim.token === token)
        return (
          job.claims.some((claim) => claim.token > token && isBefore(claim.span, span)) ||
          (mine !== undefined &&
            job.rescues.some((rescue) => isBefore(mine.span, rescue.span) && isBefore(rescue.span, span)))
        )
      }
      for (const { outcome, settlement, span } of job.settlings) {
        if (!isTakenBefore(settlement.token, span)) continue
        findings.expect(
          refusals.has(outcome),
          () => `${settlement._tag} of attempt ${settlement.token}, which had been taken over, was answered ${outcome}`,
          job.name
        )
      }
      for (const { span, status, token } of job.extensions) {
        if (!isTakenBefore(token, span)) continue
        findings.expect(
          status === "lost" || status === undefined,
          () => `the lease of attempt ${token}, which had been taken over, was extended`,
          job.name
        )
      }
      for (const { held, span, token } of job.notes) {
        if (isTakenBefore(token, span))
          findings.expect(held !== true, () => `attempt ${token}, which had been taken over, wrote notes`, job.name)
      }
      const found = queue.view?.jobs[job.id]
      if (found === undefined || isInDoubt(queue, job)) return
      if (found.state === "completed") {
        const completion = job.endings.findLast(({ state }) => state === "completed")?.settlement
        const result = completion?._tag === "Complete" ? completion.result : undefined
        findings.expect(
          found.result === result,
          () => `its result ${found.result} is not that of the attempt that completed it, ${result}`,
          job.name
        )
      }
      if (found.progress !== undefined) {
        const wrote = job.notes.some(({ held, progress }) => held !== false && progress === found.progress)
        findings.expect(wrote, () => `its progress ${found.progress} is of no attempt that held it`, job.name)
      }
    })
  }
)

/** Whether something ended the first claim's hold before the second. */
const isGivenUp = (queue: QueueFacts, job: JobFacts, first: Claim, second: Claim, spent: Set<unknown>): boolean => {
  const settled = job.settlings.find(
    ({ outcome, settlement, span }) =>
      settlement.token === first.token &&
      (outcome === undefined || outcome === "settled" || outcome === "died" || outcome === "cancelled") &&
      !isBefore(second.span, span)
  )
  if (settled !== undefined) return true
  const rescue = job.rescues.find((one) => !spent.has(one) && mayLieBetween(first.span, one.span, second.span))
  if (rescue !== undefined) {
    spent.add(rescue)
    return true
  }
  const isNew = job.placings.some(
    ({ outcome, span }) =>
      (outcome === undefined || outcome._tag === "Enqueued") && mayLieBetween(first.span, span, second.span)
  )
  return isNew || mayHaveRescued(queue, second.span.until)
}

/** When a claim's lease ended: as long after it, or after its last extension, as it was asked for. */
const expiryOf = (job: JobFacts, claim: Claim, before: Span): number => {
  const held = job.extensions.filter(
    ({ span, status, token }) =>
      token === claim.token && (status === "held" || status === "cancel") && isBefore(span, before)
  )
  const last = held.reduce((latest, { span }) => Math.max(latest, span.until), claim.span.until)
  // of those that may have been the last
  const ends = held.filter(({ span }) => span.until >= last || span.until > held.at(-1)!.span.from)
  return ends.length === 0
    ? claim.span.calledAt + claim.leaseMillis
    : Math.min(...ends.map(({ leaseMillis, span }) => span.calledAt + leaseMillis))
}

/** I6: tokens grow; a job has one holder, until it gives it up or its lease is over. */
export const fencesGrow = invariant(
  "I6",
  "fences grow, and holders do not overlap",
  "nothing was claimed",
  (digest, findings) => {
    each(digest, (job, queue) => {
      const spent = new Set<unknown>()
      for (const [i, second] of job.claims.entries()) {
        const first = job.claims[i - 1]
        if (first === undefined) {
          const isPlaced = job.placings.some(({ span }) => !isBefore(second.span, span))
          findings.expect(isPlaced, () => "was handed out, and never enqueued", job.name)
          continue
        }
        findings.expect(
          !isBefore(second.span, first.span),
          () => `was handed out as ${second.token} before the smaller ${first.token}`,
          job.name
        )
        findings.expect(
          isGivenUp(queue, job, first, second, spent),
          () => `was handed out as ${second.token} to ${second.worker} while ${first.worker} held it as ${first.token}`,
          job.name
        )
      }
      for (const { buried, span } of job.rescues) {
        const held = job.claims.findLast((claim) => isBefore(claim.span, span))
        if (held === undefined) continue
        const expiry = expiryOf(job, held, span)
        findings.expect(
          span.answeredAt >= expiry,
          () =>
            `was ${buried ? "buried" : "taken back"} at ${span.answeredAt}, before the lease of ${held.token} ended at ${expiry}`,
          job.name
        )
      }
      const runs = job.runs.toSorted((a, b) => a.from - b.from)
      for (const [i, run] of runs.entries()) {
        const claim = job.claims.find(({ token }) => token === run.token)
        findings.expect(
          claim !== undefined,
          () => `${run.process} ran it as ${run.token}, which was never handed out`,
          job.name
        )
        for (const later of runs.slice(i + 1)) {
          if (later.from > run.until) continue
          const taken = job.rescues.some(({ span }) => span.from < later.from) || mayHaveRescued(queue, later.from)
          const isNew = job.placings.filter(({ outcome }) => outcome?._tag === "Enqueued").length > 1
          findings.expect(
            taken || isNew,
            () => `ran as ${run.token} and as ${later.token} at once, and no lease had expired`,
            job.name
          )
        }
      }
    })
  }
)

const isEffective = new Set<string | undefined>(["settled", "died", "cancelled"])

const repeatedClaims = (queue: QueueFacts, findings: Findings): void => {
  const first = new Map<string, ReadonlySet<string>>()
  const left = queue.calls.filter(({ op }) => op === "removeWorker")
  for (const { args, from, reply } of queue.exchanges) {
    const [{ claim, worker }] = args
    if (claim === undefined || reply === undefined) continue
    const key = `${worker} ${claim.number}`
    // a worker that has left is forgotten with its claims
    if (left.some((call) => call.args[1] === worker && call.from < from)) continue
    const handed = new Set(reply.claimed.map(({ id, token }) => `${id} ${token}`))
    const before = first.get(key)
    if (before === undefined) first.set(key, handed)
    else {
      const added = [...handed].filter((one) => !before.has(one))
      // an answer that came first may be of the call that was carried out last
      const isSubset = added.length === 0 || [...before].every((one) => handed.has(one))
      findings.expect(
        isSubset,
        () => `claim ${claim.number} of ${worker}, asked again, handed out ${added.join(", ")} as well`
      )
    }
  }
}

/** I7: a call that is made again does no more than once. */
export const repeatIsOnce = invariant("I7", "repeating is once", "no call was made", (digest, findings) => {
  for (const queue of digest.queues.values()) {
    repeatedClaims(queue, findings)
    for (const job of queue.jobs.values()) {
      const effects = new Map<number, number>()
      for (const { outcome, settlement } of job.settlings) {
        if (isEffective.has(outcome)) effects.set(settlement.token, (effects.get(settlement.token) ?? 0) + 1)
      }
      for (const [token, count] of effects) {
        findings.expect(count === 1, () => `attempt ${token} was settled ${count} times`, job.name)
      }
      const starts = new Map<number, number>()
      for (const { token } of job.runs) starts.set(token, (starts.get(token) ?? 0) + 1)
      for (const [token, count] of starts) {
        findings.expect(count === 1, () => `attempt ${token} was started ${count} times`, job.name)
      }
      const stored = job.placings.filter(({ outcome }) => outcome?._tag === "Enqueued")
      for (const [i, again] of stored.entries()) {
        const before = stored[i - 1]
        if (before === undefined) continue
        const isFree =
          job.endings.some(({ span }) => mayLieBetween(before.span, span, again.span)) || mayHaveEnded(queue, job)
        const isRemoved = guisesOf(job).some(({ retainMillis }) => retainMillis === 0) || mayBePruned(queue)
        findings.expect(isFree && isRemoved, () => "was stored a second time while its record was there", job.name)
        findings.expect(
          again.job.member === undefined,
          () => "a member of a workflow was stored a second time",
          job.name
        )
      }
      const redriven = job.redrives.filter(({ outcome }) => outcome === "redriven").length
      const deaths = job.endings.filter(({ state }) => state === "dead").length
      if (redriven > 0)
        findings.expect(
          redriven <= deaths || isInDoubt(queue, job),
          () => `was redriven ${redriven} times, and died ${deaths} times`,
          job.name
        )
    }
  }
})
