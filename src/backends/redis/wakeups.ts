import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { checkQueue } from "../../domain/limits.ts"
import { refused } from "../../ports/checks.ts"
import { type Wakeup, Wakeups } from "../../ports/Wakeups.ts"
import type { Connection } from "./Connection.ts"
import { blockMillis } from "./driver-options.ts"
import type { Ear, Heard } from "./ears.ts"
import type { Handovers } from "./Handovers.ts"
import type { Queues } from "./Queues.ts"
import { reasonOf } from "./store-error.ts"
import { type Claim, type WaitingClaims, waitingClaims } from "./waiting-claims.ts"

/** After a failure the next command does not wait: its answer tells that the connection is back. */
const probeSeconds = 0.01

/** Between attempts while the server cannot be reached; the driver adds its own pause before it reconnects. */
const retryMillis = 200

/** Between attempts of a user who may not block. */
const deniedMillis = 5000

/** Node takes no longer time. */
const longestTimer = 2 ** 31 - 1

const realClock = Context.get(Context.empty(), Clock.Clock)

const ignore = (): void => undefined

/**
 * Keeps one blocking command per ear in flight while somebody waits, with a claim behind it when there is a claimant. A
 * wait that ends by its time leaves the command in flight: its answer serves the next wait, or is put back for another
 * worker.
 */
const listen = (ears: ReadonlyArray<Ear>, connection: Connection, claims: WaitingClaims | undefined) => {
  let waiter: (() => void) | undefined
  // an answer may have been lost with a connection while nobody waited
  let missed = false
  let closed = false
  // what whoever waited last was woken by
  let lastHeard: string | undefined

  /** Signals again; a failure costs others no more than their poll interval. */
  const putBack = (key: string): void =>
    connection.call((commands) => commands.zadd(key, 0, "1"), { succeed: ignore, fail: ignore })

  const follow = (ear: Ear) => {
    let inFlight = false
    let broken = false
    let retry: ReturnType<typeof setTimeout> | undefined

    const heard = ({ error, key, reply }: Heard, claim: Claim | undefined): void => {
      const isAnswered = claim !== undefined && reply !== undefined && claim.answer(reply)
      if (error !== undefined) {
        failed(error)
        if (isAnswered) waiter?.()
        return
      }
      inFlight = false
      const wasBroken = broken
      broken = false
      if (wasBroken) connection.outages.back(ear)
      // a claim whose answer is not known is to be asked for again
      const isNews = key !== undefined || claim !== undefined || wasBroken
      if (waiter !== undefined && isNews) {
        lastHeard = key
        waiter()
        return
      }
      // nobody here can use it
      if (key !== undefined && !isAnswered) putBack(key)
      missed ||= isNews && key === undefined && !isAnswered
      block()
    }

    const failed = (error: unknown): void => {
      inFlight = false
      if (closed) return
      broken = true
      connection.outages.lost(ear.server, ear, error)
      clearTimeout(retry)
      retry = setTimeout(again, reasonOf(error) === "denied" ? deniedMillis : retryMillis)
    }

    const again = (): void => {
      retry = undefined
      block()
    }

    // goes on by itself until a broken connection is back
    const block = (): void => {
      if (inFlight || closed || retry !== undefined || (waiter === undefined && !broken)) return
      inFlight = true
      const claim = broken || !connection.isOpen() ? undefined : claims?.next()
      const seconds = broken ? probeSeconds : Math.min(blockMillis, claim?.forMillis ?? blockMillis) / 1000
      // a mistake, here or of whoever is told, is no reason to end the process
      const trying = (act: () => void): void => {
        const done = Result.try(act)
        if (Result.isFailure(done)) failed(done.failure)
      }
      trying(() => ear.pop(seconds, claim?.command, { heard: (news) => trying(() => heard(news, claim)), failed }))
    }

    return {
      block,
      close: () => clearTimeout(retry)
    }
  }

  const followed = ears.map(follow)

  return {
    /** Ends after that time without a signal, if one is given. */
    signalled: (millis?: number): Effect.Effect<void> =>
      Effect.callback<void>((resume) => {
        if (missed) {
          missed = false
          resume(Effect.void)
          return undefined
        }
        let timer: ReturnType<typeof setTimeout> | undefined
        const leave = () => {
          waiter = undefined
          clearTimeout(timer)
        }
        waiter = () => {
          leave()
          resume(Effect.void)
        }
        if (millis !== undefined) timer = setTimeout(waiter, Math.min(millis, longestTimer))
        for (const { block } of followed) block()
        return Effect.sync(leave)
      }),
    pass: Effect.sync(() => {
      if (lastHeard !== undefined) putBack(lastHeard)
      lastHeard = undefined
    }),
    close: Effect.sync(() => {
      closed = true
      for (const { close } of followed) close()
    })
  }
}

export const make = (connection: Connection, queues: Queues, handovers: Handovers): Wakeups["Service"] =>
  Wakeups.of({
    subscribe: Effect.fnUntraced(function* (names, claimant) {
      for (const name of names)
        yield* Effect.mapError(Effect.fromResult(checkQueue(name)), (cause) => refused("subscribe", cause))
      const clock = yield* Clock.Clock
      const ears = yield* connection.openEars(names.map((name) => queues.keys(name).wake))
      const [only] = names
      if (claimant !== undefined && only !== undefined && names.length === 1) {
        yield* Effect.acquireRelease(
          Effect.sync(() => handovers.join(only, claimant)),
          (leave) => Effect.sync(leave)
        )
      }
      // a claim that waits goes by the server's clock, since it knows no other when it is carried out
      const mayClaim = claimant !== undefined && names.length === 1 && queues.nowBy(clock) === ""
      const listener = listen(ears, connection, mayClaim ? yield* waitingClaims(queues, claimant) : undefined)
      // registered last, so that it runs before the ears are closed
      yield* Effect.addFinalizer(() => listener.close)
      return {
        // a race of fibers takes several times as long as a timer, which knows no other clock
        wait: (millis) =>
          clock === realClock
            ? listener.signalled(millis)
            : Effect.raceFirst(listener.signalled(), Effect.sleep(millis)),
        pass: listener.pass
      } satisfies Wakeup
    })
  })
