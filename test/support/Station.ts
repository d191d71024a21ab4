import { assert } from "@effect/vitest"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as References from "effect/References"
import * as Schema from "effect/Schema"
import { Client, JobStore, Task, Worker } from "winterq"
import * as Redis from "winterq/redis"

/** The job of tests that are about Redis: it says its number. */
export class Say extends Task.make("integration.say", {
  payload: { n: Schema.Finite },
  queue: "say"
}) {}

/** Waits until it is so, with a bound; answers how many milliseconds that took. */
export const until = (what: string, isSo: () => boolean, millis = 10_000): Effect.Effect<number> =>
  Effect.gen(function* () {
    const start = performance.now()
    while (!isSo()) {
      if (performance.now() - start > millis) assert.fail(`not within ${millis} ms: ${what}`)
      yield* Effect.sleep("2 millis")
    }
    return performance.now() - start
  })

/** How long an effect takes, in milliseconds. */
export const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.suspend(() => {
    const start = performance.now()
    return Effect.map(effect, (value) => [value, performance.now() - start] as const)
  })

/** What was logged, a line each, under a logger that keeps it. */
const keepLog = () => {
  const lines: Array<string> = []
  const logger = Logger.make(({ message }) => {
    lines.push(`${Array.isArray(message) ? message.join(" ") : message}`)
  })
  const layer = Layer.merge(Logger.layer([logger]), Layer.succeed(References.MinimumLogLevel, "Debug"))
  return { lines, layer }
}

/** Every port on a Redis, with a client, for as long as the scope is open. */
export const portsOn = (options: Redis.Options, log = keepLog()) =>
  Layer.build(Client.layer.pipe(Layer.provideMerge(Redis.layer(options).pipe(Layer.provide(log.layer)))))

/** A producer of `Say` jobs, with the lines it has logged. */
export const producerOn = Effect.fnUntraced(function* (options: Redis.Options) {
  const log = keepLog()
  const ports = yield* portsOn(options, log)
  return {
    ports,
    lines: log.lines,
    store: Context.get(ports, JobStore),
    say: (n: number, more: { readonly id?: string; readonly queue?: string } = {}) =>
      Effect.provideContext(Client.enqueue(Say, { n }, more), ports)
  }
})

export interface WorkerOptions {
  readonly concurrency?: number
  readonly queues?: ReadonlyArray<string>
  readonly poll?: Duration.Input
  readonly sweep?: Duration.Input
  readonly lease?: Duration.Input
  readonly run?: (n: number) => Effect.Effect<void>
}

/** A worker of `Say` jobs on a Redis, with the numbers it has said and the lines it has logged. */
export const workerOn = Effect.fnUntraced(function* (
  options: Redis.Options,
  { run = () => Effect.void, ...more }: WorkerOptions = {}
) {
  const log = keepLog()
  const said: Array<number> = []
  const handler = Worker.handler(Say, ({ n }) =>
    Effect.andThen(
      run(n),
      Effect.sync(() => void said.push(n))
    )
  )
  yield* Layer.build(
    Worker.layer({ tasks: [Say], drain: 0, ...more }).pipe(
      Layer.provide(handler),
      Layer.provide(Redis.layer(options)),
      Layer.provide(log.layer)
    )
  )
  return { said, lines: log.lines }
})
