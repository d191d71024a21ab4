import * as Effect from "effect/Effect"
import { Cluster, type Redis as IORedis } from "ioredis"
import { checkServer, epochOf } from "./check-server.ts"
import type { ConnectionOptions } from "./driver-options.ts"
import type { Gate } from "./Gate.ts"
import type { Outages } from "./Outages.ts"
import { RedisUnsuitable } from "./RedisUnsuitable.ts"
import { reconnect, revive } from "./revive.ts"
import { isReply, messageOf } from "./store-error.ts"

/** Between checks of a server that is unsuitable. */
const recheckMillis = 1000

/** Between checks of a server that cannot tell yet. */
const loadingMillis = 200

/** What log lines call a node of a cluster. */
const nodeName = (address: string): string => `redis node ${address}`

/** Watches the server behind a client: opens the gate while it is suitable, and says what happens to it. */
export const watchServer = (
  client: IORedis | Cluster,
  gate: Gate,
  outages: Outages,
  options: ConnectionOptions,
  log: (line: Effect.Effect<void>) => void
) => {
  const server = client instanceof Cluster ? "redis cluster" : "redis"
  const returns: Array<() => void> = []
  let round = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  let verdict: RedisUnsuitable | undefined
  let refusedGreeting: unknown
  let lastError: unknown
  let started = false
  let epoch: string | undefined
  let closed = false
  let settleFirst: ((verdict: RedisUnsuitable | undefined) => void) | undefined
  const first = new Promise<RedisUnsuitable | undefined>((resolve) => {
    settleFirst = resolve
  })

  const after = (millis: number, step: () => void): void => {
    clearTimeout(timer)
    timer = setTimeout(step, millis)
  }

  const judge = (found: RedisUnsuitable | undefined): void => {
    const before = verdict
    verdict = found
    settleFirst?.(found)
    outages.back(client)
    if (found === undefined) {
      if (before !== undefined && started) log(Effect.logInfo(`${server}: it can be used again`))
      for (const callback of returns) callback()
      gate.open()
      return
    }
    if (started && before?.message !== found.message) {
      log(Effect.logError(`${server}: ${found.message}; calls fail until it can`))
    }
    gate.refuse(found)
    // a replica is left in the hope of meeting a master, and a greeting is said but once
    const leaves = found.reason === "read-only" || refusedGreeting !== undefined
    after(recheckMillis, leaves ? () => reconnect(client) : look)
  }

  /** Nothing else tells that a server came back empty, or that its name leads to another one. */
  const compare = (found: string | undefined): void => {
    if (found === undefined) return
    if (epoch !== undefined && epoch !== found) {
      log(
        Effect.logError(
          `${server}: it holds other data under ${options.prefix}: what was stored before is gone from here`
        )
      )
    }
    epoch = found
  }

  const look = (): void => {
    clearTimeout(timer)
    const mine = ++round
    const isStale = (): boolean => closed || mine !== round
    if (refusedGreeting !== undefined) {
      // such as a database that is not there: the driver would go on in another one
      judge(new RedisUnsuitable({ reason: "refused", detail: messageOf(refusedGreeting) }))
      return
    }
    const masters = client instanceof Cluster ? client.nodes("master") : [client]
    checkServer({ masters, keys: client, prefix: options.prefix, isCluster: client instanceof Cluster }).then(
      (found) => {
        if (isStale()) return
        judge(found)
        // a server that is full cannot be asked, and is not to be refused for that
        if (found === undefined) epochOf({ keys: client, prefix: options.prefix }).then(compare, () => undefined)
      },
      (error: unknown) => {
        if (isStale()) return
        lastError = error
        gate.lastError = error
        if (client.status === "ready") after(loadingMillis, look)
      }
    )
  }

  client.on("connect", () => {
    refusedGreeting = undefined
  })
  client.on("error", (error: unknown) => {
    lastError = error
    gate.lastError = error
    if (isReply(error) && client.status === "connect") refusedGreeting = error
    if (started && verdict === undefined) outages.lost(server, client, error)
  })
  client.on("ready", look)
  revive(client, () => closed)
  client.on("close", () => {
    round++
    clearTimeout(timer)
    if (closed) return
    gate.shut()
    if (started && verdict === undefined) outages.lost(server, client, gate.lastError ?? "the connection was closed")
  })
  if (client instanceof Cluster) {
    const nodes = new Map<string, object>()
    const serves = (address: string): boolean => client.slots.some((keepers) => keepers?.[0] === address)
    const lostNode = (address: string, cause: unknown): void => {
      // nobody needs a replica, or one whose place others have taken
      if (!serves(address)) return
      const part = nodes.get(address) ?? {}
      nodes.set(address, part)
      if (started && client.status === "ready") outages.lost(nodeName(address), part, cause)
    }
    client.on("refresh", () => {
      for (const [address, part] of nodes) {
        if (serves(address)) outages.admit(nodeName(address))
        else outages.dismiss(nodeName(address), part)
      }
    })
    client.on("node error", (error: unknown, address: string) => {
      gate.lastError ??= error
      lostNode(address, error)
    })
    client.on("+node", (node: IORedis) => {
      const address = `${node.options.host}:${node.options.port}`
      node.on("close", () => {
        // one that the cluster has dismissed is no longer among its nodes
        if (client.nodes().includes(node)) lostNode(address, "the connection was closed")
      })
      node.on("ready", () => {
        outages.back(nodes.get(address) ?? node)
        // a new master is checked like the first ones, while calls go on
        if (started && client.status === "ready" && verdict === undefined) look()
      })
    })
  }

  return {
    /** Resolves once the server was found suitable. */
    start: () =>
      client.connect().then(
        () => first,
        (cause: unknown) => {
          const why = lastError ?? cause
          return new RedisUnsuitable({ reason: isReply(why) ? "refused" : "unreachable", detail: messageOf(why) })
        }
      ),
    lastError: () => lastError,
    started: (): void => {
      started = true
    },
    onReturn: (callback: () => void): void => {
      returns.push(callback)
    },
    close: (): void => {
      closed = true
      clearTimeout(timer)
      outages.close()
      gate.refuse(new Error("the connection is closed"))
    }
  }
}
