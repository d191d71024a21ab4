import { randomUUID } from "node:crypto"
import { assert } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Client, type EnqueueOptions, JobStore, QueueControl } from "winterq"
import { redisUrl } from "../../support/redis-url.ts"
import { respProxy } from "../../support/RespProxy.ts"
import { portsOn, until } from "../../support/Station.ts"
import { audit } from "./audit.ts"
import { Deed } from "./Deed.ts"
import { freshLedger } from "./Ledger.ts"
import { startWorkerProcess, type ProcessOptions } from "./worker-processes.ts"

type Does = (typeof Deed)["payload"]["Type"]

export const portOf = (url: string): number => Number(new URL(url).port || 6379)

/** Where a fault is to happen: a Redis, a proxy in front of it, a ledger, a producer, and workers when asked for. */
export const makeGround = Effect.fnUntraced(function* (url = redisUrl()) {
  const prefix = `faults-${randomUUID().slice(0, 8)}`
  const proxy = yield* respProxy(portOf(url))
  const ledger = yield* freshLedger
  const ports = yield* portsOn({ url, prefix, timeout: "5 seconds" })
  const store = Context.get(ports, JobStore)
  const control = Context.get(ports, QueueControl)

  const read = (id: string) => Effect.map(store.get("deeds", id), Option.getOrThrow)

  return {
    url,
    prefix,
    proxy,
    ledger,
    ports,
    store,
    control,
    /** Stores a job, over a connection that no fault befalls. */
    order: (id: string, payload: Does, options: EnqueueOptions<typeof Deed> = {}) =>
      Effect.provideContext(Client.enqueue(Deed, payload, { id, ...options }), ports),
    /** A worker process; `by` is how it reaches Redis. */
    worker: (
      options: Omit<ProcessOptions, "name" | "ledger" | "url" | "prefix"> = {},
      by: "proxy" | "direct" = "direct",
      nodeArgs: ReadonlyArray<string> = []
    ) => startWorkerProcess({ url: by === "proxy" ? proxy.url : url, prefix, ledger, ...options }, nodeArgs),
    read,
    /** Waits until a job is in a state, and reads it. */
    settled: (id: string, state: string, millis = 15_000) =>
      Effect.gen(function* () {
        const start = performance.now()
        while (true) {
          const job = yield* store.get("deeds", id)
          if (Option.isSome(job) && job.value.state === state) return job.value
          if (performance.now() - start > millis) {
            return assert.fail(`${id} is ${Option.isSome(job) ? job.value.state : "gone"}, not ${state}`)
          }
          yield* Effect.sleep("5 millis")
        }
      }),
    started: (id: string, times = 1) =>
      until(`${id} starts ${times} times`, () => ledger.starts(id).length >= times, 15_000),
    /** No index and no counter is off. */
    sound: Effect.promise(async () => {
      const { counters, problems } = await audit(portOf(url), prefix, "deeds")
      assert.deepStrictEqual(problems, [])
      return counters
    })
  }
})
