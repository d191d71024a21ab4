import type { QueueSettings, Settings } from "../config/Config.ts"
import * as Queues from "../domain/Queues.ts"
import type { WorkerOverrides } from "../features/worker/Worker.ts"

type Overrides = typeof WorkerOverrides.Service

/** What the flags of `winter worker` say. */
export interface WorkerFlags {
  /** `critical=6`, `mail`. */
  readonly queues: ReadonlyArray<{ readonly name: string; readonly weight?: number }>
  readonly strict: boolean
  readonly concurrency?: number
  readonly drainMillis?: number
}

const entryOf = (
  { name, weight }: { readonly name: string; readonly weight?: number },
  settings: ReadonlyArray<QueueSettings>,
  strict: boolean
): Queues.Entry => {
  const set = settings.find((queue) => queue.name === name)
  const share = weight ?? set?.weight
  return {
    name,
    ...(strict || share === undefined ? {} : { weight: share }),
    ...(set?.shards === undefined ? {} : { shards: set.shards }),
    ...(set?.concurrency === undefined ? {} : { concurrency: set.concurrency })
  }
}

/** What a worker is to do in place of what its code says, given flags and configuration; flags come first. */
export const overridesOf = (flags: WorkerFlags, { queues, retention, workers }: Settings): Overrides => {
  const named = flags.queues.length > 0 ? flags.queues : queues.map(({ name }) => ({ name }))
  const strict = flags.strict || workers.order === "strict"
  const concurrency = flags.concurrency ?? workers.concurrency
  const drain = flags.drainMillis ?? workers.drainMillis
  const backoffs = queues.flatMap(({ backoff, name }) => (backoff === undefined ? [] : [[name, backoff] as const]))
  const { deadMillis, maxDead, maxFinished } = retention
  return {
    ...(named.length === 0
      ? {}
      : {
          queues: {
            order: strict ? "strict" : "weighted",
            entries: named.map((queue) => entryOf(queue, queues, strict))
          }
        }),
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(drain === undefined ? {} : { drain }),
    ...(workers.leaseMillis === undefined ? {} : { lease: workers.leaseMillis }),
    ...(workers.heartbeatMillis === undefined ? {} : { heartbeat: workers.heartbeatMillis }),
    ...(workers.sweepMillis === undefined ? {} : { sweep: workers.sweepMillis }),
    ...(workers.pollMillis === undefined ? {} : { poll: workers.pollMillis }),
    ...(backoffs.length === 0 ? {} : { backoffs: Object.fromEntries(backoffs) }),
    ...(Object.keys(retention).length === 0
      ? {}
      : {
          retention: {
            ...(deadMillis === undefined ? {} : { dead: deadMillis }),
            ...(maxDead === undefined ? {} : { maxDead }),
            ...(maxFinished === undefined ? {} : { maxFinished })
          }
        })
  }
}
