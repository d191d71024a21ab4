import { Redis } from "ioredis"
import type { Target } from "./Contender.mts"

/** What one command cost the server. */
export interface CommandUse {
  readonly calls: number
  readonly micros: number
}

export type CommandUses = Readonly<Record<string, CommandUse>>

/** Looks at the server under test from its own connection. */
export interface RedisProbe {
  readonly flush: () => Promise<void>
  readonly resetCommandStats: () => Promise<void>
  readonly commandStats: () => Promise<CommandUses>
  /** CPU time that the server has used, in microseconds. */
  readonly cpuMicros: () => Promise<number>
  /** Bytes that the server has in use, without the buffers of its clients. */
  readonly usedMemory: () => Promise<number>
  readonly close: () => Promise<void>
}

export const parseInfo = (text: string): ReadonlyMap<string, string> =>
  new Map(
    text
      .split("\r\n")
      .filter((line) => line.includes(":"))
      .map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)])
  )

const parseCommandStats = (text: string): CommandUses =>
  Object.fromEntries(
    [...parseInfo(text)].map(([name, fields]) => {
      const field = (key: string) => Number(new RegExp(`${key}=([0-9.]+)`).exec(fields)?.[1] ?? 0)
      return [name.replace(/^cmdstat_/, ""), { calls: field("calls"), micros: field("usec") }]
    })
  )

export const openProbe = async (target: Target): Promise<RedisProbe> => {
  const redis = new Redis({ host: target.host, port: target.port, maxRetriesPerRequest: null })
  const info = async (section: string) => parseInfo(await redis.info(section))
  await redis.ping()
  return {
    flush: async () => {
      await redis.flushall("SYNC")
    },
    resetCommandStats: async () => {
      await redis.config("RESETSTAT")
    },
    commandStats: async () => parseCommandStats(await redis.info("commandstats")),
    cpuMicros: async () => {
      const cpu = await info("cpu")
      return (Number(cpu.get("used_cpu_user")) + Number(cpu.get("used_cpu_sys"))) * 1e6
    },
    usedMemory: async () => {
      const memory = await info("memory")
      return Number(memory.get("used_memory")) - Number(memory.get("mem_clients_normal") ?? 0)
    },
    close: async () => {
      await redis.quit()
    }
  }
}
