import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import { restarted } from "../features/loops/Loops.ts"
import type { Wakeup, Wakeups } from "../ports/Wakeups.ts"

/** Between looks without a signal, in case one was lost. */
const pollMillis = 5000

/** How long a queue is listened to when nobody waits any more. */
const idleMillis = 30_000

/** Listening takes a connection of the store: queues beyond this many are looked at twice a second instead. */
const maxListening = 64
const unheardMillis = 500

/** Until another attempt to listen. */
const retryMillis = 10_000

interface Waiter {
  readonly wake: () => void
  woken: boolean
}

/** Those who wait for work of one queue. Wakes one at a time, first come first: a claim that leaves jobs signals anew. */
class Lobby {
  readonly waiters = new Set<Waiter>()
  /** Open while somebody waits. */
  readonly occupied = Latch.makeUnsafe(false)
  readonly vacant = Latch.makeUnsafe(true)
  /** Opened when the next change is nearer than was known. */
  readonly sooner = Latch.makeUnsafe(false)
  nextAt = Number.POSITIVE_INFINITY

  enter(waiter: Waiter): void {
    this.waiters.add(waiter)
    this.vacant.closeUnsafe()
    this.occupied.openUnsafe()
  }

  leave(waiter: Waiter): void {
    this.waiters.delete(waiter)
    if (this.waiters.size > 0) return
    this.occupied.closeUnsafe()
    this.vacant.openUnsafe()
  }

  wakeNext(): void {
    const [first] = this.waiters
    if (first === undefined) return
    this.leave(first)
    first.woken = true
    first.wake()
  }

  wakeAll(): void {
    for (const _ of [...this.waiters]) this.wakeNext()
  }

  /** Learns when something becomes visible or a lease expires. */
  expect(at: number): void {
    if (at >= this.nextAt) return
    this.nextAt = at
    this.sooner.openUnsafe()
  }

  /** Ends when the lobby wakes this waiter. Whoever is woken and does not look passes the turn on. */
  readonly turn: Effect.Effect<void> = Effect.suspend(() => {
    const waiter: Waiter = { woken: false, wake: () => undefined }
    return Effect.callback<void>((resume) => {
      Object.assign(waiter, { wake: () => resume(Effect.void) })
      this.enter(waiter)
    }).pipe(
      Effect.onInterrupt(() =>
        Effect.sync(() => {
          if (waiter.woken) this.wakeNext()
          else this.leave(waiter)
        })
      )
    )
  })
}

/** Lets many calls wait for work, on one ear per queue. */
export interface Lobbies {
  /** Waits until it is worth looking at one of the queues, or until the time is over. */
  readonly wait: (queues: ReadonlyArray<string>, millis: number) => Effect.Effect<void>
  /** Tells what a claim has learned of a queue: milliseconds to its next change, if any is known. */
  readonly expect: (queue: string, nextInMillis: number | undefined) => Effect.Effect<void>
}

export const makeLobbies = (wakeups: Wakeups["Service"], scope: Scope.Scope): Lobbies => {
  const lobbies = new Map<string, Lobby>()
  let listening = 0

  const unheard: Wakeup = { wait: (millis) => Effect.sleep(Math.min(millis, unheardMillis)), pass: Effect.void }

  const attend = (lobby: Lobby, wakeup: Wakeup) =>
    Effect.gen(function* () {
      while (true) {
        if (Option.isNone(yield* Effect.timeoutOption(lobby.occupied.await, idleMillis))) return
        const now = yield* Clock.currentTimeMillis
        lobby.sooner.closeUnsafe()
        const millis = Math.max(1, Math.min(lobby.nextAt - now, pollMillis))
        const isTime = yield* Effect.raceAllFirst([
          Effect.as(wakeup.wait(millis), true),
          Effect.as(lobby.sooner.await, false),
          Effect.as(lobby.vacant.await, false)
        ])
        if (!isTime) continue
        if (lobby.nextAt <= (yield* Clock.currentTimeMillis)) lobby.nextAt = Number.POSITIVE_INFINITY
        lobby.wakeNext()
      }
    })

  const listen = (queue: string, lobby: Lobby) =>
    Effect.gen(function* () {
      yield* Effect.acquireRelease(
        Effect.sync(() => listening++),
        () => Effect.sync(() => listening--)
      )
      while (true) {
        const wakeup =
          listening > maxListening
            ? Option.none<Wakeup>()
            : yield* wakeups.subscribe([queue]).pipe(
                Effect.tapError((error) => Effect.logDebug(`queue ${queue} is not listened to yet: ${error.message}`)),
                Effect.option
              )
        if (Option.isSome(wakeup)) return yield* attend(lobby, wakeup.value)
        if (Option.isSome(yield* Effect.timeoutOption(attend(lobby, unheard), retryMillis))) return
      }
    }).pipe(
      Effect.scoped,
      // nobody listens for them until it starts again
      Effect.onError(() => Effect.sync(() => lobby.wakeAll())),
      (listening) => restarted(`listening to queue ${queue}`, listening),
      Effect.ensuring(
        Effect.sync(() => {
          lobbies.delete(queue)
          // whoever came while this ended looks again, and finds a new lobby
          lobby.wakeAll()
        })
      )
    )

  const at = (queue: string): Effect.Effect<Lobby> =>
    Effect.suspend(() => {
      const known = lobbies.get(queue)
      if (known !== undefined) return Effect.succeed(known)
      const lobby = new Lobby()
      lobbies.set(queue, lobby)
      return Effect.as(Effect.forkIn(listen(queue, lobby), scope), lobby)
    })

  return {
    wait: (queues, millis) =>
      Effect.flatMap(Effect.forEach(queues, at), (some) =>
        Effect.asVoid(Effect.timeoutOption(Effect.raceAllFirst(some.map((lobby) => lobby.turn)), millis))
      ),
    expect: (queue, nextInMillis) =>
      nextInMillis === undefined
        ? Effect.void
        : Effect.zipWith(at(queue), Clock.currentTimeMillis, (lobby, now) =>
            // a millisecond at least: the store's clock may be a little behind what it announced
            lobby.expect(now + Math.max(1, nextInMillis))
          )
  }
}
