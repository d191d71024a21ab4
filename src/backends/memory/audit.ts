import type { JobState } from "../../domain/Job.ts"
import type { QueueAudit } from "../../ports/Diagnostics.ts"
import type { QueueState } from "./QueueState.ts"

export const audit = (queue: QueueState, limit: number): QueueAudit => {
  const indexes = Object.entries(queue.indexes) as ReadonlyArray<[JobState, QueueState["indexes"][JobState]]>
  const looked = indexes.flatMap(([state, index]) =>
    index
      .sorted()
      .slice(0, Math.max(0, limit))
      .map(({ id }) => ({ state, id }))
  )
  return {
    enqueued: queue.counters.enqueued,
    removed: queue.counters.removed,
    indexed: indexes.reduce((sum, [, index]) => sum + index.size, 0),
    records: queue.jobs.size,
    looked: looked.length,
    strays: looked.filter(({ id }) => !queue.jobs.has(id)).map(({ id, state }) => `${state} ${id}`)
  }
}
