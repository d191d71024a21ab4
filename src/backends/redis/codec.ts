import * as Result from "effect/Result"
import { boundedText } from "../../domain/bounded-text.ts"
import type { Ended, EpochMillis, Failure, Job, JobState, Member } from "../../domain/Job.ts"
import { DeadReason, FailureOutcome, maxFailures } from "../../domain/Job.ts"
import type { EnqueueOutcome, MemberEnding, NewJob } from "../../ports/JobStore.ts"

/**
 * The text records of scripts/lib/record.lua, from this side. Replies are taken apart by hand: a schema check per job
 * would cost more than the rest of a claim. What somebody else has written into Redis is told from what the scripts
 * write, never thrown at whoever reads, and costs nobody but its own job.
 */

interface Extras {
  readonly headers: Readonly<Record<string, string>>
  readonly tags: ReadonlyArray<string>
}

export const noExtras: Extras = { headers: {}, tags: [] }

/** Headers and tags as one line; nothing when there are none, which is the common case. */
const encodeExtras = ({ headers = noExtras.headers, tags = noExtras.tags }: NewJob): string =>
  Object.keys(headers).length === 0 && tags.length === 0 ? "" : JSON.stringify({ headers, tags })

/** JSON of anybody's making; nothing when it is none. */
const parseJson = (text: string): unknown => Result.getOrUndefined(Result.try((): unknown => JSON.parse(text)))

