import * as Result from "effect/Result"
import { InvalidInput } from "./limits.ts"
import { partsOf, queueOf } from "./queue-entries.ts"
import type { Entry, Queues } from "./Queues.ts"
import { checkAnyQueue } from "./Sharded.ts"

/** A weight outside says more of a typing error than of a wish, and would cost the arithmetic its precision. */
const minWeight = 0.001
const maxWeight = 1_000_000

const invalid = (field: string, problem: string) => Result.fail(new InvalidInput({ field, problem }))

export const checkConcurrency = (concurrency: number, of = ""): Result.Result<void, InvalidInput> =>
  Number.isInteger(concurrency) && concurrency >= 1
    ? Result.succeed(undefined)
    : invalid("concurrency", `${of}must be an integer above 0, not ${String(concurrency)}`)

const checkWeight = (weight: number, of: string): Result.Result<void, InvalidInput> =>
  typeof weight === "number" && weight >= minWeight && weight <= maxWeight
    ? Result.succeed(undefined)
    : invalid("weight", `${of}must be a number from ${minWeight} to ${maxWeight}, not ${String(weight)}`)

/** Whether a queue may stand among others of this order. */
export const checkEntry = (
  { concurrency, name, shards, weight }: Entry,
  order: Queues["order"]
): Result.Result<void, InvalidInput> =>
  Result.gen(function* () {
    yield* checkAnyQueue(queueOf({ name, ...(shards === undefined ? {} : { shards }) }))
    if (weight !== undefined && order === "strict") {
      return yield* invalid("weight", `of ${name} must be left out: the order of the queues is strict`)
    }
    if (weight !== undefined) yield* checkWeight(weight, `of ${name} `)
    if (concurrency !== undefined) yield* checkConcurrency(concurrency, `of ${name} `)
  })

/** Whether a worker may start with these queues. */
export const checkQueues = ({ entries, order }: Queues): Result.Result<void, InvalidInput> =>
  Result.gen(function* () {
    if (entries.length === 0) return yield* invalid("queues", "must name at least one")
    const names = new Set<string>()
    for (const entry of entries) {
      yield* checkEntry(entry, order)
      for (const { name } of partsOf(entry)) {
        if (names.has(name)) return yield* invalid("queues", `name ${name} twice`)
        names.add(name)
      }
    }
  })
