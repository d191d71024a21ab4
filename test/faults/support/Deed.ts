import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Backoff, Snooze, Task, Worker } from "winterq"
import type { Ledger } from "./Ledger.ts"

const deeds = [
  "end",
  "wait",
  "hang",
  "deaf",
  "fail",
  "fail once",
  "snooze once",
  "kill",
  "kill once",
  "end and kill once",
  "exit",
  "heap",
  "throw outside once",
  "reject outside once",
  "block once",
  "progress"
] as const

/** A job of the fault suite: the payload says what its handler does to the worker. */
export class Deed extends Task.make("faults.deed", {
  payload: { does: Schema.Literals(deeds), millis: Schema.optionalKey(Schema.Int) },
  success: Schema.Struct({ attempt: Schema.Int }),
  queue: "deeds",
  maxAttempts: 10,
  backoff: Backoff.fixed("20 millis")
}) {}

/** Blocks the event loop. */
export const block = (millis: number): void => {
  const until = performance.now() + millis
  while (performance.now() < until);
}

const hoard = (): never => {
  const kept: Array<ReadonlyArray<number>> = []
  for (;;) kept.push(Array.from({ length: 100_000 }, (_, n) => n + kept.length))
}

const perform = (
  { does, millis = 0 }: (typeof Deed)["payload"]["Type"],
  attempt: number,
  end: () => void
): Effect.Effect<void, unknown> => {
  const isFirst = attempt === 1
  switch (does) {
    case "end":
    case "progress":
      return Effect.void
    case "wait":
      return Effect.sleep(millis)
    case "hang":
      return Effect.never
    case "deaf":
      return Effect.uninterruptible(Effect.sleep(millis))
    case "fail":
      return Effect.fail("it always fails")
    case "fail once":
      return isFirst ? Effect.fail("it fails once") : Effect.void
    case "snooze once":
      return isFirst && millis > 0 ? Effect.fail(Snooze.for(millis)) : Effect.void
    case "kill":
      return Effect.sync(() => process.kill(process.pid, "SIGKILL"))
    case "kill once":
      return Effect.sync(() => isFirst && process.kill(process.pid, "SIGKILL"))
    case "end and kill once":
      return Effect.sync(() => {
        if (!isFirst) return
        end()
        process.kill(process.pid, "SIGKILL")
      })
    case "exit":
      return Effect.sync(() => process.exit(7))
    case "heap":
      return Effect.sync(hoard)
    case "throw outside once":
      if (!isFirst) return Effect.void
      setTimeout(() => {
        throw new Error("thrown outside of any fiber")
      }, 1)
      return Effect.never
    case "reject outside once":
      if (!isFirst) return Effect.void
      void Promise.reject(new Error("rejected outside of any fiber"))
      return Effect.never
    case "block once":
      return Effect.sync(() => isFirst && block(millis))
  }
}

/** Its handler, which writes what it does into a ledger. */
export const deedHandler = (ledger: Ledger) =>
  Worker.handler(Deed, (payload, job) => {
    const entry = { op: "run", job: job.id, fence: job.token, attempt: job.attempt } as const
    const end = () => ledger.add({ ...entry, phase: "ok" })
    return Effect.suspend(() => {
      ledger.add({ ...entry, phase: "invoke" })
      // what was given back is not counted, so the number of the attempt does not tell
      const attempt = payload.does === "snooze once" ? job.attempt + job.snoozes : job.attempt
      return perform(payload, attempt, end)
    }).pipe(
      Effect.andThen(payload.does === "progress" ? job.setProgress(job.attempt) : Effect.void),
      Effect.onInterrupt(() => Effect.sync(() => ledger.add({ ...entry, phase: "fail", note: "interrupted" }))),
      Effect.tapError((error) => Effect.sync(() => ledger.add({ ...entry, phase: "fail", note: String(error) }))),
      Effect.andThen(
        Effect.sync(() => {
          end()
          return { attempt: job.attempt }
        })
      )
    )
  })
