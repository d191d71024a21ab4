import { randomUUID } from "node:crypto"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { checkNewJob, refused } from "../../ports/checks.ts"
import type { EnqueueOutcome, NewJob } from "../../ports/JobStore.ts"
import type { StoreError } from "../../ports/StoreError.ts"
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

/** A batch goes out once it holds this much; one call's jobs are never split, so a large call may exceed it. */
const batchJobs = 500
const batchLength = 2 ** 20

/**
 * Enqueues that are made in the same turn of the event loop travel in one script call. Each caller's jobs stay
 * together and in order, and a batch is stored as a whole, so nobody can tell, except by the speed.
 */
export const makeEnqueue = (queues: Queues) => {
  const open = new Map<string, Batch>()
  const producer = randomUUID()
  let requests = 0
  // by queue, in the order of their numbers
  const unanswered = new Map<string, Set<number>>()

  const send = (queue: string, batch: Batch): void => {
    open.delete(queue)
    const number = ++requests
    const others = unanswered.get(queue) ?? new Set<number>()
    unanswered.set(queue, others.add(number))
    const [oldest = number] = others
    // the registry first: a queue with jobs in it is always listed
    queues
      .register(queue)
      .then(() =>
        queues.runPromise(scripts.enqueue, queue, batch.now, [
          producer,
          number,
          oldest,
          batch.ids.length,
          ...batch.ids,
          ...batch.rows.flatMap(({ line, payloads }) => [payloads.length, line, ...payloads])
        ])
      )
      .finally(() => {
        others.delete(number)
        if (others.size === 0) unanswered.delete(queue)
      })
      .then(
        (reply) => {
          for (const { count, first, resume } of batch.callers) {
            resume(Effect.succeed(decodeEnqueued(reply as ReadonlyArray<string | number>, first, count)))
          }
        },
        (cause: unknown) => {
          const failure = Effect.fail(storeError("enqueue")(cause))
          for (const { resume } of batch.callers) resume(failure)
        }
      )
  }

  return (queue: string, jobs: ReadonlyArray<NewJob>): Effect.Effect<ReadonlyArray<EnqueueOutcome>, StoreError> =>
    jobs.length === 0
      ? Effect.succeed([])
      : (refusalOf(jobs) ??
        Clock.clockWith((clock) =>
          Effect.callback((resume) => {
            let batch = open.get(queue)
            if (batch === undefined) {
              const opened: Batch = { now: "", bytes: 0, ids: [], rows: [], callers: [] }
              batch = opened
              open.set(queue, opened)
              queueMicrotask(() => {
                if (open.get(queue) === opened) send(queue, opened)
              })
            }
            batch.now = queues.nowBy(clock)
            batch.callers.push({ first: batch.ids.length, count: jobs.length, resume })
            for (const job of jobs) {
              batch.ids.push(job.id)
              const line = encodeNewJob(job)
              let row = batch.rows.at(-1)
              if (row?.line !== line) {
                row = { line, payloads: [] }
                batch.rows.push(row)
              }
              row.payloads.push(job.payload)
              batch.bytes += job.payload.length
            }
            if (batch.ids.length >= batchJobs || batch.bytes >= batchLength) send(queue, batch)
          })
        ))
}

/** One that does not belong in a record would take the jobs beside it along. */
const refusalOf = (jobs: ReadonlyArray<NewJob>): Effect.Effect<never, StoreError> | undefined => {
  for (const job of jobs) {
    const good = checkNewJob(job)
    if (Result.isFailure(good)) return Effect.fail(refused("enqueue", good.failure))
  }
  return undefined
}
