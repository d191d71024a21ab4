import { randomUUID } from "node:crypto"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { untrackedArray } from "../../domain/untracked-array.ts"
import { checkNewJob, refused } from "../../ports/checks.ts"
import type { EnqueueOutcome, NewJob } from "../../ports/JobStore.ts"
import type { StoreError } from "../../ports/StoreError.ts"
import { Answer } from "./AnsweredCommand.ts"
import { decodeEnqueued, encodeNewJob } from "./codec.ts"
import { decodeHandedOver } from "./exchange-codec.ts"
import { Caller } from "./Gate.ts"
import type { Handover, Handovers } from "./Handovers.ts"
import type { Now, Queues } from "./Queues.ts"
import { scripts } from "./scripts/index.ts"
import { storeError } from "./store-error.ts"

type Resume = (effect: Effect.Effect<ReadonlyArray<EnqueueOutcome>, StoreError>) => void

/** Classes, as what lives until the answer is there must be (decision 16). */
class Call {
  readonly jobs: ReadonlyArray<NewJob>
  readonly resume: Resume
  /** Whether nobody waits for it any more. */
  isGone = false

  constructor(jobs: ReadonlyArray<NewJob>, resume: Resume) {
    this.jobs = jobs
    this.resume = resume
  }
}

/** Jobs in a row that are alike but for their ids and payloads. */
class Row {
  readonly line: string
  readonly payloads = untrackedArray<string>()

  constructor(line: string) {
    this.line = line
  }
}

/** Jobs as the script takes them. */
class Jobs {
  readonly ids = untrackedArray<string>()
  readonly rows = untrackedArray<Row>()

  add(job: NewJob): void {
    const line = encodeNewJob(job)
    let row = this.rows.at(-1)
    if (row?.line !== line) {
      row = new Row(line)
      this.rows.push(row)
    }
    row.payloads.push(job.payload)
    this.ids.push(job.id)
  }

  /** Whether they may go to a worker as they are stored: all are alike, and come under no conditions. */
  get areAlike(): boolean {
    return this.rows.length === 1 && this.rows[0]!.line.startsWith(",")
  }

  /** Behind other arguments. */
  pushTo(args: Array<string | number>): void {
    args.push(this.ids.length)
    for (const id of this.ids) args.push(id)
    for (const { line, payloads } of this.rows) {
      args.push(payloads.length, line)
      for (const payload of payloads) args.push(payload)
    }
  }
}

class Batch {
  now: Now = ""
  bytes = 0
  readonly jobs = new Jobs()
  readonly calls = untrackedArray<Call>()
  /** Gives up what was sent; absent before. */
  leave: (() => void) | undefined = undefined
}

/** The requests of one queue. */
interface Lane {
  open: Batch | undefined
  /** Numbers of those that are not answered yet, in order. */
  readonly unanswered: Set<number>
  /** How many jobs they hold. */
  underWay: number
}

/** A batch goes out once it holds this much; one call's jobs are never split, so a large call may exceed it. */
const batchJobs = 500
const batchLength = 2 ** 20

/** Fewer are not worth a request of their own. */
const leastJobs = 50

/** The server stores some while others are put together, so a batch goes out once it holds as many as are under way. */
const isFull = ({ bytes, jobs: { ids } }: Batch, underWay: number): boolean =>
  ids.length >= Math.min(batchJobs, Math.max(leastJobs, underWay)) || bytes >= batchLength

const turn = Promise.resolve()

/**
 * Enqueues that are made in the same turn of the event loop travel in few script calls. Each caller's jobs stay
 * together and in order, and a batch is stored as a whole, so nobody can tell, except by the speed.
 */
