import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import { Client, JobStore, Worker } from "winterq"
import { freshRedis } from "../support/fresh-redis.ts"
import { type Call, type Fate, respProxy } from "../support/RespProxy.ts"
import { portsOn, producerOn, Say, until } from "../support/Station.ts"

/** A process that enqueues and works, behind a proxy, beside a producer that does not go through it. */
const office = Effect.gen(function* () {
  const server = yield* freshRedis()
  const proxy = yield* respProxy(server.port)
  const ports = yield* portsOn({ url: proxy.url, timeout: "500 millis" })
  const other = yield* producerOn({ url: server.url })
  const said: Array<number> = []
  const scope = yield* Scope.make()
  yield* Effect.addFinalizer(() => Scope.close(scope, Exit.void))
  yield* Layer.buildWithScope(
    Worker.layer({ tasks: [Say], concurrency: 2, drain: 0, poll: "5 minutes", sweep: "5 minutes" }).pipe(
      Layer.provide(Worker.handler(Say, ({ n }) => Effect.sync(() => void said.push(n))))
    ),
    scope
  ).pipe(Effect.provideContext(ports))
  const count = (name: string) => proxy.calls.get(name) ?? 0
  yield* until("the worker waits", () => count("BZPOPMIN") > 0)
  const say = (n: number) => Effect.provideContext(Client.enqueue(Say, { n }), ports)
  // sooner than the worker would look by itself
  const hasSaid = (n: number) => until(`job ${n} has run`, () => said.includes(n), 2500)
  // the first claim that waits finds that the script is not known there yet
  for (const n of [-1, -2]) {
    yield* say(n)
    yield* hasSaid(n)
    yield* until("its end is told", () => count("exchange") > -n)
  }
  return { count, hasSaid, leave: Scope.close(scope, Exit.void), other, ports, proxy, said, say }
})

const isEnqueue = ({ script }: Call) => script === "enqueue"

/** Holds a call up until it is let go, to meet its fate. */
const holding = (fate: Fate) => {
  let isHeld = false
  let letGo = () => {}
  const gone = new Promise<void>((resolve) => (letGo = resolve))
  const hold = async (): Promise<Fate> => {
    isHeld = true
    await gone
    return fate
  }
  return { hold, isHeld: () => isHeld, letGo: Effect.sync(() => letGo()) }
}

describe("jobs handed over to a worker of the same process", () => {
  it.live("WAKE-7 an idle worker is given the job by the enqueue itself", () =>
    Effect.gen(function* () {
      const { count, hasSaid, say } = yield* office
      const counts = () => [count("enqueue"), count("exchange"), count("BZPOPMIN")] as const
      const before = counts()

      for (const n of [1, 2, 3]) {
        yield* say(n)
        yield* hasSaid(n)
        yield* until("its end is told", () => count("exchange") >= before[1] + n)
      }

      // one call stores it, one tells of its end; nothing ends the wait
      assert.deepStrictEqual(counts(), [before[0] + 3, before[1] + 3, before[2]])
    }).pipe(Effect.scoped)
  )

  it.live("WAKE-7 others' jobs are heard of all the same", () =>
    Effect.gen(function* () {
      const { hasSaid, other, say } = yield* office

      for (const n of [1, 3]) {
        yield* say(n)
        yield* hasSaid(n)
        yield* other.say(n + 1)
        yield* hasSaid(n + 1)
      }
    }).pipe(Effect.scoped)
  )

  for (const fate of ["cut", "mute"] as const) {
    const how = fate === "cut" ? "was lost with its connection" : "never came"
    it.live(`WAKE-7 REPEAT-2 a job is run once, and soon, when the answer to its enqueue ${how}`, () =>
      Effect.gen(function* () {
        const { count, hasSaid, proxy, said, say } = yield* office
        proxy.when({ matches: isEnqueue, reply: () => fate })
        const ends = count("exchange")

        // a call on a connection that says nothing more ends by its time
        const exit = yield* Effect.exit(say(1))
        yield* hasSaid(1)
        yield* until("its end is told", () => count("exchange") >= ends + 2)

        assert.strictEqual(Exit.isSuccess(exit), fate === "cut")
        assert.deepStrictEqual(
          said.filter((n) => n === 1),
          [1]
        )
      }).pipe(Effect.scoped)
    )
  }

  it.live("WAKE-7 nobody has to wait for an enqueue whose caller was interrupted", () =>
    Effect.gen(function* () {
      const { hasSaid, proxy, say } = yield* office
      const { hold, isHeld, letGo } = holding("pass")
      proxy.when({ matches: isEnqueue, reply: hold })

      const enqueueing = yield* Effect.forkChild(say(1), { startImmediately: true })
      yield* until("the job is stored", isHeld)
      yield* Fiber.interrupt(enqueueing)
      yield* letGo

      yield* hasSaid(1)
    }).pipe(Effect.scoped)
  )

  it.live("WAKE-7 STOP-1 a worker that leaves while an enqueue is under way holds no job", () =>
    Effect.gen(function* () {
      const { leave, ports, proxy, said, say } = yield* office
      // both calls are sent again then, in any order
      const { hold, isHeld, letGo } = holding("cut")
      proxy.when({ matches: isEnqueue, request: hold })

      const enqueueing = yield* Effect.forkChild(say(1), { startImmediately: true })
      yield* until("the enqueue is under way", isHeld)
      const leaving = yield* Effect.forkChild(leave, { startImmediately: true })
      yield* letGo
      const { id } = yield* Fiber.join(enqueueing)
      yield* Fiber.join(leaving)

      const job = Option.getOrThrow(yield* Context.get(ports, JobStore).get("say", id))
      assert.deepInclude(job, { state: "pending", attempt: 0 })
      assert.notInclude(said, 1)
    }).pipe(Effect.scoped)
  )
})
