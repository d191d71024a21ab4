import { assert, describe, it } from "@effect/vitest"
import type { ClientDuplexStream } from "@grpc/grpc-js"
import * as Effect from "effect/Effect"
import type { MessageInitShape } from "@bufbuild/protobuf"
import {
  type DequeueStreamRequestSchema,
  type DequeueStreamResponse,
  QueueService
} from "../../src/grpc/gen/winter/v1/queue_service_pb.ts"
import { JobStore } from "../../src/ports/JobStore.ts"
import { backends, connect, json, serve, until } from "../support/grpc.ts"

const { method } = QueueService

type Wire = ClientDuplexStream<MessageInitShape<typeof DequeueStreamRequestSchema>, DequeueStreamResponse>

/** What a stream has given so far, and how it ended. */
const reading = (wire: Wire) => {
  const seen = { ids: [] as Array<string>, ended: "" }
  wire.on("data", ({ job }) => seen.ids.push(job!.id))
  wire.on("end", () => (seen.ended ||= "ok"))
  wire.on("error", ({ message }) => (seen.ended = message))
  return seen
}

const open = (credit: number, queues = ["q"]) => ({ open: { queues, workerId: "w" }, credit })

for (const [backend, layer] of backends) {
  describe(`streaming dequeue on ${backend}`, () => {
    const test = (
      title: string,
      run: (
        client: Effect.Success<ReturnType<typeof connect>>,
        server: Effect.Success<ReturnType<typeof serve>>
      ) => Effect.Effect<void, unknown>
    ) =>
      it.live(title, () =>
        Effect.gen(function* () {
          const server = yield* serve(layer())
          yield* run(yield* connect(server.address), server)
        }).pipe(Effect.scoped)
      )

    const fill = (client: Effect.Success<ReturnType<typeof connect>>, count: number, queue = "q") =>
      client.call(method.enqueueBatch, {
        queue,
        jobs: Array.from({ length: count }, (_, n) => ({ kind: "k", payload: json("1"), jobId: `${queue}-${n}` }))
      })

    test("hands out no more jobs than were granted, as they come", (client) =>
      Effect.gen(function* () {
        yield* fill(client, 3)
        const wire = client.stream()
        const seen = reading(wire)

        wire.write(open(2))
        yield* until(client.stats("q"), ({ active }) => active === 2n)
        wire.write({ credit: 3 })
        yield* until(client.stats("q"), ({ active }) => active === 3n)
        yield* client.enqueue({ queue: "q", jobId: "late" })
        yield* client.enqueue({ queue: "q", jobId: "later" })
        yield* client.enqueue({ queue: "q", jobId: "beyond" })
        yield* until(client.stats("q"), ({ active }) => active === 5n)
        yield* until(
          Effect.sync(() => seen.ids.length),
          (count) => count === 5
        )
        const stats = yield* client.stats("q")
        wire.cancel()

        assert.deepStrictEqual(seen.ids, ["q-0", "q-1", "q-2", "late", "later"])
        assert.deepInclude(stats, { active: 5n, ready: 1n })
      }))

    test("serves several queues in turn", (client) =>
      Effect.gen(function* () {
        yield* fill(client, 4, "a")
        yield* fill(client, 4, "b")
        const wire = client.stream()
        const seen = reading(wire)

        wire.write(open(1, ["a", "b"]))
        for (let n = 0; n < 3; n++) {
          yield* until(
            Effect.sync(() => seen.ids.length),
            (count) => count === n + 1
          )
          wire.write({ credit: 1 })
        }
        yield* until(
          Effect.sync(() => seen.ids.length),
          (count) => count === 4
        )
        wire.cancel()

        assert.deepStrictEqual(seen.ids, ["a-0", "b-0", "a-1", "b-1"])
      }))

    test("ends when the client has ended and its credit is used up", (client) =>
      Effect.gen(function* () {
        yield* fill(client, 3)
        const wire = client.stream()
        const seen = reading(wire)

        wire.write(open(2))
        wire.end()
        yield* until(
          Effect.sync(() => seen.ended),
          (ended) => ended !== ""
        )
        const stats = yield* client.stats("q")

        assert.deepStrictEqual(seen, { ids: ["q-0", "q-1"], ended: "ok" })
        assert.deepInclude(stats, { active: 2n, ready: 1n })
      }))

    test("delivered jobs keep their lease when the client goes", (client, { services }) =>
      Effect.gen(function* () {
        yield* fill(client, 2)
        const wire = client.stream()
        const seen = reading(wire)
        wire.write(open(2))
        yield* until(
          Effect.sync(() => seen.ids.length),
          (count) => count === 2
        )
        // an answer on the same connection comes after the answer to what asks whether the jobs arrived
        yield* client.stats("q")
        yield* client.stats("q")

        wire.cancel()
        yield* until(
          Effect.sync(() => seen.ended),
          (ended) => ended !== ""
        )
        yield* client.stats("q")
        const stats = yield* client.stats("q")

        assert.deepInclude(stats, { active: 2n, ready: 0n })
        const store = yield* JobStore
        assert.isDefined(yield* store.get("q", "q-0"))
      }).pipe(Effect.provideContext(services)))

    test("refuses what makes no sense", (client) =>
      Effect.gen(function* () {
        const ends = yield* Effect.forEach(
          [{ credit: 1 }, open(1, []), open(-1), open(20_000), { open: { queues: ["q"] }, credit: 1 }],
          (first) =>
            Effect.gen(function* () {
              const wire = client.stream()
              const seen = reading(wire)
              wire.write(first)
              return yield* until(
                Effect.sync(() => seen.ended),
                (ended) => ended !== ""
              )
            })
        )

        assert.deepStrictEqual(
          ends.map((end) => end.split(" ").slice(1, 3).join(" ")),
          ["open", "queues", "credit", "credit", "worker_id"].map((field) => `INVALID_ARGUMENT: ${field}`)
        )
      }))

    test("a stopping server ends its streams, and jobs are not lost", (client) =>
      Effect.gen(function* () {
        const wire = client.stream()
        const seen = reading(wire)

        const { stopped } = yield* Effect.scoped(
          Effect.gen(function* () {
            const server = yield* serve(layer())
            const other = yield* connect(server.address)
            const wire = other.stream()
            const seen = reading(wire)
            wire.write(open(5))
            yield* other.stats("q")
            return { stopped: seen }
          })
        )
        wire.cancel()

        assert.strictEqual(stopped.ended, "ok")
        assert.deepStrictEqual(seen.ids, [])
      }))
  })
}
