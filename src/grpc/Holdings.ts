import * as Effect from "effect/Effect"
import * as Semaphore from "effect/Semaphore"
import type { JobId, Token } from "../domain/Job.ts"
import type { QueueControl } from "../ports/QueueControl.ts"
import type { StoreError } from "../ports/StoreError.ts"
import { encodeWorker, holderOf } from "./worker-names.ts"

interface Held {
  readonly jobId: JobId
  readonly token: Token
}

/** The active jobs of a queue by their holders, as of some moment, and those claimed here since. */
interface Snapshot {
  readonly at: number
  readonly byHolder: Map<string, Map<JobId, Held>>
}

const pageJobs = 100

/** Knows which jobs a worker holds, whichever server it got them from. */
export interface Holdings {
  /**
   * **Shape** Reads the active jobs of a queue once for all workers that ask within a moment. May name jobs that the
   * worker has settled meanwhile, and miss those that it claimed through another server in that moment.
   */
  readonly of: (workerId: string, queue: string) => Effect.Effect<ReadonlyArray<Held>, StoreError>
  /** Tells of jobs that were claimed here. */
  readonly add: (workerId: string, queue: string, held: ReadonlyArray<Held>) => void
  /** Forgets what is too old to be of use. */
  readonly tidy: () => void
}

const put = (byHolder: Snapshot["byHolder"], holder: string, held: Held): void => {
  const known = byHolder.get(holder)
  if (known === undefined) byHolder.set(holder, new Map([[held.jobId, held]]))
  else known.set(held.jobId, held)
}

export const makeHoldings = (
  control: QueueControl["Service"],
  freshMillis: number,
  monotonicMillis: () => number
): Holdings => {
  const snapshots = new Map<string, Snapshot>()
  const reading = new Map<string, Semaphore.Semaphore>()

  const isFresh = (snapshot: Snapshot | undefined): snapshot is Snapshot =>
    snapshot !== undefined && monotonicMillis() - snapshot.at < freshMillis

  const read = Effect.fnUntraced(function* (queue: string) {
    const known = snapshots.get(queue)
    if (isFresh(known)) return known
    const snapshot: Snapshot = { at: monotonicMillis(), byHolder: new Map() }
    // from now on, so that what is claimed while it is read is in it
    snapshots.set(queue, snapshot)
    let cursor: string | undefined
    do {
      const page = yield* control
        .list({ queue, state: "active", limit: pageJobs, ...(cursor === undefined ? {} : { cursor }) })
        .pipe(Effect.tapError(() => Effect.sync(() => snapshots.delete(queue))))
      for (const { id, token, worker } of page.jobs) {
        if (token === undefined || worker === undefined) continue
        put(snapshot.byHolder, holderOf(worker), { jobId: id, token })
      }
      cursor = page.cursor
    } while (cursor !== undefined)
    return snapshot
  })

  return {
    of: (workerId, queue) =>
      Effect.suspend(() => {
        let turn = reading.get(queue)
        if (turn === undefined) {
          turn = Semaphore.makeUnsafe(1)
          reading.set(queue, turn)
        }
        return Effect.map(turn.withPermit(read(queue)), ({ byHolder }) => [
          ...(byHolder.get(encodeWorker(workerId))?.values() ?? [])
        ])
      }),
    add: (workerId, queue, held) => {
      const snapshot = snapshots.get(queue)
      if (!isFresh(snapshot)) return
      for (const one of held) put(snapshot.byHolder, encodeWorker(workerId), one)
    },
    tidy: () => {
      for (const [queue, snapshot] of snapshots) {
        if (isFresh(snapshot)) continue
        snapshots.delete(queue)
        reading.delete(queue)
      }
    }
  }
}