export const makeEnqueue = (queues: Queues, handovers: Handovers) => {
  const lanes = new Map<string, Lane>()
  const producer = randomUUID()
  let requests = 0

  const laneOf = (queue: string): Lane => {
    let lane = lanes.get(queue)
    if (lane === undefined) {
      lane = { open: undefined, unanswered: new Set(), underWay: 0 }
      lanes.set(queue, lane)
    }
    return lane
  }

  const send = (queue: string, lane: Lane, batch: Batch): void => {
    lane.open = undefined
    const { calls } = batch
    const count = batch.jobs.ids.length
    if (calls.every(isGone)) return
    const number = ++requests
    const { unanswered } = lane
    unanswered.add(number)
    lane.underWay += count
    const oldest = unanswered.size === 1 ? number : unanswered.values().next().value!
    // of those whose jobs were sent last
    let present: ReadonlyArray<Call> = calls
    let times = 0
    let handover: Handover | undefined
    const end = (): void => {
      if (unanswered.delete(number)) lane.underWay -= count
    }
    const answer = new Answer(
      (reply) => {
        end()
        const isHandedOver = typeof reply === "string"
        if (isHandedOver) handOver(handover!, reply, present)
        // an earlier time may have been the one that counted
        else if (times > 1) handover?.lose()
        else handover?.forgo()
        const leftOut = isHandedOver ? [] : (reply as ReadonlyArray<string | number>)
        let first = 0
        for (const { jobs, resume } of present) {
          const from = first
          first += jobs.length
          resume(Effect.sync(() => decodeEnqueued(leftOut, from, jobs.length)))
        }
      },
      (cause) => {
        end()
        handover?.lose()
        const failure = Effect.fail(storeError("enqueue")(cause))
        for (const { resume } of calls) resume(failure)
      }
    )
    const caller = new Caller()
    // written where it is assigned, it would be old from the start (decision 16)
    const leave = (): void => {
      caller.leave()
      end()
      handover?.lose()
    }
    batch.leave = leave
    const argsOf = () => {
      let { jobs } = batch
      // what has waited for the connection may not be wanted by all any more
      if (calls.some(isGone)) {
        present = calls.filter((call) => !call.isGone)
        jobs = new Jobs()
        for (const call of present) for (const job of call.jobs) jobs.add(job)
      }
      if (++times === 1 && jobs.areAlike) handover = handovers.next(queue, present[0]!.jobs[0]!.kind)
      const args = untrackedArray<string | number>()
      args.push(producer, number, oldest, handover?.argument ?? "")
      jobs.pushTo(args)
      return args
    }
    const store = (): void => {
      if (!calls.every(isGone)) queues.send(scripts.enqueue, queue, batch.now, argsOf, answer, "text", caller)
    }
    // the registry first: a queue with jobs in it is always listed
    queues.enter(queue, new Answer(store, answer.fail), caller)
  }

  const leaveBatch = (batch: Batch, call: Call): void => {
    call.isGone = true
    if (batch.calls.every(isGone)) batch.leave?.()
  }

  return (queue: string, jobs: ReadonlyArray<NewJob>): Effect.Effect<ReadonlyArray<EnqueueOutcome>, StoreError> =>
    jobs.length === 0
      ? Effect.succeed([])
      : (refusalOf(jobs) ??
        Clock.clockWith((clock) =>
          Effect.callback((resume) => {
            const lane = laneOf(queue)
            let batch = lane.open
            if (batch === undefined) {
              const opened = new Batch()
              batch = opened
              lane.open = opened
              // as `queueMicrotask`, which takes longer: it makes a resource that can be traced
              void turn.then(() => {
                if (lane.open === opened) send(queue, lane, opened)
              })
            }
            const travelling = batch
            const call = new Call(jobs, resume)
            batch.now = queues.nowBy(clock)
            batch.calls.push(call)
            const added = Result.try(() => {
              for (const job of jobs) {
                travelling.jobs.add(job)
                travelling.bytes += job.payload.length
              }
            })
            if (Result.isFailure(added)) {
              // its other jobs are left out as well
              call.isGone = true
              resume(Effect.die(added.failure))
              return undefined
            }
            if (isFull(batch, lane.underWay)) send(queue, lane, batch)
            return Effect.sync(() => leaveBatch(travelling, call))
          })
        ))
}

/** The worker is told first: its jobs are under way already. */
const handOver = (handover: Handover, reply: string, calls: ReadonlyArray<Call>): void => {
  const jobs = calls.length === 1 ? calls[0]!.jobs : calls.flatMap((call) => call.jobs)
  // a mistake of whoever takes them is no reason to tell the producer less, or to end the process
  const brought = Result.try(() => handover.bring(decodeHandedOver(reply, jobs)))
  if (Result.isFailure(brought)) handover.lose()
}

const isGone = (call: Call): boolean => call.isGone

/** One that does not belong in a record would take the jobs beside it along. */
const refusalOf = (jobs: ReadonlyArray<NewJob>): Effect.Effect<never, StoreError> | undefined => {
  for (const job of jobs) {
    const good = checkNewJob(job)
    if (Result.isFailure(good)) return Effect.fail(refused("enqueue", good.failure))
  }
  return undefined
}
