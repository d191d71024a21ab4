import { randomUUID } from "node:crypto"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { checkNewJob, refused } from "../../ports/checks.ts"
import type { EnqueueOutcome, NewJob } from "../../ports/JobStore.ts"
import type { StoreError } from "../../ports/StoreError.ts"
import type { Answer } from "./AnsweredCommand.ts"
import { decodeEnqueued, encodeNewJob } from "./codec.ts"
import type { Now, Queues } from "./Queues.ts"
import { scripts } from "./scripts/index.ts"
import { storeError } from "./store-error.ts"

type Resume = (effect: Effect.Effect<ReadonlyArray<EnqueueOutcome>, StoreError>) => void

interface Caller {
  readonly first: number
  readonly count: number
  readonly resume: Resume
}

/** Jobs in a row that are alike but for their ids and payloads. */
interface Row {
  readonly line: string
  readonly payloads: Array<string>
}

interface Batch {
  now: Now
  bytes: number
  readonly ids: Array<string>
  readonly rows: Array<Row>
  readonly callers: Array<Caller>
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
const isFull = ({ bytes, ids }: Batch, underWay: number): boolean =>
  ids.length >= Math.min(batchJobs, Math.max(leastJobs, underWay)) || bytes >= batchLength

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
    const number = ++requests
    const { unanswered } = lane
    unanswered.add(number)
    lane.underWay += batch.ids.length
    const oldest = unanswered.size === 1 ? number : unanswered.values().next().value!
    const end = (): void => {
      unanswered.delete(number)
      lane.underWay -= batch.ids.length
    }
    const answer: Answer = {
      succeed: (reply) => {
        end()
        for (const { count, first, resume } of batch.callers) {
          resume(Effect.sync(() => decodeEnqueued(reply as ReadonlyArray<string | number>, first, count)))
        }
      },
      fail: (cause) => {
        end()
        const failure = Effect.fail(storeError("enqueue")(cause))
        for (const { resume } of batch.callers) resume(failure)
      }
    }
    const store = () =>
      queues.send(scripts.enqueue, queue, batch.now, [producer, number, oldest, ...jobsOf(batch)], answer, "text")
    // the registry first: a queue with jobs in it is always listed
    if (queues.isRegistered(queue)) store()
    else queues.register(queue).then(store, answer.fail)
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
              const opened: Batch = { now: "", bytes: 0, ids: [], rows: [], callers: [] }
              batch = opened
              lane.open = opened
              queueMicrotask(() => {
                if (lane.open === opened) send(queue, lane, opened)
              })
            }
            batch.now = queues.nowBy(clock)
            batch.callers.push({ first: batch.ids.length, count: jobs.length, resume })
            for (const job of jobs) add(batch, job)
            if (isFull(batch, lane.underWay)) send(queue, lane, batch)
          })
        ))
}

const add = (batch: Batch, job: NewJob): void => {
  const line = encodeNewJob(job)
  let row = batch.rows.at(-1)
  if (row?.line !== line) {
    row = { line, payloads: [] }
    batch.rows.push(row)
  }
  row.payloads.push(job.payload)
  batch.ids.push(job.id)
  batch.bytes += job.payload.length
}

/** As the script takes them. */
const jobsOf = ({ ids, rows }: Batch): ReadonlyArray<string | number> => {
  const values: Array<string | number> = [ids.length, ...ids]
  for (const { line, payloads } of rows) values.push(payloads.length, line, ...payloads)
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
