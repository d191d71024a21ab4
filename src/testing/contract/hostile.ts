import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { Cancel } from "../../domain/Steering.ts"
import * as Task from "../../domain/Task.ts"
import { Client, type EnqueueError } from "../../features/client/Client.ts"
import { JobStore } from "../../ports/JobStore.ts"
import { contract } from "./contract.ts"
import { listeningLogger } from "./observing-support.ts"
import { advanceUntil, Echo, enqueue, eventually, hasReported, isIn, work } from "./worker-support.ts"

const circle: Record<string, unknown> = { name: "circle" }
circle["self"] = circle

const throwing = (name: "message" | "stack" | "name") => {
  const error = new Error("it failed")
  Object.defineProperty(error, name, {
    get: () => {
      throw new Error(`no ${name}`)
    }
  })
  return error
}

const refuse = (): never => {
  throw new Error("trapped")
}

/** Everything at once that can go wrong when one looks at what was thrown. */
const proxy = (): unknown =>
  new Proxy(new Error("hidden"), {
    get: refuse,
    getOwnPropertyDescriptor: refuse,
    getPrototypeOf: refuse,
    has: refuse,
    ownKeys: refuse
  })

const revoked = (): unknown => {
  const { proxy: gone, revoke } = Proxy.revocable({}, {})
  revoke()
  return gone
}

/** What may be thrown, by name. */
const hostile: Readonly<Record<string, () => unknown>> = {
  nothing: () => undefined,
  null: () => null,
  symbol: () => Symbol("thrown"),
  bigint: () => 10n,
  function: () => () => 1,
  circle: () => circle,
  cause: () => {
    const error: Error & { cause?: unknown } = new Error("circular cause")
    error.cause = error
    return error
  },
  "null prototype": () => Object.assign(Object.create(null), { field: 1 }),
  "throwing getter": () => ({
    get field() {
      return refuse()
    }
  }),
  "throwing toJSON": () => ({ toJSON: refuse }),
  "throwing toString": () => ({ toString: refuse, [Symbol.toPrimitive]: refuse }),
  "throwing message": () => throwing("message"),
  "throwing stack": () => throwing("stack"),
  "throwing name": () => throwing("name"),
  "numeric stack": () => Object.assign(new Error("x"), { stack: 42 }),
  "throwing tag": () => ({
    get _tag() {
      return refuse()
    }
  }),
  proxy,
  revoked,
  deep: () => JSON.parse("[".repeat(5000) + "]".repeat(5000)),
  wide: () => Array.from({ length: 100_000 }, (_, i) => ({ i })),
  huge: () => new Error("x".repeat(10_000_000)),
  surrogate: () => "\ud800",
  "cancel without text": () => new Cancel({ reason: undefined as unknown as string }),
  "cancel with a symbol": () => new Cancel({ reason: Symbol("r") as unknown as string })
}

const names = Object.keys(hostile)

class Anything extends Task.make("contract.anything", { payload: Schema.Unknown }) {}

class Named extends Task.make("contract.named", { payload: Schema.Record(Schema.String, Schema.Unknown) }) {}

const values: ReadonlyArray<readonly [what: string, value: unknown]> = [
  [
    "prototype keys",
    JSON.parse(`{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"toString":1}`)
  ],
  ["lone surrogates", { "\ud800": "\udfff\ud800" }],
  ["NUL", { "a\0": "\0" }],
  ["large numbers", { a: 1.7976931348623157e308, b: 5e-324, c: Number.MAX_SAFE_INTEGER + 2, d: -1e21 }],
  ["depth", JSON.parse(`${"[".repeat(500)}${"]".repeat(500)}`)],
  ["infinity", { a: Infinity }],
  ["a bigint", { a: 10n }],
  ["a cycle", circle],
  ["depth beyond the stack", JSON.parse(`${"[".repeat(100_000)}${"]".repeat(100_000)}`)],
  ["a throwing getter", hostile["throwing getter"]!()],
  ["a proxy", proxy()],
  ["a symbol", { a: Symbol("s") }],
  ["undefined", { a: undefined }]
]

