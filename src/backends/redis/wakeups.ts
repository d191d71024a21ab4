import * as Effect from "effect/Effect"
import type { Redis as IORedis } from "ioredis"
import { type Wakeup, Wakeups } from "../../ports/Wakeups.ts"
import type { Connection } from "./Connection.ts"
import type { Queues } from "./Queues.ts"

/** How long one blocking command waits at the server: short enough to notice a dead socket, long enough to be rare. */
const blockSeconds = 5

/** Between attempts while the server cannot be reached. */
const retryMillis = 500

/**
 * Keeps one blocking command in flight while somebody waits. A wait that ends by its time leaves the command in
 * flight: its answer serves the next wait, or is put back for another worker.
 */
const listen = (blocking: IORedis, connection: Connection, wakeKeys: ReadonlyArray<string>) => {
  let waiter: (() => void) | undefined
  let inFlight = false
  let closed = false

  const block = (): void => {
    if (inFlight || closed || waiter === undefined) return
    inFlight = true
    blocking.bzpopmin(...wakeKeys, blockSeconds).then(
      (reply) => {
        inFlight = false
        if (reply === null) block()
        else if (waiter === undefined) {
          // nobody here can use it; a failure costs others no more than their poll interval
          connection.client.zadd(reply[0], 0, "1").catch(() => undefined)
        } else waiter()
      },
      () => {
        inFlight = false
        setTimeout(block, retryMillis).unref()
      }
    )
  }

  return {
    signalled: Effect.callback<void>((resume) => {
      waiter = () => resume(Effect.void)
      block()
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
    })
  }
}

export const make = (connection: Connection, queues: Queues): Wakeups["Service"] =>
  Wakeups.of({
    subscribe: Effect.fnUntraced(function* (names) {
      const blocking = yield* connection.openBlocking
      const listener = listen(
        blocking,
        connection,
        names.map((name) => queues.keys(name).wake)
      )
      yield* Effect.addFinalizer(() => listener.close)
      return {
        wait: (millis) => Effect.raceFirst(listener.signalled, Effect.sleep(millis))
      } satisfies Wakeup
    })
  })
