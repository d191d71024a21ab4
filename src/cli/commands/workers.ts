import * as Effect from "effect/Effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Option from "effect/Option"
import * as Inspector from "../../features/inspector/Inspector.ts"
import { Notices } from "../../ports/Notices.ts"
import { connected } from "../connected.ts"
import { NotFound, TookTooLong } from "../errors.ts"
import { queueFlag } from "../flags.ts"
import { oneQueue } from "../known-queues.ts"
import { show, type Ui } from "../output.ts"
import { workerShape } from "../shapes.ts"
import { workerDetails, workerTable } from "../worker-text.ts"

const list = Command.make(
  "list",
  {
    queue: queueFlag.pipe(Flag.optional),
    all: Flag.Boolean("all").pipe(
      Flag.withAlias("a"),
      Flag.withDescription("Those not heard of lately too"),
      Flag.withDefault(false)
    )
  },
  ({ all, queue }) =>
    connected(
      Effect.gen(function* () {
        const everyone = yield* Inspector.workers(Option.isSome(queue) ? yield* oneQueue(queue.value) : undefined)
        const workers = everyone.filter(({ alive }) => all || alive)
        yield* show({ workers: workers.map(workerShape) }, (ui) =>
          workers.length === 0 ? noneText(everyone.length) : workerTable(ui, workers)
        )
      })
    )
).pipe(Command.withDescription("Show workers: where they run and what they do"))

const noneText = (silent: number): string =>
  silent === 0 ? "no workers" : `no workers alive; ${silent} silent (--all)`

const idArgument = Argument.String("id").pipe(Argument.withDescription("The worker's id"))

const find = Effect.fnUntraced(function* (id: string) {
  const worker = (yield* Inspector.workers()).find((one) => one.id === id)
  if (worker === undefined) return yield* new NotFound({ what: `worker ${id}` })
  return worker
})

const get = Command.make("get", { id: idArgument }, ({ id }) =>
  connected(
    Effect.gen(function* () {
      const worker = yield* find(id)
      yield* show(workerShape(worker), (ui: Ui) => workerDetails(ui, worker))
    })
  )
).pipe(Command.withDescription("Show one worker and the jobs it runs"))

/** A notice can be lost, so it is sent until the worker says that it stops. */
const hush = Effect.fnUntraced(function* (id: string) {
  const notices = yield* Notices
  const worker = yield* find(id)
  const lease = worker.details?.leaseMillis ?? 30_000
  const told = Effect.gen(function* () {
    while (true) {
      yield* notices.quiet(id)
      for (let look = 0; look < 10; look++) {
        if ((yield* find(id)).details?.stopping === true) return
        yield* Effect.sleep("250 millis")
      }
    }
  })
  yield* Effect.timeoutOrElse(told, {
    duration: lease,
    orElse: () => new TookTooLong({ what: `worker ${id} was told to be quiet and has not said that it is` })
  })
})

const quiet = Command.make("quiet", { id: idArgument }, ({ id }) =>
  connected(
    Effect.gen(function* () {
      yield* hush(id)
      yield* show({ id, quiet: true }, () => `${id} finishes what it runs and claims nothing more`)
    })
  )
).pipe(Command.withDescription("Let a worker claim nothing more until it is started again"))

export const workers = Command.make("workers").pipe(
  Command.withDescription("Look at workers"),
  Command.withSubcommands([list, get, quiet])
)
