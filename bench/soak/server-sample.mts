import { Redis } from "ioredis"
import type { Target } from "../lib/Contender.mts"
import { parseInfo } from "../lib/redis-probe.mts"

/** What Redis holds, and what it has done since it started. */
export interface ServerSample {
  /** Without the buffers of its clients. */
  readonly usedBytes: number
  readonly rssBytes: number
  readonly keys: number
  /** Entries of each key of the queue, by the last part of its name. */
  readonly entries: Readonly<Record<string, number>>
  readonly cpuMicros: number
  readonly inBytes: number
  readonly outBytes: number
}

export interface ServerProbe {
  readonly sample: () => Promise<ServerSample>
  readonly flush: () => Promise<void>
  readonly close: () => Promise<void>
}

export const openServerProbe = async ({ host, port }: Target, queue: string): Promise<ServerProbe> => {
  const prefix = `{winterq:${queue}}:`
  const redis = new Redis({ host, port, maxRetriesPerRequest: null })
  await redis.ping()
  const entriesOf = async (key: string): Promise<number> => {
    switch (await redis.type(key)) {
      case "hash":
        return redis.hlen(key)
      case "zset":
        return redis.zcard(key)
      case "set":
        return redis.scard(key)
      case "list":
        return redis.llen(key)
      default:
        return 0
    }
  }
  return {
    sample: async () => {
      // by name, so that a key nobody thought of is seen as well; there are few
      const names = (await redis.keys(`${prefix}*`)).toSorted()
      const entries: Record<string, number> = {}
      for (const name of names) entries[name.slice(prefix.length)] = await entriesOf(name)
      const info = parseInfo(await redis.info())
      const field = (name: string) => Number(info.get(name) ?? 0)
      return {
        usedBytes: field("used_memory") - field("mem_clients_normal"),
        rssBytes: field("used_memory_rss"),
        keys: await redis.dbsize(),
        entries,
        cpuMicros: (field("used_cpu_user") + field("used_cpu_sys")) * 1e6,
        inBytes: field("total_net_input_bytes"),
        outBytes: field("total_net_output_bytes")
      }
    },
    flush: async () => {
      await redis.flushall("SYNC")
    },
    close: async () => {
      await redis.quit()
    }
  }
}

/** Jobs that wait or run. */
export const depthOf = ({ active = 0, limited = 0, pending = 0 }: ServerSample["entries"]): number =>
  active + pending + limited

/** Jobs that have not ended. */
export const unsettledOf = (entries: ServerSample["entries"]): number =>
  depthOf(entries) + (entries["scheduled"] ?? 0) + (entries["retry"] ?? 0)
