import fc from "fast-check"
import { type Command, inTurn, type Pick } from "./commands/command.ts"
import { purge, redrive, type SelectionPlan } from "./commands/dead-letters.ts"
import { enqueue, enqueueAgain, enqueueFreed, type JobPlan } from "./commands/enqueue.ts"
import { exchange, type ExchangePlan, resend } from "./commands/exchange.ts"
import { annotate, extend, type Notes } from "./commands/holding.ts"
import { setMaxActive, setPaused } from "./commands/steering.ts"
import { advance, advanceToNext, promote, prune, rescue } from "./commands/time.ts"
import { cancel, type JobPick, runNow, unwatch, watch } from "./commands/watching.ts"

// Few ids, keys and times, so that they meet often
const id = fc.constantFrom(..."abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMN")
const delayMillis = fc.constantFrom(0, 1, 100, 250, 1000)
const leaseMillis = fc.constantFrom(100, 101, 250, 1000)
const limit = fc.constantFrom(0, 1, 2, 3, 100)
const error = fc.constantFrom("boom", "", "\u0000\n☠")

const uniqueKey = fc.constantFrom("k", "l", "m:1")
const headers = fc.constantFrom({ a: "1", b: "2" }, { a: "1", b: "2" }, {}, { "a\n,": "☠\u0000" })
const tags = fc.constantFrom(["t"], ["a,b", "☠"], [])
const delay = fc.constantFrom(0, 1, 100, 1000)
const instant = fc.constantFrom(-500, 0, 1, 250, 1000)

/** Mostly absent. */
const rarely = <A>(arbitrary: fc.Arbitrary<A>) =>
  fc.oneof({ weight: 4, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary })

/** `undefined` stands for absent, which is something else to `exactOptionalPropertyTypes`. */
const without = <A extends object>(given: A) =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as {
    readonly [K in keyof A]?: Exclude<A[K], undefined>
  }

const when = fc.oneof(fc.record({ delay }), fc.record({ instant }))

const unique = fc.oneof(
  { weight: 3, arbitrary: fc.constant({}) },
  {
    weight: 2,
    arbitrary: fc
      .record({
        uniqueKey,
        uniqueUntil: rarely(fc.constantFrom("ended" as const, "started" as const, "started" as const)),
        uniqueWindowMillis: rarely(fc.constantFrom(1, 300, 300, 2000)),
        onDuplicate: fc.constantFrom(undefined, undefined, "reject" as const, "replace" as const, "replace" as const)
      })
      .map(({ uniqueKey, ...rest }) => ({ uniqueKey, ...without(rest) }))
  }
)

const extras = fc
  .record({ visible: rarely(when), expires: rarely(when), headers: rarely(headers), tags: rarely(tags) })
  .map(without)

const job: fc.Arbitrary<JobPlan> = fc
  .tuple(
    fc.record({
      id,
      payload: fc.constantFrom("{}", '{"lone":"\\ud800"}', "", "\u0000\r\n\u2028 é☠🙂"),
      priority: fc.constantFrom(5, 5, 5, 0, -4096, 4095),
      maxAttempts: fc.constantFrom(1, 1, 2, 3, 20),
      retainMillis: fc.constantFrom(0, 0, 300, 2000)
    }),
    unique,
    extras
  )
  .map(([base, key, extra]) => ({ ...base, ...key, ...extra }))

/** What a job is enqueued with again, beside what it has. */
const change = fc.constantFrom(
  ...[{}, {}, { kind: "other" }, { payload: "[]" }, { priority: 6 }, { maxAttempts: 4 }, { retainMillis: 1 }],
  ...[{ uniqueKey: "k" }, { headers: { b: "2" } }, { tags: ["b"] }, { visible: { inMillis: 7 } }],
  ...[{ expires: { inMillis: 7 } }, { uniqueUntil: "started" as const }, { uniqueWindowMillis: 7 }]
)

const pick: fc.Arbitrary<Pick> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ held: fc.nat(3) }) },
  { weight: 3, arbitrary: fc.record({ past: fc.nat(7) }) },
  { weight: 1, arbitrary: fc.record({ never: id, token: fc.constantFrom(1_000_000, Number.MAX_SAFE_INTEGER) }) }
)

/** Encoded, so never empty. */
const failure = fc.option(fc.constantFrom('{"code":1}', "[\n\n]"), { nil: undefined })

/** Absent when it is undefined, as in what a worker sends. */
const failing = <Rest extends object>(rest: fc.Arbitrary<Rest>) =>
  fc.tuple(rest, failure).map(([one, failure]) => (failure === undefined ? one : { ...one, failure }))

const ending = fc.oneof(
  fc.record({ _tag: fc.constant("Complete"), result: error }, { requiredKeys: ["_tag"] }),
  failing(fc.record({ _tag: fc.constant("Retry"), delayMillis, error })),
  failing(fc.record({ _tag: fc.constant("Bury"), reason: fc.constantFrom("skipped", "undecodable"), error })),
  fc.record({ _tag: fc.constant("Cancel"), reason: error }),
  fc.record({ _tag: fc.constantFrom("Snooze", "Release"), delayMillis })
) as fc.Arbitrary<ExchangePlan["settlements"][number]["as"]>

const worker = fc.constantFrom("w1", "w2", "w3")
const settlements = (minLength: number) => fc.array(fc.record({ of: pick, as: ending }), { minLength, maxLength: 3 })
const claim = fc.record({ step: fc.constantFrom(1, 1, 1, 1, 0, -1), limit, leaseMillis })

