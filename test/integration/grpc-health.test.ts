import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Memory from "winterq/memory"
import { GrpcServer } from "../../src/grpc/index.ts"
import { QueueService } from "../../src/grpc/gen/winter/v1/queue_service_pb.ts"
import * as Health from "../../src/features/health/Health.ts"
import { QueueControl } from "../../src/ports/QueueControl.ts"
import { ScheduleStore } from "../../src/ports/ScheduleStore.ts"
import { StoreError } from "../../src/ports/StoreError.ts"
import { connect, healthOf, serve, until } from "../support/grpc.ts"

const cut = Effect.fail(new StoreError({ operation: "queues", reason: "unavailable", retryable: true, cause: "cut" }))

/** A store that does not answer rounds while it is out. */
const cuttable = () => {
  const store = { isOut: false }
  const layer = Layer.effect(
    QueueControl,
    Effect.map(QueueControl, (control) => ({
      ...control,
      queues: Effect.suspend(() => (store.isOut ? cut : control.queues))
    }))
  )
  return { store, backend: Layer.provideMerge(layer, Memory.layer) }
}

describe("the health of a gRPC server", () => {
  it.live("turns NOT_SERVING while the store is out, and SERVING again", () =>
    Effect.gen(function* () {
      const { backend, store } = cuttable()
      const { address, services } = yield* serve(backend)
      const { client } = yield* connect(address)
      const all = Effect.forEach(["", QueueService.typeName], (name) => healthOf(client, name))
      yield* until(Health.ready, ({ ok }) => ok)

      store.isOut = true
      const during = yield* until(all, (seen) => seen.every((status) => status === "NOT_SERVING"))
      const verdicts = [yield* Health.ready, yield* Health.live]
      const { storeProblem } = yield* Context.get(services, GrpcServer).health
      store.isOut = false
      const after = yield* until(all, (seen) => seen.every((status) => status === "SERVING"))
      const ready = yield* Health.ready

      assert.deepStrictEqual(during, ["NOT_SERVING", "NOT_SERVING"])
      assert.deepStrictEqual(verdicts, [{ ok: false, reason: "store", detail: "unavailable" }, { ok: true }])
      assert.strictEqual(storeProblem, "unavailable")
      assert.deepStrictEqual(after, ["SERVING", "SERVING"])
      assert.deepStrictEqual(ready, { ok: true })
    }).pipe(Effect.scoped, Effect.provide(Health.layer))
  )

  it.live("stays good after a bug in a loop, which starts again", () =>
    Effect.gen(function* () {
      let looks = 0
      const broken = Layer.effect(
        ScheduleStore,
        Effect.map(ScheduleStore, (schedules) => ({
          ...schedules,
          queues: Effect.suspend(() => (++looks === 1 ? Effect.die("a bug") : schedules.queues))
        }))
      )
      const { log } = yield* serve(Layer.provideMerge(broken, Memory.layer))

      yield* until(
        Effect.sync(() => looks),
        (count) => count > 1
      )
      const live = yield* Health.live

      assert.deepStrictEqual(live, { ok: true })
      assert.deepStrictEqual(
        log.filter(({ level }) => level === "Error").flatMap(({ message }) => message),
        ["ticker failed and starts again: a bug"]
      )
    }).pipe(Effect.scoped, Effect.provide(Health.layer))
  )
})
