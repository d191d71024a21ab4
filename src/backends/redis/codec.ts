import type { DeadReason, Ended, Failure, FailureOutcome, Job, JobState, Member } from "../../domain/Job.ts"
import { maxErrorLength } from "../../domain/Job.ts"
import type {
  ClaimedJob,
  EnqueueOutcome,
  MemberEnding,
  NewJob,
  Settlement,
  SettleOutcome
} from "../../ports/JobStore.ts"

/**
 * The text records of scripts/lib/record.lua, from this side. Replies are taken apart by hand: the scripts are ours,
 * and a schema check per job would cost more than the rest of a claim.
 */

interface Extras {
  readonly headers: Readonly<Record<string, string>>
  readonly tags: ReadonlyArray<string>
}

const noExtras: Extras = { headers: {}, tags: [] }

/** Headers and tags as one line; nothing when there are none, which is the common case. */
const encodeExtras = ({ headers = noExtras.headers, tags = noExtras.tags }: NewJob): string =>
  Object.keys(headers).length === 0 && tags.length === 0 ? "" : JSON.stringify({ headers, tags })

const decodeExtras = (text: string): Extras => (text === "" ? noExtras : JSON.parse(text))

type Instant = NewJob["visible"]

const encodeInstant = (instant: Instant): string =>
  instant === undefined ? "" : "at" in instant ? `@${instant.at}` : `+${instant.inMillis}`

/** Appends the seven values of one job to the arguments of the enqueue script. */
export const pushNewJob = (args: Array<string | number>, job: NewJob): void => {
  const unique = job.uniqueKey ?? ""
  const window = job.uniqueWindowMillis ?? ""
  const before = job.acceptBefore === undefined ? undefined : `b${job.acceptBefore}`
  args.push(
    job.id,
    encodeInstant(job.visible),
    encodeInstant(job.expires),
    job.priority,
    unique,
    before ?? `${job.onDuplicate === "replace" ? "r" : ""}${window}`,
    `,${job.priority},${job.maxAttempts},${job.retainMillis},${job.kind},${heldBy(job)}\n${encodeExtras(job)}\n${job.payload}`
  )
}

/** The last field of a record's first line: a unique key and how long it is held, or a place in a workflow. */
const heldBy = ({ member, uniqueKey, uniqueUntil, uniqueWindowMillis }: NewJob): string => {
  if (member !== undefined) return `m:${encodeMember(member)}`
  if (uniqueKey === undefined) return ""
  return `${uniqueWindowMillis !== undefined ? "w" : uniqueUntil === "started" ? "s" : "e"}:${uniqueKey}`
}

const encodeMember = ({ generation, node, workflow }: Member): string => `${node}.${generation}.${workflow}`

const decodeMember = (text: string): Member => {
  const [node, generation] = text.split(".", 2) as [string, string]
  return {
    workflow: text.slice(node.length + generation.length + 2),
    node: Number(node),
    generation: Number(generation)
  }
}

/** The place in a workflow that a record's last field names, if it does. */
const memberOf = (held: string): { readonly member?: Member } =>
  held.startsWith("m:") ? { member: decodeMember(held.slice(2)) } : {}

/** Outcomes of the jobs from `first` (0-based) on, of which the script named only those left out. */
export const decodeEnqueued = (leftOut: ReadonlyArray<string | number>, first: number, count: number) => {
  const outcomes: Array<EnqueueOutcome> = Array.from({ length: count }, () => enqueued)
  for (let i = 0; i < leftOut.length; i += 3) {
    const index = Number(leftOut[i]) - 1 - first
    if (index < 0 || index >= count) continue
    outcomes[index] = outcomeOf(String(leftOut[i + 1]), String(leftOut[i + 2]))
  }
  return outcomes
}

const outcomeOf = (what: string, holder: string): EnqueueOutcome => {
  if (what === "key") return { _tag: "Duplicate", of: holder }
  if (what === "late") return { _tag: "Late" }
  return what === "replaced" ? { _tag: "Replaced", of: holder } : { _tag: "Existing", identical: what === "same" }
}

const enqueued: EnqueueOutcome = { _tag: "Enqueued" }

export const jsonText = (text: string): string => JSON.stringify(text.slice(0, maxErrorLength))

