import { setTimeout } from "node:timers/promises"
import * as Effect from "effect/Effect"
import { type FreshRedis, durable, freePort, startFreshRedis } from "./fresh-redis.ts"

const slots = 16384

/** What a cluster is made of. */
export interface ClusterShape {
  readonly masters?: number
  /** Whether each master has a replica. */
  readonly replicas?: boolean
  /** When a silent node is taken for a dead one. */
  readonly nodeTimeoutMillis?: number
  readonly args?: ReadonlyArray<string>
}

type Nodes = ReadonlyArray<FreshRedis>

const startNode = async ({ args = durable, nodeTimeoutMillis = 1000 }: ClusterShape): Promise<FreshRedis> =>
  startFreshRedis({
    args: [
      ...["--cluster-enabled", "yes", "--cluster-port", String(await freePort())],
      ...["--cluster-node-timeout", String(nodeTimeoutMillis)],
      // the next master takes over however long its link was broken
      ...["--cluster-replica-validity-factor", "0", "--repl-diskless-sync-delay", "0"],
      ...args
    ]
  })

/** Asks again until it is so, for 30 seconds. */
export const eventually = async (what: string, isSo: () => Promise<boolean>): Promise<void> => {
  const start = performance.now()
  while (!(await isSo())) {
    if (performance.now() - start > 30_000) throw new Error(`not within 30 s: ${what}`)
    await setTimeout(20)
  }
}

const addressOf = async (node: FreshRedis) => {
  const [, busPort] = (await node.ask("CONFIG", "GET", "cluster-port")) as ReadonlyArray<string>
  return { port: node.port, busPort: Number(busPort) }
}

const idOf = async (node: FreshRedis): Promise<string> => String(await node.ask("CLUSTER", "MYID"))

/** Waits until a node takes part in a whole cluster of so many nodes. */
export const agrees = (node: FreshRedis, known = 3): Promise<void> =>
  eventually("the cluster agrees", async () => {
    const info = String(await node.ask("CLUSTER", "INFO"))
    return info.includes("cluster_state:ok") && info.includes(`cluster_known_nodes:${known}\r`)
  })

/** Waits until a replica has all that its master has. */
export const follows = (replica: FreshRedis, master: FreshRedis): Promise<void> =>
  eventually(`${replica.port} follows ${master.port}`, async () => {
    const info = String(await replica.ask("INFO", "replication"))
    return info.includes("master_link_status:up") && info.includes(`master_port:${master.port}\r`)
  })

/** Makes servers one cluster, each master having as many slots. */
const join = async (masters: Nodes, replicas: Nodes): Promise<void> => {
  const share = Math.ceil(slots / masters.length)
  for (const [i, node] of masters.entries()) {
    await node.ask("CLUSTER", "ADDSLOTSRANGE", i * share, Math.min((i + 1) * share, slots) - 1)
    await node.ask("CLUSTER", "SET-CONFIG-EPOCH", i + 1)
  }
  const all = [...masters, ...replicas]
  for (const [i, { busPort, port }] of (await Promise.all(all.map(addressOf))).entries()) {
    // hearsay alone takes seconds
    for (const node of all.slice(0, i)) await node.ask("CLUSTER", "MEET", "127.0.0.1", port, busPort)
  }
  for (const node of all) await agrees(node, all.length)
  for (const [i, replica] of replicas.entries()) {
    const id = await idOf(masters[i]!)
    // it may have heard of the master's slots later than of the master
    await eventually(`${replica.port} replicates`, () =>
      replica.ask("CLUSTER", "REPLICATE", id).then(
        () => true,
        () => false
      )
    )
    await follows(replica, masters[i]!)
  }
}

export const stopAll = (nodes: Nodes) => Promise.all(nodes.map((node) => node.stop()))

/** Starts a cluster: its masters, then the replica of each. */
export const startCluster = async (shape: ClusterShape = {}): Promise<Nodes> => {
  const { masters = 3, replicas = false } = shape
  const nodes: Array<FreshRedis> = []
  try {
    for (let i = 0; i < masters * (replicas ? 2 : 1); i++) nodes.push(await startNode(shape))
    await join(nodes.slice(0, masters), nodes.slice(masters))
    return nodes
  } catch (error) {
    await stopAll(nodes)
    throw error
  }
}

/** How winterq finds a cluster: by one of its nodes. */
export const clusterAt = (nodes: Nodes) => ({ cluster: { nodes: [{ host: "127.0.0.1", port: nodes[0]!.port }] } })

/** Stopped with the scope. */
export const redisCluster = (shape: ClusterShape = {}) =>
  Effect.acquireRelease(
    Effect.promise(() => startCluster(shape)),
    (nodes) => Effect.promise(() => stopAll(nodes))
  )

/** The slot of a key, and the node that holds it now, as another one knows. */
export const ownerOf = async (key: string, nodes: Nodes, asked: FreshRedis = nodes[0]!) => {
  const slot = Number(await asked.ask("CLUSTER", "KEYSLOT", key))
  type Range = readonly [first: number, last: number, master: readonly [host: string, port: number]]
  const ranges = (await asked.ask("CLUSTER", "SLOTS")) as ReadonlyArray<Range>
  const port = ranges.find(([first, last]) => first <= slot && slot <= last)?.[2][1]
  const owner = nodes.find((node) => node.port === port)
  if (owner === undefined) throw new Error(`nobody holds slot ${slot}`)
  return { slot, owner }
}

/** A slot on its way from one master to another. */
export interface Move {
  readonly to: FreshRedis
  /** Moves what is in it, so many keys at a time. */
  readonly carry: (batch?: number) => Promise<void>
  readonly finish: () => Promise<void>
}

/** Begins to move the slot of a key to the next master. */
export const beginMove = async (key: string, masters: Nodes): Promise<Move> => {
  const { owner: from, slot } = await ownerOf(key, masters)
  const to = masters[(masters.indexOf(from) + 1) % masters.length]!
  const [fromId, toId] = await Promise.all([idOf(from), idOf(to)])
  await to.ask("CLUSTER", "SETSLOT", slot, "IMPORTING", fromId)
  await from.ask("CLUSTER", "SETSLOT", slot, "MIGRATING", toId)
  return {
    to,
    carry: async (batch = 1000) => {
      for (;;) {
        const keys = (await from.ask("CLUSTER", "GETKEYSINSLOT", slot, batch)) as ReadonlyArray<string>
        if (keys.length === 0) return
        await from.ask("MIGRATE", "127.0.0.1", to.port, "", 0, 5000, "KEYS", ...keys)
      }
    },
    finish: async () => {
      for (const node of [to, from]) await node.ask("CLUSTER", "SETSLOT", slot, "NODE", toId)
    }
  }
}

/** Moves the slot of a key, with what is in it, to the next master; answers where it now is. */
export const moveSlotOf = async (key: string, masters: Nodes, batch?: number): Promise<FreshRedis> => {
  const move = await beginMove(key, masters)
  await move.carry(batch)
  await move.finish()
  return move.to
}
