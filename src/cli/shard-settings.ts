import type { QueueSettings, Settings } from "../config/Config.ts"
import { partsOf } from "../domain/queue-entries.ts"

const partsOfSettings = ({ maxActive, shards, ...queue }: QueueSettings): ReadonlyArray<QueueSettings> => {
  const limit = (parts: number) => (maxActive === undefined ? {} : { maxActive: Math.ceil(maxActive / parts) })
  if (shards === undefined) return [{ ...queue, ...limit(1) }]
  return partsOf({ ...queue, shards }).map(({ name }) => ({ ...queue, ...limit(shards), name }))
}

/**
 * The same configuration with the shards of each sharded queue in its place, as what knows only queues needs it. A limit
 * on active jobs is divided among them, rounded up.
 */
export const withShards = (settings: Settings): Settings => ({
  ...settings,
  queues: settings.queues.flatMap(partsOfSettings)
})
