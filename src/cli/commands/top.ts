import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { TerminalCapabilities } from "effect/cli/TerminalCapabilities"
import * as Queue from "effect/Queue"
import * as Terminal from "effect/Terminal"
import * as Inspector from "../../features/inspector/Inspector.ts"
import { connected } from "../connected.ts"
import { durationFlag, JsonFlag } from "../flags.ts"
import { jsonText, ui } from "../output.ts"
import { queueShape, ratesShape, workerShape } from "../shapes.ts"
import { crop, type Snapshot, topText } from "../top-text.ts"

const snapshot = Effect.gen(function* () {
  const [views, workers] = yield* Effect.all([Inspector.queues, Inspector.workers()], { concurrency: 2 })
  const queues = yield* Effect.forEach(
    views,
    (view) => Effect.map(Inspector.rates(view.name), (rates) => ({ view, rates })),
    { concurrency: 8 }
  )
  return { queues, workers: workers.filter(({ alive }) => alive) } satisfies Snapshot
})

const shape = ({ queues, workers }: Snapshot, at: number) => ({
  at,
  queues: queues.map(({ rates, view }) => ({ ...queueShape(view), rates: ratesShape(rates) })),
  workers: workers.map(workerShape)
})

const enter = "\u001B[?1049h\u001B[?25l\u001B[2J"
const leave = "\u001B[?25h\u001B[?1049l"

/** Draws over what was there, line by line, so that nothing flickers. */
const frame = (lines: ReadonlyArray<string>): string =>
  `\u001B[H${lines.map((line) => `${line}\u001B[K`).join("\r\n")}\u001B[J`

/** What is shown when the store cannot be reached for a while: the last picture, and why it is the last. */
const look = Effect.fnUntraced(function* (last: Snapshot | undefined) {
  const result = yield* Effect.result(snapshot)
  return result._tag === "Success"
    ? { shown: result.success, problem: undefined }
    : { shown: last, problem: result.failure.message }
})

const live = Effect.fnUntraced(function* (millis: number) {
  const terminal = yield* Terminal.Terminal
  const put = (text: string) => Effect.ignore(terminal.display(text))
  const keys = yield* terminal.readInput
  yield* Effect.acquireRelease(put(enter), () => put(leave))
  const quit = Effect.gen(function* () {
    while (true) {
      const { input, key } = yield* Queue.take(keys)
      if (key.name === "q" || (input._tag === "Some" && input.value.toLowerCase() === "q")) return
    }
  }).pipe(
    // the terminal ends the input itself with Escape and Ctrl-C
    Effect.catch(() => Effect.void)
  )
  const draw = Effect.gen(function* () {
    let last: Snapshot | undefined
    while (true) {
      const { problem, shown } = yield* look(last)
      last = shown
      const [columns, rows] = yield* Effect.all([terminal.columns, terminal.rows])
      const lines = topText(yield* ui, shown, problem)
      yield* put(frame(lines.slice(0, Math.max(1, rows)).map((line) => crop(line, columns))))
      yield* Effect.sleep(millis)
    }
  })
  yield* Effect.raceFirst(quit, draw)
}, Effect.scoped)

const once = Effect.gen(function* () {
  const shown = yield* snapshot
  const now = yield* Clock.currentTimeMillis
  if (yield* JsonFlag) return yield* Console.log(jsonText(shape(shown, now)))
  yield* Console.log(topText(yield* ui, shown, undefined).join("\n"))
})

export const top = Command.make(
  "top",
  {
    interval: durationFlag("interval").pipe(
      Flag.withDescription("Between two looks (1s)"),
      Flag.filter(
        (millis) => millis >= 100,
        () => "interval must be 100ms at least"
      ),
      Flag.withDefault(1000)
    ),
    once: Flag.Boolean("once").pipe(Flag.withDescription("Print one picture and end"), Flag.withDefault(false))
  },
  ({ interval, once: onlyOnce }) =>
    connected(
      Effect.gen(function* () {
        const { canPrompt } = yield* TerminalCapabilities
        if (onlyOnce || !canPrompt || (yield* JsonFlag)) return yield* once
        yield* live(interval)
      })
    )
).pipe(Command.withDescription("Watch queues, rates and workers live; q ends it. Without a terminal: one picture"))
