import * as Effect from "effect/Effect"
import { Diagnostics, type Persistence, type ServerFacts } from "../../ports/Diagnostics.ts"
import type { Connection } from "./Connection.ts"
import { field } from "./info.ts"
import { formatKey, formatVersion } from "./keys.ts"
import type { Queues } from "./Queues.ts"
import { scripts } from "./scripts/index.ts"

const number = (info: string, name: string): number | undefined => {
  const value = field(info, name)
  return value === undefined ? undefined : Number(value)
}

const known = <A extends object>(values: { readonly [K in keyof A]: A[K] | undefined }) =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<A>

type Setting = (name: string) => string | undefined

const persistenceOf = (info: string, setting: Setting): Persistence => ({
  appendOnly: field(info, "aof_enabled") === "1",
  ...known<Pick<Persistence, "appendFsync" | "snapshots">>({
    appendFsync: setting("appendfsync"),
    snapshots: setting("save")
  }),
  healthy: field(info, "aof_last_write_status") !== "err" && field(info, "rdb_last_bgsave_status") !== "err"
})

const factsOf = (address: string, info: string, setting: Setting): ServerFacts => ({
  address,
  mode: field(info, "redis_mode") ?? "standalone",
  persistence: persistenceOf(info, setting),
  ...known<Omit<ServerFacts, "address" | "mode" | "persistence">>({
    version: field(info, "valkey_version") ?? field(info, "redis_version"),
    role: field(info, "role"),
    replicas: number(info, "connected_slaves"),
    maxMemoryPolicy: field(info, "maxmemory_policy"),
    maxMemoryBytes: number(info, "maxmemory"),
    usedMemoryBytes: number(info, "used_memory"),
    evictedKeys: number(info, "evicted_keys")
  })
})

export const make = (connection: Connection, queues: Queues): Diagnostics["Service"] => {
  const { ask } = connection

  /** Settings of one server; a user who may not ask for them gets none. */
  const settings = (server: number) =>
    Effect.map(
      Effect.all(
        ["appendfsync", "save"].map((name) =>
          ask("servers", (commands) => commands.configGet(server, name)).pipe(
            Effect.map((value) => [name, value] as const),
            Effect.catchIf(
              ({ reason }) => reason === "denied" || reason === "rejected",
              () => Effect.succeed([name, undefined] as const)
            )
          )
        )
      ),
      (pairs): Setting => {
        const byName = new Map(pairs)
        return (name) => byName.get(name)
      }
    )

  return Diagnostics.of({
    servers: Effect.gen(function* () {
      const infos = yield* ask("servers", (commands) => commands.infos())
      return yield* Effect.forEach(infos, ({ address, info }, i) =>
        Effect.map(settings(i), (setting) => factsOf(address, info, setting))
      )
    }),
    now: queues.storeNow(ask("now", (commands) => commands.time())),
    format: Effect.map(
      ask("format", (commands) => commands.get(formatKey(connection.prefix))),
      (stored) => ({ stored: stored ?? "none", known: formatVersion })
    ),
    audit: (queue, limit) =>
      Effect.map(
        queues.run<ReadonlyArray<string | number>>("audit", scripts.audit, queue, [limit]),
        ([enqueued, removed, indexed, records, looked, ...strays]) => ({
          enqueued: Number(enqueued),
          removed: Number(removed),
          indexed: Number(indexed),
          records: Number(records),
          looked: Number(looked),
          strays: Array.from({ length: strays.length / 2 }, (_, i) => `${strays[2 * i]} ${strays[2 * i + 1]}`)
        })
      )
  })
}