const selection: fc.Arbitrary<SelectionPlan> = fc.oneof(
  fc.record({ oldest: limit }),
  fc.record({ dead: fc.array(fc.nat(9), { maxLength: 4 }), others: fc.array(id, { maxLength: 2 }) })
)

const policy = fc.record({
  limit,
  deadRetainMillis: fc.constantFrom(500, 5000),
  maxDead: fc.constantFrom(0, 2, 100),
  maxFinished: fc.constantFrom(0, 2, 100)
})

const notes: fc.Arbitrary<Notes> = fc.record(
  {
    progress: fc.constantFrom("1", '{"of":"x,y\\n"}', "\u0000\n☠"),
    logs: fc.record({
      ahead: fc.constantFrom(0, 0, 0, -1, -2, -1000, 1),
      lines: fc.oneof(
        {
          weight: 4,
          arbitrary: fc.array(fc.constantFrom("", "one", "a,b\n{c}", "☠\u0000"), { minLength: 1, maxLength: 3 })
        },
        { weight: 1, arbitrary: fc.constantFrom(60, 150).map((n) => Array.from({ length: n }, (_, i) => `${i}`)) }
      )
    })
  },
  { requiredKeys: [] }
)

const jobPick: fc.Arbitrary<JobPick> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ among: fc.constantFrom("stored", "stored", "put off"), n: fc.nat(25) }) },
  { weight: 2, arbitrary: pick }
)

const times = fc.array(fc.constantFrom(1, 1, 2), { minLength: 1, maxLength: 3 })

const exchanges = fc.oneof(
  { weight: 8, arbitrary: fc.record({ worker, settlements: settlements(1) }) },
  { weight: 5, arbitrary: fc.record({ worker, settlements: fc.constant([]), claim }) },
  { weight: 5, arbitrary: fc.record({ worker, settlements: settlements(1), claim }) }
)

const calls: fc.Arbitrary<Command> = fc.oneof(
  { weight: 8, arbitrary: fc.array(job, { minLength: 1, maxLength: 6 }).map(enqueue) },
  { weight: 2, arbitrary: fc.tuple(fc.nat(25), change).map(enqueueAgain) },
  { weight: 2, arbitrary: fc.tuple(fc.nat(9), job).map(enqueueFreed) },
  { weight: 2, arbitrary: fc.tuple(fc.array(pick, { minLength: 1, maxLength: 3 }), leaseMillis).map(extend) },
  { weight: 3, arbitrary: fc.tuple(pick, notes, fc.constantFrom(1, 1, 2)).map(annotate) },
  { weight: 4, arbitrary: fc.tuple(jobPick, error).map(cancel) },
  { weight: 3, arbitrary: fc.tuple(jobPick, times).map(watch) },
  {
    weight: 1,
    arbitrary: fc.tuple(fc.record({ among: fc.constant("watched"), n: fc.nat(25) }), fc.nat(2)).map(unwatch)
  },
  { weight: 3, arbitrary: limit.map(promote) },
  { weight: 3, arbitrary: fc.array(jobPick, { minLength: 1, maxLength: 3 }).map(runNow) },
  { weight: 5, arbitrary: limit.map(rescue) },
  { weight: 2, arbitrary: policy.map(prune) },
  { weight: 1, arbitrary: fc.constant(true).map(setPaused) },
  { weight: 4, arbitrary: fc.constant(false).map(setPaused) },
  { weight: 1, arbitrary: fc.constantFrom(1, 2, 4).map(setMaxActive) },
  { weight: 2, arbitrary: fc.constant(undefined).map(setMaxActive) },
  { weight: 5, arbitrary: selection.map(redrive) },
  { weight: 1, arbitrary: selection.map(purge) }
)

const toNext = fc.constantFrom(0, 0, 1).map(advanceToNext)

const held = fc.record({ held: fc.nat(3) })

/** A request to stop goes to a job that is held, and meets what its holder does next, or its absence. */
const stopping = fc
  .tuple(
    fc.tuple(held, error).map(cancel),
    fc.oneof(
      exchanges.map((one) => [exchange(one)]),
      limit.map((most) => [advanceToNext(0), rescue(most)]),
      fc.tuple(held, leaseMillis).map(([one, millis]) => [extend([[one], millis])])
    )
  )
  .map(([first, then]) => inTurn(first, ...then))

/** An attempt says more than one thing. */
const noting = fc
  .array(fc.tuple(held, notes, fc.constantFrom(1, 1, 2)).map(annotate), { minLength: 1, maxLength: 3 })
  .map((all) => inTurn(...all))

/** Any call, sometimes sent again, and time going on. */
export const plan: fc.Arbitrary<Command> = fc.oneof(
  { weight: 17, arbitrary: exchanges.map(exchange) },
  { weight: 17, arbitrary: calls },
  { weight: 2, arbitrary: calls.map((one) => inTurn(one, one)) },
  { weight: 2, arbitrary: fc.constant(resend) },
  { weight: 3, arbitrary: exchanges.map((one) => inTurn(exchange(one), resend)) },
  { weight: 1, arbitrary: fc.constant(inTurn(setPaused(true), resend, setPaused(false))) },
  { weight: 2, arbitrary: stopping },
  { weight: 1, arbitrary: noting },
  { weight: 3, arbitrary: fc.constantFrom(1, 50, 99, 100, 250, 1000, 5000).map(advance) },
  { weight: 4, arbitrary: toNext },
  { weight: 2, arbitrary: fc.tuple(toNext, calls).map((both) => inTurn(...both)) }
)
