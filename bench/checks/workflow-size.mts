// A chord of 100, 1,000 and 10,000 members and its callback: what a member costs, in time and in Redis commands.
//
//   node -C winterq-source bench/checks/workflow-size.mts
import { Duration, Effect, Layer, Option, Schema } from "effect"
import { Redis as IORedis } from "ioredis"
import { Task, Worker, Workflow, Workflows } from "winterq"
import * as Redis from "winterq/redis"
import { startRedis } from "../../test/support/redis-server.ts"

class Part extends Task.make("check.part", { payload: { n: Schema.Int }, success: Schema.Int, queue: "parts" }) {}
class Sum extends Task.make("check.sum", { payload: {}, success: Schema.Int, queue: "parts" }) {}

delete process.env["WINTERQ_TEST_REDIS_URL"]
const redis = await startRedis()
const probe = new IORedis(redis.url)

interface Usage {
  /** What clients sent. */
  readonly sent: number
  /** With what scripts did. */
  readonly all: number
  readonly slowestMillis: number
}

/** Commands since the last call, and the slowest script among them. */
const usage = async (): Promise<Usage> => {
  const stats = await probe.info("commandstats")
  const calls = Array.from(stats.matchAll(/cmdstat_([\w|]+):calls=(\d+)/g), ([, name, n]) => [name, Number(n)] as const)
  const slow = (await probe.slowlog("GET", 1000)) as ReadonlyArray<
    readonly [id: number, at: number, micros: number, command: ReadonlyArray<string>]
  >
  const scripts = slow.filter(([, , , [command]]) => /^eval/i.test(command ?? ""))
  await probe.config("RESETSTAT")
  await probe.slowlog("RESET")
  return {
    sent: calls.filter(([name]) => /^(evalsha|eval|bzpopmin)$/.test(name)).reduce((sum, [, n]) => sum + n, 0),
    all: calls.filter(([name]) => !/^(info|config|slowlog)/.test(name)).reduce((sum, [, n]) => sum + n, 0),
    slowestMillis: Math.max(0, ...scripts.map(([, , micros]) => micros)) / 1000
  }
}

const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function* () {
    yield* Effect.promise(usage)
    const [elapsed, value] = yield* Effect.timed(effect)
    return { value, millis: Duration.toMillis(elapsed), ...(yield* Effect.promise(usage)) }
  })

const PartLive = Worker.handler(Part, ({ n }) => Effect.succeed(n))
const SumLive = Worker.handler(Sum, (_, job) =>
  Effect.map(Workflows.parentResults(Part, job), (parts) => parts.reduce((sum, part) => sum + part, 0))
)
const WorkerLive = Worker.layer({ tasks: [Part, Sum], concurrency: 50 }).pipe(Layer.provide([PartLive, SumLive]))

const chordOf = (size: number) =>
  Workflow.chord(
    Array.from({ length: size }, (_, n) => Workflow.job(Part, { n })),
    Workflow.job(Sum, {})
  )

const row = (
  what: string,
  size: number,
  { all, millis, sent, slowestMillis }: Usage & { readonly millis: number }
) => ({
  what,
  members: size,
  ms: Math.round(millis),
  "µs per member": Math.round((1000 * millis) / size),
  "calls per member": Number((sent / size).toFixed(3)),
  "commands per member": Number((all / size).toFixed(1)),
  "slowest script, ms": Number(slowestMillis.toFixed(1))
})

const measure = (size: number) =>
  Effect.gen(function* () {
    const started = yield* timed(Workflows.start(chordOf(size)))
    const ran = yield* timed(
      Effect.provide(Workflows.awaitResult(started.value), WorkerLive).pipe(Effect.map((sum) => sum))
    )
    if (ran.value !== (size * (size - 1)) / 2) throw new Error(`the sum of ${size} parts is ${ran.value}`)
    const waiting = yield* Workflows.start(chordOf(size))
    const cancelled = yield* timed(
      Effect.gen(function* () {
        yield* Workflows.cancel(waiting.id)
        const ended = yield* Effect.provide(Workflows.awaitEnd(waiting.id), WorkerLive)
        if (Option.getOrThrow(ended).state !== "cancelled") throw new Error("it is not cancelled")
      })
    )
    return [row("start", size, started), row("run", size, ran), row("cancel", size, cancelled)]
  })

await probe.config("SET", "slowlog-log-slower-than", "1000", "slowlog-max-len", "1000")
const rows = await Effect.runPromise(
  Effect.gen(function* () {
    // compiles code and loads scripts
    yield* measure(100)
    return (yield* Effect.forEach([100, 1000, 10_000], measure)).flat()
  }).pipe(
    Effect.provide(Workflows.layer.pipe(Layer.provideMerge(Redis.layer({ url: redis.url })))),
    Effect.scoped
  ) as Effect.Effect<ReadonlyArray<ReturnType<typeof row>>>
)
console.table(rows.toSorted((a, b) => a.what.localeCompare(b.what) || a.members - b.members))
probe.disconnect()
await redis.stop()