/** Appends one settlement to the arguments of the exchange script. */
export const pushSettlement = (args: Array<string | number>, settlement: Settlement): void => {
  const { jobId, token } = settlement
  switch (settlement._tag) {
    case "Complete":
      if (settlement.result === undefined) args.push("c", jobId, token)
      else args.push("C", jobId, token, settlement.result)
      return
    case "Retry":
      args.push("r", jobId, token, settlement.delayMillis, jsonText(settlement.error), settlement.failure ?? "")
      return
    case "Bury":
      args.push("b", jobId, token, settlement.reason, jsonText(settlement.error), settlement.failure ?? "")
      return
    case "Cancel":
      args.push("x", jobId, token, jsonText(settlement.reason))
      return
    case "Snooze":
      args.push("s", jobId, token, settlement.delayMillis)
      return
    case "Release":
      args.push("l", jobId, token, settlement.delayMillis)
      return
  }
}

const settleOutcomes: Readonly<Record<string, SettleOutcome>> = {
  k: "settled",
  d: "died",
  x: "cancelled",
  r: "repeated",
  s: "stale",
  g: "gone"
}

export const decodeOutcomes = (letters: string): ReadonlyArray<SettleOutcome> =>
  Array.from(letters, (letter) => settleOutcomes[letter]!)

/** A job record: its first line, its headers and its payload. */
const parseRecord = (record: string) => {
  const extrasAt = record.indexOf("\n") + 1
  const payloadAt = record.indexOf("\n", extrasAt) + 1
  const [, , enqueuedAt, expiresAt, priority, maxAttempts, retainMillis, kind, uniqueKey] = record
    .slice(0, extrasAt - 1)
    .split(",") as [string, string, string, string, string, string, string, string, string]
  return {
    enqueuedAt: Number(enqueuedAt),
    expiresAt,
    priority: Number(priority),
    maxAttempts: Number(maxAttempts),
    retainMillis: Number(retainMillis),
    kind,
    uniqueKey,
    extras: decodeExtras(record.slice(extrasAt, payloadAt - 1)),
    payload: record.slice(payloadAt)
  }
}

/** Claimed jobs of an exchange reply, from the position where they start; ids whose record has vanished are named apart. */
export const decodeClaimed = (reply: ReadonlyArray<string>, from: number, firstToken: number) => {
  const claimed: Array<ClaimedJob> = []
  const vanished: Array<string> = []
  for (let i = from, token = firstToken; i < reply.length; i += 3, token++) {
    const id = reply[i]!
    const progress = reply[i + 1]!
    if (progress === "") {
      vanished.push(id)
      continue
    }
    const { enqueuedAt, extras, kind, maxAttempts, payload, priority, uniqueKey } = parseRecord(reply[i + 2]!)
    // a repeated claim names each token, since jobs it lost in the meantime leave gaps
    const [attempt, rescues, snoozes, named] = progress === "1,0,0" ? firstAttempt : progress.split(",").map(Number)
    claimed.push({
      id,
      token: named ?? token,
      kind,
      payload,
      priority,
      attempt: attempt!,
      maxAttempts,
      rescues: rescues!,
      snoozes: snoozes!,
      enqueuedAt,
      headers: extras.headers,
      tags: extras.tags,
      ...(uniqueKey === "" ? undefined : memberOf(uniqueKey))
    })
  }
  return { claimed, vanished }
}

const firstAttempt = [1, 0, 0]

const parseLedger = (text: string): ReadonlyArray<Failure> =>
  text === ""
    ? []
    : text.split("\n").map((line) => {
        const [attempt, startedAt, endedAt, outcome] = line.split(",", 4) as [string, string, string, FailureOutcome]
        const error = line.slice(attempt.length + startedAt.length + endedAt.length + outcome.length + 4)
        return {
          attempt: Number(attempt),
          startedAt: Number(startedAt),
          endedAt: Number(endedAt),
          outcome,
          error: JSON.parse(error) as string
        }
      })

/** A job as scripts/lib/read.lua answers it. */
export type RawJob = readonly [
  id: string,
  state: JobState,
  score: string,
  record: string,
  run: string,
  ledger: string,
  result: string | null,
  cancelRequested: string | null,
  progress: string | null
]

