import type { EpochMillis, JobId, Member, Token } from "../../domain/Job.ts"
import { untrackedArray } from "../../domain/untracked-array.ts"
import type {
  ClaimedJob,
  ExchangeReply,
  ExchangeRequest,
  NewJob,
  Settlement,
  SettleOutcome
} from "../../ports/JobStore.ts"
import { decodeEndings, dueAtOf, type Header, jsonText, memberOf, noExtras, RecordReader } from "./codec.ts"

/** How an exchange is asked and answered. Its reply is bytes, since the records in it are cut by their lengths. */

/** The arguments of the exchange script after `now`. */
export const encodeExchange = (
  { claim, settlements, worker }: ExchangeRequest,
  notices: string
): ReadonlyArray<string | number> => {
  const args = untrackedArray<string | number>()
  if (claim === undefined) args.push(notices, worker, "", 0, 0)
  else args.push(notices, worker, claim.number, claim.limit, claim.leaseMillis)
  pushSettlements(args, settlements)
  return args
}

/**
 * Settlements as the exchange script takes them. Completions without a result that come first, usually all there are,
 * travel as two lists: ids, and how the runs begin of those that take no more than deleting.
 */
const pushSettlements = (args: Array<string | number>, settlements: ReadonlyArray<Settlement>): void => {
  let plain = 0
  while (plain < settlements.length && isPlain(settlements[plain]!)) plain++
  args.push(plain)
  for (let i = 0; i < plain; i++) args.push(settlements[i]!.jobId)
  for (let i = 0; i < plain; i++) args.push(`a${settlements[i]!.token},0`)
  for (let i = plain; i < settlements.length; i++) pushSettlement(args, settlements[i]!)
}

const isPlain = (settlement: Settlement): boolean => settlement._tag === "Complete" && settlement.result === undefined

