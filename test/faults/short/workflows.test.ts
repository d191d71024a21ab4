import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Workflow, Workflows } from "winterq"
import { runs, type ScriptName } from "../../support/RespProxy.ts"
import { until } from "../../support/Station.ts"
import { Deed } from "../support/Deed.ts"
import { makeGround } from "../support/Ground.ts"

const place = Effect.gen(function* () {
  const ground = yield* makeGround()
  const services = yield* Layer.build(Workflows.layer.pipe(Layer.provide(Layer.succeedContext(ground.ports))))
  return {
    ...ground,
    on: <A, E>(effect: Effect.Effect<A, E, Workflows>) => Effect.provideContext(effect, services)
  }
})

const step = (does: "end" | "hang" = "end") => Workflow.job(Deed, { does })

const numbers = (count: number) => Array.from({ length: count }, (_, n) => n)

describe("workflows whose workers die", () => {
  // between a child's end and its parent's step, at each call on the way
  for (const script of ["advance", "enqueue", "confirm", "relayed"] satisfies ReadonlyArray<ScriptName>) {
    for (const when of ["before", "after"] as const) {
      it.live(`F75 killed ${when} ${script} of a chain's next step: it goes on, once`, () =>
        Effect.gen(function* () {
          const ground = yield* place
          const victim = yield* ground.worker({}, "proxy")
          const die = () => {
            victim.signal("SIGKILL")
            return "cut" as const
          }
          ground.proxy.when({ matches: runs(script), ...(when === "before" ? { request: die } : { reply: die }) })
          const { id } = yield* ground.on(
            Workflows.start(Workflow.chain(step(), step()), { id: `w-${script}-${when}` })
          )
          yield* victim.ended

          yield* ground.worker()
          yield* until("the last step has run", () => ground.ledger.ofNode(id, 1, "ok").length > 0, 15_000)
          const record = yield* ground.on(Workflows.awaitEnd(id))

          assert.strictEqual(record._tag === "Some" && record.value.state, "completed")
          assert.lengthOf(ground.ledger.ofNode(id, 0, "invoke"), 1)
          const begun = ground.ledger.ofNode(id, 1, "invoke")
          assert.lengthOf(new Set(begun.map(({ job }) => job)), 1)
          // the victim may have begun it
          assert.isAtMost(begun.length, begun[0]!.proc === String(victim.pid) ? 2 : 1)
          yield* ground.sound
        }).pipe(Effect.scoped)
      )
    }
  }

  it.live("F76 every reply about endings is lost: the join fires once", () =>
    Effect.gen(function* () {
      const ground = yield* place
      yield* ground.worker({}, "proxy")
      let calls = 0
      ground.proxy.when({
        matches: ({ script }) =>
          script === "advance" || script === "confirm" || script === "relayed" || script === "exchange",
        times: Infinity,
        reply: () => (++calls % 2 === 0 ? "cut" : "pass")
      })
      const { id } = yield* ground.on(
        Workflows.start(
          Workflow.chord(
            numbers(6).map(() => step()),
            step()
          )
        )
      )

      yield* until("the callback has run", () => ground.ledger.ofNode(id, 6, "ok").length > 0, 20_000)
      ground.proxy.clear()
      yield* ground.on(Workflows.awaitEnd(id))

      assert.lengthOf(ground.ledger.ofNode(id, 6, "invoke"), 1)
      const first = ground.ledger.ofNode(id, 6, "invoke")[0]!.t
      for (const n of numbers(6)) assert.isAtMost(ground.ledger.ofNode(id, n, "ok")[0]!.t, first)
      yield* ground.sound
    }).pipe(Effect.scoped)
  )

  it.live("F77 a join of 300 whose workers are killed again and again: it fires once", () =>
    Effect.gen(function* () {
      const ground = yield* place
      const { id } = yield* ground.on(
        Workflows.start(
          Workflow.chord(
            numbers(300).map(() => step()),
            step()
          )
        )
      )
      for (let kills = 0; kills < 3; kills++) {
        const victim = yield* ground.worker()
        const before = ground.ledger.entries().length
        yield* until(
          "some have run",
          () => ground.ledger.entries().length > before + 60 || ground.ledger.ofNode(id, 300, "ok").length > 0
        )
        victim.signal("SIGKILL")
      }
      yield* ground.worker()

      yield* until("the callback has run", () => ground.ledger.ofNode(id, 300, "ok").length > 0, 20_000)
      yield* ground.on(Workflows.awaitEnd(id))

      assert.lengthOf(ground.ledger.ofNode(id, 300, "invoke"), 1)
      yield* ground.sound
    }).pipe(Effect.scoped)
  )

  it.live("F78 cancelled while it fans out and the worker is killed: no orphan runs on", () =>
    Effect.gen(function* () {
      const ground = yield* place
      const victim = yield* ground.worker()
      const { id } = yield* ground.on(
        Workflows.start(Workflow.chain(step(), Workflow.group(numbers(20).map(() => step("hang")))))
      )
      yield* until("it fans out", () => ground.ledger.entries().length > 8)
      yield* Effect.all([ground.on(Workflows.cancel(id)), Effect.sync(() => victim.signal("SIGKILL"))], {
        concurrency: "unbounded"
      })

      yield* ground.worker()
      const record = yield* ground.on(Workflows.awaitEnd(id)).pipe(Effect.timeout("20 seconds"))

      assert.strictEqual(record._tag === "Some" && record.value.state, "cancelled")
      const depths = yield* ground.control.depths("deeds")
      assert.deepInclude(depths, { pending: 0, scheduled: 0, retry: 0, active: 0 })
      yield* ground.sound
    }).pipe(Effect.scoped)
  )
})