/** An outcome as lib/moves.lua writes it. */
export const decodeEnded = (outcome: string): Ended => {
  const rest = outcome.slice(1)
  switch (outcome[0]) {
    case "c":
      return { _tag: "Completed" }
    case "C":
      return { _tag: "Completed", result: rest }
    case "d": {
      const [reason, error, ...failure] = rest.split("\n") as [DeadReason, string, ...Array<string>]
      return {
        _tag: "Dead",
        reason,
        error: JSON.parse(error) as string,
        ...(failure.length === 0 ? {} : { failure: failure.join("\n") })
      }
    }
    default:
      return { _tag: "Cancelled", reason: JSON.parse(rest) as string, expired: outcome[0] === "e" }
  }
}

const noEndings: ReadonlyArray<MemberEnding> = []

/** Endings of members as scripts answer them: id and text in turn. */
export const decodeEndings = (flat: ReadonlyArray<string>): ReadonlyArray<MemberEnding> => {
  if (flat.length === 0) return noEndings
  const endings: Array<MemberEnding> = []
  for (let i = 0; i < flat.length; i += 2) {
    const text = flat[i + 1]!
    const memberAt = text.indexOf(",") + 1
    const outcomeAt = text.indexOf("\n", memberAt) + 1
    const outcome = text.slice(outcomeAt)
    endings.push({
      jobId: flat[i]!,
      sequence: Number(text.slice(0, memberAt - 1)),
      member: decodeMember(text.slice(memberAt, outcomeAt - 1)),
      ended: outcome === "R" ? { _tag: "Redriven" } : decodeEnded(outcome)
    })
  }
  return endings
}

/** The same in the other direction, for the graph of a workflow. */
export const encodeEnded = (ended: MemberEnding["ended"]): string => {
  switch (ended._tag) {
    case "Completed":
      return ended.result === undefined ? "c" : `C${ended.result}`
    case "Dead":
      return `d${ended.reason}\n${JSON.stringify(ended.error)}${ended.failure === undefined ? "" : `\n${ended.failure}`}`
    case "Cancelled":
      return `${ended.expired ? "e" : "x"}${JSON.stringify(ended.reason)}`
    case "Redriven":
      return "R"
  }
}

export const decodeJob = (
  queue: string,
  [id, state, score, record, run, ledger, result, cancelRequested, progress]: RawJob
): Job => {
  const given = parseRecord(record)
  const [holder, , attempt, rescues, snoozes, startedAt, finishedAt, reason, worker] = run.split(",")
  const optional = <K extends string, V>(key: K, value: V, when: boolean) =>
    when ? ({ [key]: value } as Record<K, V>) : {}
  return {
    id,
    queue,
    kind: given.kind,
    state,
    priority: given.priority,
    attempt: Number(attempt ?? 0),
    maxAttempts: given.maxAttempts,
    rescues: Number(rescues ?? 0),
    snoozes: Number(snoozes ?? 0),
    payload: given.payload,
    headers: given.extras.headers,
    tags: given.extras.tags,
    enqueuedAt: given.enqueuedAt,
    ...optional("visibleAt", Number(score), state === "scheduled" || state === "retry"),
    ...optional("startedAt", Number(startedAt), startedAt !== undefined && startedAt !== ""),
    ...optional("finishedAt", Number(finishedAt), finishedAt !== undefined && finishedAt !== ""),
    ...optional("leaseExpiresAt", Number(score), state === "active"),
    ...optional("worker", worker!, state === "active"),
    ...optional("token", Number(holder!.slice(1)), state === "active"),
    ...optional("expiresAt", Number(given.expiresAt), given.expiresAt !== ""),
    ...optional(
      "cancelRequested",
      cancelRequested === null ? "" : String(JSON.parse(cancelRequested)),
      cancelRequested !== null
    ),
    ...optional("progress", progress!, progress !== null),
    ...optional("result", result!, result !== null && state === "completed"),
    ...optional("failure", result!, result !== null && state === "dead"),
    ...optional("deadReason", reason as DeadReason, state === "dead"),
    ...optional("uniqueKey", given.uniqueKey.slice(2), given.uniqueKey !== "" && !given.uniqueKey.startsWith("m:")),
    ...memberOf(given.uniqueKey),
    retainMillis: given.retainMillis,
    failures: parseLedger(ledger)
  }
}
