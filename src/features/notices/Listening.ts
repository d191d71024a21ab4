import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { JobIds } from "../../ports/JobIds.ts"
import type { Notice, Notices } from "../../ports/Notices.ts"
import type { StoreError } from "../../ports/StoreError.ts"
import { restarted } from "../loops/Loops.ts"

/** What a wait is known by to the store: who waits, and a number of its own. */
export interface Call {
  readonly watcher: string
  readonly ref: number
}

/** Waits that end with a notice, or by looking, which is up to them. */
export interface Listening<A> {
  /** Runs a wait; `told` waits for what the first notice for it says, or for nothing when it may have been lost. */
  readonly during: <B, E, R>(
    wait: (call: Call, told: Effect.Effect<Option.Option<A>>) => Effect.Effect<B, E, R>
  ) => Effect.Effect<B, E | StoreError, R>
}

/** What a notice says, and to which wait. */
export interface Told<A> {
  readonly ref: number
  readonly value: A
}

/** Notices are opened with the first wait, so that programs that never wait need no connection for them. */
export const make = Effect.fnUntraced(function* <A>(
  name: string,
  notices: Notices["Service"],
  read: (notice: Notice) => Told<A> | undefined
) {
  const scope = yield* Effect.scope
  const watcher = `${name}-${yield* (yield* JobIds).next}`
  const waiting = new Map<number, { told: Deferred.Deferred<Option.Option<A>> }>()
  const opening = Semaphore.makeUnsafe(1)
  let isOpen = false
  let lastRef = 0

  const listen = (inbox: Queue.Dequeue<Notice>) =>
    Effect.gen(function* () {
      while (true) {
        const notice = yield* Queue.take(inbox)
        if (notice._tag === "Missed") {
          for (const one of waiting.values()) {
            const { told } = one
            if (Deferred.isDoneUnsafe(told)) continue
            one.told = Deferred.makeUnsafe()
            yield* Deferred.succeed(told, Option.none())
          }
          continue
        }
        const said = read(notice)
        const one = said && waiting.get(said.ref)
        if (one !== undefined) yield* Deferred.succeed(one.told, Option.some(said!.value))
      }
    })

  const open = opening.withPermit(
    Effect.gen(function* () {
      if (isOpen) return
      const inbox = yield* Scope.provide(notices.open(watcher), scope)
      yield* Effect.forkIn(restarted(`notices of ${watcher}`, listen(inbox)), scope)
      isOpen = true
    })
  )

  const during: Listening<A>["during"] = (wait) =>
    Effect.gen(function* () {
      yield* open
      const ref = ++lastRef
      const one = { told: Deferred.makeUnsafe<Option.Option<A>>() }
      waiting.set(ref, one)
      const told = Effect.suspend(() => Deferred.await(one.told))
      return yield* Effect.ensuring(
        wait({ watcher, ref }, told),
        Effect.sync(() => waiting.delete(ref))
      )
    })

  return { during } satisfies Listening<A>
})
