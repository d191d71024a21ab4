import { setTimeout } from "node:timers/promises"
import * as Effect from "effect/Effect"
import type { FreshRedis } from "./fresh-redis.ts"

const replication = async (node: FreshRedis) => {
  const info = String(await node.ask("INFO", "replication"))
  return (name: string) => new RegExp(`^${name}:(.*?)\r?$`, "m").exec(info)?.[1]
}

/**
 * Stops the writes of a master under load, waits until its replica has all that was answered, and kills it: what was
 * accepted is on the replica, what waits for its answer is nowhere.
 */
export const killWithoutLag = (master: FreshRedis, replica: FreshRedis) =>
  Effect.promise(async () => {
    await master.ask("CLIENT", "PAUSE", 60_000, "WRITE")
    const start = performance.now()
    for (;;) {
      const [ahead, behind] = await Promise.all([replication(master), replication(replica)])
      if (behind("master_link_status") === "up" && ahead("master_repl_offset") === behind("slave_repl_offset")) break
      if (performance.now() - start > 20_000) throw new Error(`${replica.port} does not catch up`)
      await setTimeout(5)
    }
    await master.kill()
  })

/** Waits until a server has become a master; answers how many milliseconds that took. */
export const promoted = (replica: FreshRedis) =>
  Effect.promise(async () => {
    const start = performance.now()
    while ((await replication(replica))("role") !== "master") {
      if (performance.now() - start > 30_000) throw new Error(`${replica.port} is not promoted`)
      await setTimeout(20)
    }
    return performance.now() - start
  })
