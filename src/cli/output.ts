import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { TerminalCapabilities } from "effect/cli/TerminalCapabilities"
import * as Terminal from "effect/Terminal"
import type { EpochMillis } from "../domain/Job.ts"
import { JsonFlag } from "./flags.ts"
import { printable } from "./format.ts"
import { type Column, record, table } from "./table.ts"

type Paint = (text: string) => string

/** What text for people is made with: colours where there are any, and the width of the terminal. */
export interface Ui {
  readonly now: EpochMillis
  readonly bold: Paint
  readonly dim: Paint
  readonly red: Paint
  readonly green: Paint
  readonly yellow: Paint
  readonly cyan: Paint
  readonly table: (columns: ReadonlyArray<Column>, rows: ReadonlyArray<ReadonlyArray<string>>) => string
  readonly record: (pairs: ReadonlyArray<readonly [name: string, value: string | undefined]>) => string
}

const painter =
  (colour: boolean) =>
  (code: number): Paint =>
  (text) =>
    colour && text !== "" ? `\u001B[${code}m${text}\u001B[0m` : text

/** Makes text for people, given what the terminal can do. */
export const makeUi = (now: EpochMillis, colour: boolean, width: number | undefined): Ui => {
  const paint = painter(colour)
  const bold = paint(1)
  return {
    ...{ now, bold, dim: paint(2), red: paint(31), green: paint(32), yellow: paint(33), cyan: paint(36) },
    table: (columns, rows) =>
      table(
        columns,
        rows.map((cells) => cells.map(printable)),
        { title: bold, ...(width === undefined ? {} : { width }) }
      ),
    record: (pairs) =>
      record(
        pairs.map(([name, value]) => [name, value === undefined ? undefined : printable(value)] as const),
        bold
      )
  }
}

/** The terminal of this process. */
export const ui: Effect.Effect<Ui, never, Terminal.Terminal> = Effect.gen(function* () {
  const { canAnimate, canColor } = yield* TerminalCapabilities
  const { columns } = yield* Terminal.Terminal
  const width = canAnimate ? yield* columns : 0
  return makeUi(yield* Clock.currentTimeMillis, canColor, width > 0 ? width : undefined)
})

/** What a command prints as JSON. */
export const jsonText = (value: unknown): string => JSON.stringify(value, undefined, 2)

/**
 * Prints the outcome of a command: JSON of a stable shape with `--json`, else text for people.
 */
export const show = (
  json: unknown,
  text: (ui: Ui) => string
): Effect.Effect<void, never, Terminal.Terminal | typeof JsonFlag.Identifier> =>
  Effect.gen(function* () {
    if (yield* JsonFlag) return yield* Console.log(jsonText(json))
    yield* Console.log(printable(text(yield* ui)))
  })