export const hostileContract = contract("hostile values", (it) => {
  it.effect("GUARD-1 whatever a handler fails with is a failed attempt, and the worker goes on", (queue) =>
    Effect.gen(function* () {
      const { layer } = listeningLogger()
      const seen: Array<string> = []
      yield* work(
        queue,
        Echo,
        ({ text }) => {
          const [how, what = ""] = text.split(":")
          const make = hostile[what]
          if (make === undefined) return Effect.succeed("fine")
          if (how === "fail") return Effect.fail(make())
          if (how === "die") return Effect.die(make())
          throw make()
        },
        {
          log: "all",
          concurrency: 100,
          hooks: {
            onError: ({ error, jobId }) => {
              seen.push(jobId)
              return error.length % 2 === 0 ? Effect.die(proxy()) : Effect.fail(throwing("stack"))
            }
          }
        }
      ).pipe(Effect.provide(layer))
      const handles = yield* Effect.forEach(
        names.flatMap((name) => [`fail:${name}`, `die:${name}`, `throw:${name}`]),
        (text) => enqueue(queue, Echo, { text })
      )
      const last = yield* enqueue(queue, Echo, { text: "last" })

      yield* advanceUntil(
        Effect.map(
          Effect.forEach(handles, ({ id }) => isIn(queue, id, "retry", "dead", "cancelled")),
          (ended) => ended.every(Boolean)
        ),
        "1 millis"
      )
      yield* advanceUntil(isIn(queue, last.id, "completed"), "1 millis")

      for (const { id } of handles) {
        const { failures } = yield* queue.read(id).pipe(Effect.orElseSucceed(() => ({ failures: [] })))
        for (const { error } of failures) assert.isTrue(error.isWellFormed())
      }
      assert.isAbove(seen.length, names.length)
    })
  )

  it.effect("GUARD-1 middleware that throws anything fails its attempt, and the worker goes on", (queue) =>
    Effect.gen(function* () {
      yield* work(queue, Echo, () => Effect.succeed("fine"), {
        middleware: [
          (next, { id }) => {
            const make = hostile[id.replaceAll("_", " ")]
            if (make !== undefined) throw make()
            return next
          }
        ]
      })
      for (const name of names) yield* enqueue(queue, Echo, { text: "" }, { id: name.replaceAll(" ", "_") })
      const last = yield* enqueue(queue, Echo, { text: "" }, { id: "last" })

      yield* advanceUntil(isIn(queue, last.id, "completed"), "1 millis")
    })
  )

  it.effect("ENQUEUE-5 INPUT-1 a hostile payload is returned as it was, or refused as invalid", (queue) =>
    Effect.gen(function* () {
      const received = new Map<string, unknown>()
      const put = (payload: unknown, info: { readonly id: string }) =>
        Effect.sync(() => {
          received.set(info.id, payload)
        })
      yield* work(queue, Anything, put)
      yield* work(queue.sibling, Named, put)
      const isPolluted = () => "polluted" in {}

      for (const [i, [what, value]] of values.entries()) {
        const results = [
          yield* Effect.result(
            Effect.provide(Client.enqueue(Anything, value, { queue: queue.name, id: `${i}-any` }), Client.layer)
          ),
          yield* Effect.result(
            Effect.provide(
              Client.enqueue(Named, value as Record<string, unknown>, { queue: queue.sibling.name, id: `${i}-named` }),
              Client.layer
            )
          )
        ]
        for (const result of results as ReadonlyArray<Result.Result<{ readonly id: string }, EnqueueError>>) {
          if (Result.isFailure(result)) assert.strictEqual(result.failure._tag, "InvalidPayload", what)
          else {
            const { id } = result.success
            yield* advanceUntil(Effect.map(queue.depths, () => received.has(id)))
            assert.deepStrictEqual(received.get(id), value, what)
            assert.strictEqual(Object.getPrototypeOf(received.get(id)), Object.getPrototypeOf(value), what)
          }
        }
      }
      assert.isFalse(isPolluted())
    })
  )

  it.effect("LOG-4 error texts are stored, logged and told as redact gives them", (queue) =>
    Effect.gen(function* () {
      const { layer, lines } = listeningLogger()
      const told: Array<string> = []
      yield* work(
        queue,
        Echo,
        ({ text }) =>
          text === "cancel"
            ? Effect.fail(new Cancel({ reason: "password=hunter2" }))
            : Effect.die(new Error(`${text} password=hunter2`)),
        {
          redact: (text, { id, kind, queue: name }) => {
            assert.deepStrictEqual([kind, name, id.length > 0], [Echo.kind, queue.name, true])
            if (text.includes("worse")) throw new Error("hunter2")
            return text.replaceAll(/password=\S+/g, "password=***")
          },
          hooks: {
            onError: ({ error }) => {
              told.push(error)
              return Effect.void
            }
          }
        }
      ).pipe(Effect.provide(layer))
      const failing = yield* enqueue(queue, Echo, { text: "bad" })
      const worse = yield* enqueue(queue, Echo, { text: "worse" })
      const cancelled = yield* enqueue(queue, Echo, { text: "cancel" })

      yield* advanceUntil(
        Effect.map(
          Effect.all([
            isIn(queue, failing.id, "retry"),
            isIn(queue, worse.id, "retry"),
            isIn(queue, cancelled.id, "cancelled")
          ]),
          (all) => all.every(Boolean)
        ),
        "1 millis"
      )
      yield* advanceUntil(
        Effect.map(queue.depths, () => told.length === 2),
        "1 millis"
      )

      const stored = yield* Effect.forEach([failing, worse, cancelled], ({ id }) => queue.read(id))
      const errors = stored.map(({ failures }) => failures[0]!.error)
      assert.include(errors[0], "bad password=***")
      assert.strictEqual(errors[1], "an error that is withheld: redacting it failed")
      assert.include(errors[2], "password=***")
      assert.notInclude(JSON.stringify([errors, told, lines]), "hunter2")
    })
  )

  it.effect("LOG-4 the reason for which somebody else cancels is logged and told redacted", (queue) =>
    Effect.gen(function* () {
      const { layer, lines } = listeningLogger()
      const told: Array<string> = []
      yield* work(queue, Echo, () => Effect.never, {
        redact: (text) => text.replaceAll(/password=\S+/g, "password=***"),
        hooks: { onCancel: ({ reason }) => Effect.sync(() => told.push(reason)) }
      }).pipe(Effect.provide(layer))
      yield* eventually(hasReported(queue))
      const { id } = yield* enqueue(queue, Echo, { text: "" })
      yield* eventually(isIn(queue, id, "active"))

      yield* JobStore.use((store) => store.cancel({ queue: queue.name, jobId: id, reason: "password=hunter2" }))
      yield* advanceUntil(
        Effect.map(queue.depths, () => told.length > 0),
        "1 millis"
      )

      assert.deepStrictEqual(told, ["password=***"])
      assert.notInclude(JSON.stringify(lines), "hunter2")
    })
  )
})