/** A text that is kept as a JSON string. One that somebody else wrote is shown as it is. */
export const parseText = (json: string): string => {
  const text = parseJson(json)
  return typeof text === "string" ? text : boundedText(json)
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const isText = (value: unknown): value is string => typeof value === "string"

/** When a job is due, if not from its enqueue on, and its headers and tags. */
interface Second {
  readonly due: Instant
  readonly extras: Extras
}

/** Beyond these no instant has a date. */
const maxMillis = 8.64e15

/** The second line of a record; nothing when it is not of our making. */
const parseSecond = (line: string): Second | undefined => {
  const [, how, text, rest = ""] = /^([+@])?([^{]*)(.*)$/s.exec(line) ?? []
  const extras = decodeExtras(rest)
  const millis = Number(text)
  if (extras === undefined || !(Math.abs(millis) <= maxMillis) || (how === undefined) !== (text === ""))
    return undefined
  return { extras, due: how === undefined ? undefined : how === "+" ? { inMillis: millis } : { at: millis } }
}

export const dueAtOf = (due: Instant, enqueuedAt: EpochMillis): EpochMillis => {
  if (due === undefined) return enqueuedAt
  return "at" in due ? Math.max(enqueuedAt, due.at) : enqueuedAt + due.inMillis
}

/** Headers and tags; nothing when they are not of our making. */
const decodeExtras = (text: string): Extras | undefined => {
  if (text === "") return noExtras
  const extras = parseJson(text)
  if (!isRecord(extras)) return undefined
  const { headers, tags } = extras
  if (!isRecord(headers) || !Object.values(headers).every(isText)) return undefined
  if (!Array.isArray(tags) || !tags.every(isText)) return undefined
  return { headers: headers as Extras["headers"], tags }
}

type Instant = NewJob["visible"]

const encodeInstant = (instant: Instant): string =>
  instant === undefined ? "" : "at" in instant ? `@${instant.at}` : `+${instant.inMillis}`

/** What one job is to the enqueue script besides its id and its payload: under which conditions it comes, and its record. */
export const encodeNewJob = (job: NewJob): string =>
  `${encodeOptions(job)},${job.priority},${job.maxAttempts},${job.retainMillis},${job.kind},${heldBy(job)}\n${encodeInstant(job.visible)}${encodeExtras(job)}\n`

/** Nothing when there are none, which is the common case. */
const encodeOptions = (job: NewJob): string => {
  const { acceptBefore, expires, member, onDuplicate, uniqueKey = "", uniqueWindowMillis = "", visible } = job
  const how =
    acceptBefore === undefined && member === undefined
      ? `${onDuplicate === "replace" ? "r" : ""}${uniqueWindowMillis}`
      : `b${acceptBefore ?? ""}`
  return visible === undefined && expires === undefined && uniqueKey === "" && how === ""
    ? ""
    : `?${encodeInstant(visible)},${encodeInstant(expires)},${how},${uniqueKey}\n`
}

/** The last field of a record's first line: a unique key and how long it is held, or a place in a workflow. */
const heldBy = ({ member, uniqueKey, uniqueUntil, uniqueWindowMillis }: NewJob): string => {
  if (member !== undefined) return `m:${encodeMember(member)}`
  if (uniqueKey === undefined) return ""
  return `${uniqueWindowMillis !== undefined ? "w" : uniqueUntil === "started" ? "s" : "e"}:${uniqueKey}`
}

const encodeMember = ({ generation, node, workflow }: Member): string => `${node}.${generation}.${workflow}`

const memberPattern = /^(\d{1,10})\.(\d{1,16})\.([A-Za-z0-9._:@/+=-]{1,96})$/

/** Nothing when it is not of our making. */
const decodeMember = (text: string): Member | undefined => {
  const [, node, generation, workflow] = memberPattern.exec(text) ?? []
  return workflow === undefined ? undefined : { workflow, node: Number(node), generation: Number(generation) }
}

/** The place in a workflow that a record's last field names, if it does. */
export const memberOf = (held: string): { readonly member?: Member } => {
  const member = held.startsWith("m:") ? decodeMember(held.slice(2)) : undefined
  return member === undefined ? {} : { member }
}

/** Outcomes of the jobs from `first` (0-based) on, of which the script named only those left out. */
export const decodeEnqueued = (leftOut: ReadonlyArray<string | number>, first: number, count: number) => {
  const outcomes: Array<EnqueueOutcome> = []
  for (let i = 0; i < count; i++) outcomes.push(enqueued)
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

export const jsonText = (text: string): string => JSON.stringify(boundedText(text))

/** What a record says of its job beside its place, when it was enqueued, and its payload. */
export interface Header {
  readonly expiresAt: string
  readonly priority: number
  readonly maxAttempts: number
  readonly retainMillis: number
  readonly kind: string
  readonly uniqueKey: string
  readonly due: Instant
  readonly extras: Extras
}

/** The rest of a record's first line after three fields, and its second. Nothing when it is not of our making. */
const parseHeader = (line: string, secondLine: string): Header | undefined => {
  const fields = line.split(",")
  if (fields.length !== 6) return undefined
  const [expiresAt = "", priorityText, maxAttemptsText, retainText, kind = "", uniqueKey = ""] = fields
  const [priority, maxAttempts, retainMillis] = [Number(priorityText), Number(maxAttemptsText), Number(retainText)]
  const areNumbers =
    Number.isSafeInteger(priority) && Number.isSafeInteger(maxAttempts) && Number.isSafeInteger(retainMillis)
  const second = parseSecond(secondLine)
  return areNumbers && second !== undefined
    ? { expiresAt, priority, maxAttempts, retainMillis, kind, uniqueKey, due: second.due, extras: second.extras }
    : undefined
}

/**
 * Reads job records: a first line, a line of when it is due and of headers, and the payload. Records that follow each
 * other mostly have their header in common, which is then read once.
 */
export class RecordReader {
  #known = ""
  #header: Header | undefined

  /** Nothing when it is not of our making. */
  read(
    record: string
  ): { readonly header: Header; readonly enqueuedAt: EpochMillis; readonly payload: string } | undefined {
    const placeAt = record.indexOf(",") + 1
    const enqueuedAtAt = record.indexOf(",", placeAt) + 1
    const headerAt = record.indexOf(",", enqueuedAtAt) + 1
    const extrasAt = record.indexOf("\n") + 1
    if (placeAt === 0 || enqueuedAtAt === 0 || headerAt === 0 || extrasAt <= headerAt) return undefined
    const enqueuedAt = Number(record.slice(enqueuedAtAt, headerAt - 1))
    if (!Number.isSafeInteger(enqueuedAt)) return undefined
    if (this.#header !== undefined && record.startsWith(this.#known, headerAt)) {
      return { header: this.#header, enqueuedAt, payload: record.slice(headerAt + this.#known.length) }
    }
    const payloadAt = record.indexOf("\n", extrasAt) + 1
    if (payloadAt === 0) return undefined
    const header = parseHeader(record.slice(headerAt, extrasAt - 1), record.slice(extrasAt, payloadAt - 1))
    if (header === undefined) return undefined
    // headers are objects, of which every job has its own
    if (header.extras === noExtras) {
      this.#known = record.slice(headerAt, payloadAt)
      this.#header = header
    }
    return { header, enqueuedAt, payload: record.slice(payloadAt) }
  }
}

const failureOutcomes: ReadonlySet<string> = new Set(FailureOutcome.literals)

const ledgerLine = /^(\d{1,16}),(\d{1,16}),(\d{1,16}),([a-z]+),(.*)$/s

/** A line that is not of our making is shown as one, so that it is not overlooked. */
const parseFailure = (line: string): Failure => {
  const [, attempt, startedAt, endedAt, outcome = "", error = ""] = ledgerLine.exec(line) ?? []
  return failureOutcomes.has(outcome)
    ? {
        attempt: Number(attempt),
        startedAt: Number(startedAt),
        endedAt: Number(endedAt),
        outcome: outcome as FailureOutcome,
        error: parseText(error)
      }
    : { attempt: 0, startedAt: 0, endedAt: 0, outcome: "crashed", error: boundedText(`unreadable line: ${line}`) }
}

const parseLedger = (text: string): ReadonlyArray<Failure> =>
  text === "" ? [] : text.split("\n").slice(-maxFailures).map(parseFailure)

const wholeOf = (text: string | undefined): number => {
  const number = Number(text)
  return Number.isSafeInteger(number) ? number : 0
}

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

const deadReasons: ReadonlySet<string> = new Set(DeadReason.literals)

/** An outcome as lib/moves.lua writes it; nothing when it is not of our making. */
export const decodeEnded = (outcome: string): Ended | undefined => {
  const rest = outcome.slice(1)
  switch (outcome[0]) {
    case "c":
      return { _tag: "Completed" }
    case "C":
      return { _tag: "Completed", result: rest }
    case "d": {
      const [reason = "", error = "", ...failure] = rest.split("\n")
      return deadReasons.has(reason)
        ? {
            _tag: "Dead",
            reason: reason as DeadReason,
            error: parseText(error),
            ...(failure.length === 0 ? {} : { failure: failure.join("\n") })
          }
        : undefined
    }
    case "x":
    case "e":
      return { _tag: "Cancelled", reason: parseText(rest), expired: outcome[0] === "e" }
    default:
      return undefined
  }
}

const noEndings: DecodedEndings = { endings: [], unreadable: [] }

interface DecodedEndings {
  readonly endings: ReadonlyArray<MemberEnding>
  /** Of jobs whose ending cannot be read; the sequence as it stands, so that it can be forgotten. */
  readonly unreadable: ReadonlyArray<{ readonly jobId: string; readonly sequence: string }>
}

const decodeEnding = (jobId: string, text: string): MemberEnding | undefined => {
  const memberAt = text.indexOf(",") + 1
  const outcomeAt = text.indexOf("\n", memberAt) + 1
  if (memberAt === 0 || outcomeAt === 0) return undefined
  const outcome = text.slice(outcomeAt)
  const sequence = Number(text.slice(0, memberAt - 1))
  const member = decodeMember(text.slice(memberAt, outcomeAt - 1))
  const ended = outcome === "R" ? { _tag: "Redriven" as const } : decodeEnded(outcome)
  return member === undefined || ended === undefined || !Number.isSafeInteger(sequence)
    ? undefined
    : { jobId, sequence, member, ended }
}

/** Endings of members as scripts answer them: id and text in turn. */
export const decodeEndings = (flat: ReadonlyArray<string>): DecodedEndings => {
  if (flat.length === 0) return noEndings
  const endings: Array<MemberEnding> = []
  const unreadable: Array<{ readonly jobId: string; readonly sequence: string }> = []
  for (let i = 0; i + 1 < flat.length; i += 2) {
    const [jobId, text] = [flat[i]!, flat[i + 1]!]
    const ending = decodeEnding(jobId, text)
    if (ending === undefined) unreadable.push({ jobId, sequence: text.slice(0, text.indexOf(",")) })
    else endings.push(ending)
  }
  return { endings, unreadable }
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

/** Nothing when its record is not of our making. */
export const decodeJob = (
  queue: string,
  [id, state, score, record, run, ledger, result, cancelRequested, progress]: RawJob
): Job | undefined => {
  const read = new RecordReader().read(record)
  if (read === undefined) return undefined
  const { enqueuedAt, header: given, payload } = read
  const [holder, , attempt, rescues, snoozes, startedAt, finishedAt, reason, worker] = run.split(",")
  const optional = <K extends string, V>(key: K, value: V, when: boolean) =>
    when ? ({ [key]: value } as Record<K, V>) : {}
  return {
    id,
    queue,
    kind: given.kind,
    state,
    priority: given.priority,
    attempt: wholeOf(attempt),
    maxAttempts: given.maxAttempts,
    rescues: wholeOf(rescues),
    snoozes: wholeOf(snoozes),
    payload,
    headers: given.extras.headers,
    tags: given.extras.tags,
    enqueuedAt,
    dueAt: dueAtOf(given.due, enqueuedAt),
    ...optional("visibleAt", Number(score), state === "scheduled" || state === "retry"),
    ...optional("startedAt", Number(startedAt), startedAt !== undefined && startedAt !== ""),
    ...optional("finishedAt", Number(finishedAt), finishedAt !== undefined && finishedAt !== ""),
    ...optional("leaseExpiresAt", Number(score), state === "active"),
    ...optional("worker", worker!, state === "active"),
    ...optional("token", wholeOf(holder!.slice(1)), state === "active"),
    ...optional("expiresAt", Number(given.expiresAt), given.expiresAt !== ""),
    ...optional("cancelRequested", parseText(cancelRequested ?? ""), cancelRequested !== null),
    ...optional("progress", progress!, progress !== null),
    ...optional("result", result!, result !== null && state === "completed"),
    ...optional("failure", result!, result !== null && state === "dead"),
    ...optional("deadReason", reason as DeadReason, state === "dead" && deadReasons.has(reason ?? "")),
    ...optional("uniqueKey", given.uniqueKey.slice(2), given.uniqueKey !== "" && !given.uniqueKey.startsWith("m:")),
    ...memberOf(given.uniqueKey),
    retainMillis: given.retainMillis,
    failures: parseLedger(ledger)
  }
}
