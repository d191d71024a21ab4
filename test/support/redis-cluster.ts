import { setTimeout } from "node:timers/promises"
import * as Effect from "effect/Effect"
import { type FreshRedis, freePort, startFreshRedis } from "./fresh-redis.ts"

const startNode = async (): Promise<FreshRedis> =>
  startFreshRedis({
    args: [
      ...["--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--cluster-port", String(await freePort())],
      ...["--appendonly", "yes", "--appendfsync", "always"]
    ]
  })

const slots = 16384

/** Makes servers one cluster, each the master of as many slots. */
const join = async (nodes: ReadonlyArray<FreshRedis>): Promise<void> => {
  const share = Math.ceil(slots / nodes.length)
  for (const [i, node] of nodes.entries()) {
    await node.ask("CLUSTER", "ADDSLOTSRANGE", i * share, Math.min((i + 1) * share, slots) - 1)
    await node.ask("CLUSTER", "SET-CONFIG-EPOCH", i + 1)
  }
  for (const { busPort, port } of await Promise.all(nodes.map(addressOf))) {
    await nodes[0]!.ask("CLUSTER", "MEET", "127.0.0.1", port, busPort)
  }
  for (const node of nodes) await agrees(node)
}

/** Waits until a node takes part in the whole cluster. */
export const agrees = async (node: FreshRedis): Promise<void> => {
  while (!/cluster_state:ok[^]*cluster_known_nodes:3/.test(String(await node.ask("CLUSTER", "INFO")))) {
    await setTimeout(20)
  }
}

/** Moves the slot of a key, with what is in it, to the next node. */
export const moveSlotOf = async (key: string, nodes: ReadonlyArray<FreshRedis>): Promise<void> => {
  const slot = Number(await nodes[0]!.ask("CLUSTER", "KEYSLOT", key))
  const from = nodes[Math.floor(slot / Math.ceil(slots / nodes.length))]!
  const to = nodes[(nodes.indexOf(from) + 1) % nodes.length]!
  const [fromId, toId] = await Promise.all([from, to].map(async (node) => String(await node.ask("CLUSTER", "MYID"))))
  await to.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", fromId!)
  await from.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", toId!)
  const keys = (await from.ask("CLUSTER", "GETKEYSINSLOT", slot, 1000)) as ReadonlyArray<string>
  if (keys.length > 0) await from.ask("MIGRATE", "127.0.0.1", to.port, "", 0, 5000, "KEYS", ...keys)
  for (const node of [to, from]) await node.ask("CLUSTER", "SETSLOT", slot, "NODE", toId!)
}

const addressOf = async (node: FreshRedis) => {
  const [, busPort] = (await node.ask("CONFIG", "GET", "cluster-port")) as ReadonlyArray<string>
  return { port: node.port, busPort: Number(busPort) }
}

/** A cluster of three masters, stopped with the scope. */
export const redisCluster = Effect.acquireRelease(
  Effect.promise(async () => {
    const nodes = await Promise.all([startNode(), startNode(), startNode()])
    await join(nodes)
    return nodes
  }),
  (nodes) => Effect.promise(() => Promise.all(nodes.map((node) => node.stop())))
)