const pushSettlement = (args: Array<string | number>, settlement: Settlement): void => {
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

export const decodeOutcomes = (letters: string): ReadonlyArray<SettleOutcome> => {
  const outcomes = untrackedArray<SettleOutcome>()
  for (let i = 0; i < letters.length; i++) outcomes.push(letters[i] === "k" ? "settled" : settleOutcomes[letters[i]!]!)
  return outcomes
}

const none: ReadonlyArray<never> = []

/** Which attempt it is, and how often the job was rescued and snoozed. */
type Progress = readonly [attempt: number, rescues: number, snoozes: number, token?: Token]

const firstAttempt: Progress = [1, 0, 0]

/** A class, which V8 never takes for what lives long (decision 16). */
class DecodedJob implements ClaimedJob {
  readonly id: JobId
  readonly token: Token
  readonly kind: string
  readonly payload: string
  readonly priority: number
  readonly attempt: number
  readonly maxAttempts: number
  readonly rescues: number
  readonly snoozes: number
  readonly enqueuedAt: EpochMillis
  readonly dueAt: EpochMillis
  readonly headers: Readonly<Record<string, string>>
  readonly tags: ReadonlyArray<string>
  declare readonly member?: Member

  constructor(
    id: JobId,
    token: Token,
    header: Header,
    enqueuedAt: EpochMillis,
    payload: string,
    [attempt, rescues, snoozes]: Progress
  ) {
    this.id = id
    this.token = token
    this.kind = header.kind
    this.payload = payload
    this.priority = header.priority
    this.attempt = attempt
    this.maxAttempts = header.maxAttempts
    this.rescues = rescues
    this.snoozes = snoozes
    this.enqueuedAt = enqueuedAt
    this.dueAt = dueAtOf(header.due, enqueuedAt)
    this.headers = header.extras.headers
    this.tags = header.extras.tags
    const member = header.uniqueKey === "" ? undefined : memberOf(header.uniqueKey)?.member
    if (member !== undefined) this.member = member
  }
}

/** A part of a text, by its place in bytes. */
type Cut = (from: number, to: number) => string

/** A part of a string keeps all of it in memory. */
const wholeBytes = 65_536

/** What is not long becomes a string at once, if its characters are where its bytes were: that is quicker than many parts. */
export const cutting = (bytes: Buffer): Cut => {
  const whole = bytes.length <= wholeBytes ? bytes.toString() : undefined
  return whole?.length === bytes.length
    ? (from, to) => whole.slice(from, to)
    : (from, to) => bytes.toString("utf8", from, to)
}

/** What an exchange handed out. */
interface HandedOut {
  /** Of ids, in bytes, with commas between, or one number when all are alike; a semicolon; of records, as many as there are ids. */
  readonly sizes: string
  /** Ids with commas between, which those of somebody else's making may hold as well, and records, whatever is in them. */
  readonly cut: Cut
  /** Where the first id begins. */
  readonly from: number
  /** Those that are no first attempts, or whose tokens do not follow each other: position from 1, numbers with commas between. */
  readonly later: ReadonlyArray<string | number>
  readonly firstToken: number
}

/** A repeated claim names each token, since jobs it lost in the meantime leave gaps. */
const progressOf = (text: string): Progress => {
  const [attempt = 1, rescues = 0, snoozes = 0, token] = text.split(",").map(Number)
  return token === undefined ? [attempt, rescues, snoozes] : [attempt, rescues, snoozes, token]
}

// from claim to claim most jobs have one header
const reader = new RecordReader()

/** Claimed jobs of an exchange reply; ids without a record that can be read are named apart. */
export const decodeClaimed = ({ cut, firstToken, from, later, sizes: sizesText }: HandedOut) => {
  const claimed = untrackedArray<ClaimedJob>()
  const unreadable: Array<JobId> = []
  const between = sizesText.indexOf(";")
  const idSizes = sizesText.slice(0, between).split(",").map(Number)
  const sizes = sizesText.slice(between + 1).split(",")
  const oneSize = idSizes.length === 1 ? idSizes[0]! : undefined
  let idAt = from
  // behind the last id, which no comma follows
  let at = from + sizes.length - 1
  for (let i = 0; i < sizes.length; i++) at += oneSize ?? idSizes[i]!
  let next = 0
  for (let i = 0; i < sizes.length; i++) {
    const idEnd = idAt + (oneSize ?? idSizes[i]!)
    const end = at + Number(sizes[i])
    const id = cut(idAt, idEnd)
    const record = reader.read(cut(at, end))
    idAt = idEnd + 1
    at = end
    const isLater = next < later.length && Number(later[next]) === i + 1
    const progress = isLater ? progressOf(String(later[next + 1])) : firstAttempt
    if (isLater) next += 2
    if (record === undefined) {
      unreadable.push(id)
      continue
    }
    const { enqueuedAt, header, payload } = record
    claimed.push(new DecodedJob(id, progress[3] ?? firstToken + i, header, enqueuedAt, payload, progress))
  }
  return { claimed, unreadable }
}

/** A class, since its worker keeps it until the next one (decision 16). */
class Reply implements ExchangeReply {
  readonly settled: ExchangeReply["settled"]
  readonly claimed: ExchangeReply["claimed"]
  readonly rescued: ExchangeReply["rescued"]
  readonly buried: ExchangeReply["buried"]
  readonly more: boolean
  readonly paused: boolean
  readonly endings: ExchangeReply["endings"]
  declare readonly nextInMillis?: number

  constructor(
    settled: ExchangeReply["settled"],
    claimed: ExchangeReply["claimed"],
    rescued: ExchangeReply["rescued"],
    buried: ExchangeReply["buried"],
    more: boolean,
    paused: boolean,
    endings: ExchangeReply["endings"],
    nextInMillis: number
  ) {
    this.settled = settled
    this.claimed = claimed
    this.rescued = rescued
    this.buried = buried
    this.more = more
    this.paused = paused
    this.endings = endings
    // below 0: nothing comes
    if (nextInMillis >= 0) this.nextInMillis = nextInMillis
  }
}

/** What an enqueue answers that gave its jobs to a worker: they are as they were stored, and their tokens follow each other. */
export const decodeHandedOver = (reply: string, jobs: ReadonlyArray<NewJob>): ExchangeReply => {
  const tokenAt = reply.indexOf(",") + 1
  const timeAt = reply.indexOf(",", tokenAt) + 1
  const nextInMillis = Number(reply.slice(0, tokenAt - 1))
  const firstToken = Number(reply.slice(tokenAt, timeAt - 1))
  const enqueuedAt = Number(reply.slice(timeAt))
  const claimed = jobs.map(({ headers, kind, id, maxAttempts, payload, priority, retainMillis, tags }, i) => {
    const extras = headers === undefined && tags === undefined ? noExtras : { headers: headers ?? {}, tags: tags ?? [] }
    const header = { expiresAt: "", priority, maxAttempts, retainMillis, kind, uniqueKey: "", due: undefined, extras }
    return new DecodedJob(id, firstToken + i, header, enqueuedAt, payload.toWellFormed(), firstAttempt)
  })
  return new Reply(none, claimed, none, none, false, false, none, nextInMillis)
}

type Texts = ReadonlyArray<Buffer>

/** As the script answers it; see its header. */
export type RawReply = Buffer | readonly [Buffer, rescued: Texts, buried: Texts, endings: Texts, later: Later]

type Later = ReadonlyArray<Buffer | number>

const textsOf = (list: Texts): ReadonlyArray<string> => list.map((bytes) => bytes.toString())

const linefeed = 10

/** The reply, ids whose records cannot be read, and endings that cannot. */
export const decodeExchange = (reply: RawReply) => {
  const [bytes, rescued, buried, told, later] = Buffer.isBuffer(reply)
    ? ([reply, none, none, none, none] as const)
    : reply
  const cut = cutting(bytes)
  const headEnd = bytes.indexOf(linefeed)
  const [outcomes = "", next, more, paused, firstToken] = cut(0, headEnd < 0 ? bytes.length : headEnd).split(",")
  const from = headEnd < 0 ? 0 : bytes.indexOf(linefeed, headEnd + 1) + 1
  const { claimed, unreadable }: ReturnType<typeof decodeClaimed> =
    headEnd < 0
      ? { claimed: [], unreadable: [] }
      : decodeClaimed({
          sizes: cut(headEnd + 1, from - 1),
          cut,
          from,
          later: later.map((value) => (typeof value === "number" ? value : value.toString())),
          firstToken: Number(firstToken)
        })
  const { endings, unreadable: dropped } = decodeEndings(textsOf(told))
  const decoded = new Reply(
    decodeOutcomes(outcomes),
    claimed,
    textsOf(rescued),
    textsOf(buried),
    more === "1",
    paused === "1",
    endings,
    Number(next)
  )
  return { decoded, unreadable, dropped }
}
