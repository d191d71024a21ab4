import { setTimeout } from "node:timers/promises"
import { Redis as IORedis } from "ioredis"
import { durable, type FreshRedis } from "../../support/fresh-redis.ts"
import { type Call, type RespProxy, runs } from "../../support/RespProxy.ts"
import type { Member } from "./fleet.ts"
import type { Fault } from "./plan.ts"

/** What faults befall. */
export interface Scene {
  readonly server: FreshRedis
  readonly members: ReadonlyArray<Member>
}

/** A server of the run: every answered write is on disk, so a kill loses nothing. */
export const serverArgs = [
  ...durable,
  "--enable-debug-command",
  "yes",
  "--busy-reply-threshold",
  "300",
  "--auto-aof-rewrite-min-size",
  "16mb"
]

const endless = "local t = redis.call('TIME')[1] while true do end"

/** One command, or none: a server that is down or busy is not waited for. */
export const ask = async (
  { port }: FreshRedis,
  command: string,
  ...args: ReadonlyArray<string | number>
): Promise<unknown> => {
  const client = new IORedis({
    port,
    protocol: 2,
    disableClientInfo: true,
    enableReadyCheck: false,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
    commandTimeout: 10_000
  })
  // the call that fails says the same
  client.on("error", () => undefined)
  try {
    return await client.call(command, [...args])
  } finally {
    client.disconnect()
  }
}

const restart = async ({ server }: Scene, millis: number): Promise<void> => {
  await server.kill()
  await setTimeout(millis)
  await server.start()
}

const atScript = ({ script, times }: Fault) => ({ matches: (call: Call) => runs(script)(call), times })

/** Makes one fault happen, and ends it. A server that is down meanwhile has another fault already. */
export const strike = async (fault: Fault, scene: Scene): Promise<void> => {
  const { members, server } = scene
  const { millis, name, whom, writeOnly } = fault
  const workers = members.filter(({ kind }) => kind === "worker")
  const producers = members.filter(({ kind }) => kind === "producer")
  const one = <A>(all: ReadonlyArray<A>): A => all[whom % all.length]!
  const { proxy } = one(members)
  const tell = (command: string, ...args: ReadonlyArray<string | number>) => ask(server, command, ...args)
  const until = async (start: () => void, end: () => void) => {
    start()
    await setTimeout(millis)
    end()
  }
  const held = (weather: RespProxy["weather"]) =>
    until(
      () => {
        proxy.weather = weather
      },
      () => {
        proxy.weather = {}
      }
    )

  switch (name) {
    case "kill worker":
      return one(workers).signal("SIGKILL")
    case "kill producer":
      return one(producers).signal("SIGKILL")
    case "stop worker": {
      const worker = one(workers)
      return until(
        () => worker.signal("SIGSTOP"),
        () => worker.signal("SIGCONT")
      )
    }
    case "stall worker":
      return one(workers).tell({ tell: "block", millis })
    case "step clock":
      return one(workers).tell({ tell: "shift", millis: (writeOnly ? 1 : -1) * millis * 3600 })
    case "kill Redis":
      return restart(scene, millis)
    case "busy script": {
      const busy = tell("EVAL", endless, 0).catch(() => undefined)
      await setTimeout(millis)
      await tell("SCRIPT", "KILL")
      await busy
      return undefined
    }
    case "flush scripts":
      await tell("SCRIPT", "FLUSH")
      return undefined
    case "sleep Redis":
      await tell("DEBUG", "SLEEP", millis / 1000)
      return undefined
    case "pause clients":
      await tell("CLIENT", "PAUSE", millis, writeOnly ? "WRITE" : "ALL")
      return undefined
    case "kill clients":
      await tell("CLIENT", "KILL", "TYPE", writeOnly ? "pubsub" : "normal", "SKIPME", "yes")
      return undefined
    case "fill memory":
      await tell("CONFIG", "SET", "maxmemory", "1mb")
      await setTimeout(millis)
      await tell("CONFIG", "SET", "maxmemory", "0")
      return undefined
    case "demote":
      await tell("REPLICAOF", "127.0.0.1", "1")
      await setTimeout(millis)
      await tell("REPLICAOF", "NO", "ONE")
      return undefined
    case "cut connections":
      return proxy.cutAll()
    case "go silent":
      return until(
        () => {
          proxy.frozen = true
        },
        () => {
          proxy.frozen = false
        }
      )
    case "lose reply":
      proxy.when({ ...atScript(fault), reply: () => "cut" })
      return undefined
    case "lose request":
      proxy.when({ ...atScript(fault), request: () => "cut" })
      return undefined
    case "hold request":
      proxy.when({
        ...atScript(fault),
        times: 1,
        request: async ({ connection }) => {
          if (writeOnly) proxy.hangUp(connection)
          await setTimeout(millis)
          return "pass" as const
        }
      })
      return undefined
    case "latency":
      return held({ delay: () => Math.random() * 400 })
    case "slice":
      return held({ slice: 1 })
    case "flap":
      for (const end = performance.now() + millis; performance.now() < end;) {
        proxy.cutAll()
        await setTimeout(250)
      }
      return undefined
  }
}

/** Ends whatever still goes on. */
export const heal = async ({ members, server }: Scene): Promise<void> => {
  for (const { proxy } of members) proxy.clear()
  for (const member of members) if (member.isStopped) member.signal("SIGCONT")
  await ask(server, "SCRIPT", "KILL").catch(() => undefined)
  await ask(server, "CONFIG", "SET", "maxmemory", "0")
  await ask(server, "REPLICAOF", "NO", "ONE")
  await ask(server, "CLIENT", "UNPAUSE")
  for (const member of members) {
    // what went silent is still there, and nothing would tell
    member.proxy.cutAll()
    member.tell({ tell: "shift", millis: 0 })
  }
}
