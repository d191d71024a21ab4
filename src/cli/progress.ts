import * as Effect from "effect/Effect"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import { count } from "./format.ts"

const barWidth = 30

/** One state of a progress bar. */
export const bar = (what: string, done: number, total: number): string => {
  const part = total === 0 ? 1 : Math.min(1, done / total)
  const full = Math.round(part * barWidth)
  const percent = String(Math.floor(part * 100)).padStart(3)
  return `${what} [${"#".repeat(full)}${"-".repeat(barWidth - full)}] ${percent}% ${count(done)}/${count(total)}`
}

/** Shows how far long work is, on a terminal; says nothing elsewhere. The line is gone when the work has ended. */
export const withProgress = <A, E, R>(
  what: string,
  total: number,
  work: (tell: (done: number) => Effect.Effect<void>) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R | Stdio.Stdio> =>
  Effect.gen(function* () {
    const stdio = yield* Stdio.Stdio
    if (!(yield* stdio.stderrIsTerminal)) return yield* work(() => Effect.void)
    const write = (text: string) => Effect.ignore(Stream.run(Stream.make(text), stdio.stderr({ endOnDone: false })))
    const tell = (done: number) => write(`\r\u001B[2K${bar(what, done, total)}`)
    yield* tell(0)
    return yield* Effect.ensuring(work(tell), write("\r\u001B[2K"))
  })
