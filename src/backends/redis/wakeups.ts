import * as Effect from "effect/Effect"
import { type Wakeup, Wakeups } from "../../ports/Wakeups.ts"
import type { Connection } from "./Connection.ts"
import { blockMillis } from "./driver-options.ts"
import type { Ear } from "./ears.ts"
import type { Queues } from "./Queues.ts"
import { reasonOf } from "./store-error.ts"

/** After a failure the next command does not wait: its answer tells that the connection is back. */
const probeSeconds = 0.01

/** Between attempts while the server cannot be reached; the driver adds its own pause before it reconnects. */
const retryMillis = 200

/** Between attempts of a user who may not block. */
const deniedMillis = 5000

/**
 * Keeps one blocking command per ear in flight while somebody waits. A wait that ends by its time leaves the command
 * in flight: its answer serves the next wait, or is put back for another worker.
 */
const listen = (ears: ReadonlyArray<Ear>, connection: Connection) => {
  let waiter: (() => void) | undefined
  // an answer may have been lost with a connection while nobody waited
  let missed = false
  let closed = false

  const follow = (ear: Ear) => {
    let inFlight = false
    let broken = false
    let retry: ReturnType<typeof setTimeout> | undefined

    const heard = (key: string | undefined): void => {
      inFlight = false
      const wasBroken = broken
      broken = false
      if (wasBroken) connection.outages.back(ear)
      if (waiter !== undefined && (wasBroken || key !== undefined)) {
        waiter()
        return
      }
      // nobody here can use it; a failure costs others no more than their poll interval
      if (key !== undefined) connection.client.zadd(key, 0, "1").catch(() => undefined)
      missed ||= wasBroken
      block()
    }

    const failed = (error: unknown): void => {
      inFlight = false
      if (closed) return
      broken = true
      connection.outages.lost(ear.server, ear, error)
      retry = setTimeout(block, reasonOf(error) === "denied" ? deniedMillis : retryMillis)
    }

    // goes on by itself until a broken connection is back
    const block = (): void => {
      if (inFlight || closed || (waiter === undefined && !broken)) return
      inFlight = true
      ear.pop(broken ? probeSeconds : blockMillis / 1000).then(heard, failed)
    }

    return {
      block,
      close: () => clearTimeout(retry)
    }
  }

  const followed = ears.map(follow)

  return {
    signalled: Effect.callback<void>((resume) => {
      if (missed) {
        missed = false
        resume(Effect.void)
        return undefined
      }
      waiter = () => resume(Effect.void)
      for (const { block } of followed) block()
      return Effect.sync(() => {
        waiter = undefined
      })
    }).pipe(
      Effect.ensuring(
        Effect.sync(() => {
          waiter = undefined
        })
      )
    ),
    close: Effect.sync(() => {
      closed = true
      for (const { close } of followed) close()
    })
  }
}

export const make = (connection: Connection, queues: Queues): Wakeups["Service"] =>
  Wakeups.of({
    subscribe: Effect.fnUntraced(function* (names) {
      const ears = yield* connection.openEars(names.map((name) => queues.keys(name).wake))
      const listener = listen(ears, connection)
      // registered last, so that it runs before the ears are closed
      yield* Effect.addFinalizer(() => listener.close)
      return {
        wait: (millis) => Effect.raceFirst(listener.signalled, Effect.sleep(millis))
      } satisfies Wakeup
    })
  })
