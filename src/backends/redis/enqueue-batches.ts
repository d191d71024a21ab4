import { randomUUID } from "node:crypto"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { checkNewJob, refused } from "../../ports/checks.ts"
import type { EnqueueOutcome, NewJob } from "../../ports/JobStore.ts"
import type { StoreError } from "../../ports/StoreError.ts"
import type { Answer } from "./AnsweredCommand.ts"
import { decodeEnqueued, encodeNewJob } from "./codec.ts"
import { Caller } from "./Gate.ts"
import type { Now, Queues } from "./Queues.ts"
import { scripts } from "./scripts/index.ts"
import { storeError } from "./store-error.ts"

type Resume = (effect: Effect.Effect<ReadonlyArray<EnqueueOutcome>, StoreError>) => void

/** A call, for as long as somebody waits for it. */
interface Call {
  readonly jobs: ReadonlyArray<NewJob>
  /** What their records say besides their payloads. */
  readonly lines: ReadonlyArray<string>
  readonly resume: Resume
  isGone: boolean
}

interface Batch {
  now: Now
  bytes: number
  jobs: number
  readonly calls: Array<Call>
  /** Gives up what was sent; absent before. */
  leave: (() => void) | undefined
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
const isFull = ({ bytes, jobs }: Batch, underWay: number): boolean =>
  jobs >= Math.min(batchJobs, Math.max(leastJobs, underWay)) || bytes >= batchLength

/**
 * Enqueues that are made in the same turn of the event loop travel in few script calls. Each caller's jobs stay
 * together and in order, and a batch is stored as a whole, so nobody can tell, except by the speed.
 */
export const makeEnqueue = (queues: Queues) => {
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
    const { calls, jobs } = batch
    if (calls.every(isGone)) return
    const number = ++requests
    const { unanswered } = lane
    unanswered.add(number)
    lane.underWay += jobs
    const oldest = unanswered.size === 1 ? number : unanswered.values().next().value!
    // of those whose jobs were sent last
    let present: ReadonlyArray<Call> = calls
    const end = (): void => {
      if (unanswered.delete(number)) lane.underWay -= jobs
    }
    const answer: Answer = {
      succeed: (reply) => {
        end()
        let first = 0
        for (const { jobs, resume } of present) {
          const from = first
          first += jobs.length
          resume(Effect.sync(() => decodeEnqueued(reply as ReadonlyArray<string | number>, from, jobs.length)))
        }
      },
      fail: (cause) => {
        end()
        const failure = Effect.fail(storeError("enqueue")(cause))
        for (const { resume } of calls) resume(failure)
      }
    }
    const caller = new Caller()
    batch.leave = () => {
      caller.leave()
      end()
    }
    const argsOf = () => {
      // one that waited for the connection may not be wanted by all any more
      if (calls.some(isGone)) present = calls.filter((call) => !call.isGone)
      return encode([producer, number, oldest], present)
    }
    const store = (): void => {
      if (!calls.every(isGone)) queues.send(scripts.enqueue, queue, batch.now, argsOf, answer, "text", caller)
    }
    // the registry first: a queue with jobs in it is always listed
    if (queues.isRegistered(queue)) store()
    else queues.register(queue).then(store, answer.fail)
  }

  const leave = (batch: Batch, call: Call): void => {
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
              const opened: Batch = { now: "", bytes: 0, jobs: 0, calls: [], leave: undefined }
              batch = opened
              lane.open = opened
              queueMicrotask(() => {
                if (lane.open === opened) send(queue, lane, opened)
              })
            }
            const travelling = batch
            const call: Call = { jobs, lines: jobs.map(encodeNewJob), resume, isGone: false }
            batch.now = queues.nowBy(clock)
            batch.calls.push(call)
            batch.jobs += jobs.length
            for (const { payload } of jobs) batch.bytes += payload.length
            if (isFull(batch, lane.underWay)) send(queue, lane, batch)
            return Effect.sync(() => leave(travelling, call))
          })
        ))
}

const isGone = (call: Call): boolean => call.isGone

/** As the script takes them: ids, then rows of jobs that are alike but for their ids and payloads. */
const encode = (values: Array<string | number>, calls: ReadonlyArray<Call>): ReadonlyArray<string | number> => {
  const countAt = values.push(0) - 1
  for (const { jobs } of calls) for (const { id } of jobs) values.push(id)
  values[countAt] = values.length - countAt - 1
  let line: string | undefined
  let lengthAt = 0
  for (const { jobs, lines } of calls) {
    for (let i = 0; i < jobs.length; i++) {
      if (lines[i] !== line) {
        line = lines[i]!
        lengthAt = values.push(0, line) - 2
      }
      values[lengthAt] = Number(values[lengthAt]) + 1
      values.push(jobs[i]!.payload)
    }
  }
  return values
}

/** One that does not belong in a record would take the jobs beside it along. */
const refusalOf = (jobs: ReadonlyArray<NewJob>): Effect.Effect<never, StoreError> | undefined => {
  for (const job of jobs) {
    const good = checkNewJob(job)
    if (Result.isFailure(good)) return Effect.fail(refused("enqueue", good.failure))
  }
  return undefined
}
