import fc from "fast-check"
import * as Command from "./commands.ts"

// Few ids, keys and times, so that they meet often
const id = fc.constantFrom(..."abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMN")
const delayMillis = fc.constantFrom(0, 1, 100, 250, 1000)
const leaseMillis = fc.constantFrom(100, 101, 250, 1000)
const limit = fc.constantFrom(0, 1, 2, 3, 100)
const error = fc.constantFrom("boom", "", "\u0000\n☠")

const uniqueKey = fc.constantFrom("k", "l", "m:1")
const headers = fc.constantFrom({ a: "1", b: "2" }, { a: "1", b: "2" }, {}, { "a\n,": "☠\u0000" })
const delay = fc.constantFrom(0, 1, 100, 1000)
const instant = fc.constantFrom(-500, 0, 1, 250)

const extras = fc.oneof(
  { weight: 4, arbitrary: fc.constant({}) },
  { weight: 2, arbitrary: fc.record({ uniqueKey }) },
  { weight: 1, arbitrary: fc.record({ headers, delay, uniqueKey }, { requiredKeys: ["delay"] }) },
  { weight: 1, arbitrary: fc.record({ headers, instant, uniqueKey }, { requiredKeys: ["instant"] }) }
)

const job: fc.Arbitrary<Command.JobPlan> = fc
  .tuple(
    fc.record({
      id,
      payload: fc.constantFrom("{}", '{"lone":"\\ud800"}', "", "\u0000\r\n\u2028 é☠🙂"),
      priority: fc.constantFrom(5, 5, 5, 0, -4096, 4095),
      maxAttempts: fc.constantFrom(1, 1, 2, 3, 20),
      retainMillis: fc.constantFrom(0, 0, 300, 2000)
    }),
    extras
  )
  .map(([base, extra]) => ({ ...base, ...extra }))

/** What a job is enqueued with again, beside what it has. */
const change = fc.constantFrom(
  ...[{}, {}, { kind: "other" }, { payload: "[]" }, { priority: 6 }, { maxAttempts: 4 }, { retainMillis: 1 }],
  ...[{ uniqueKey: "k" }, { headers: { b: "2" } }, { visible: { inMillis: 7 } }]
)

const pick: fc.Arbitrary<Command.Pick> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ held: fc.nat(3) }) },
  { weight: 3, arbitrary: fc.record({ past: fc.nat(7) }) },
  { weight: 1, arbitrary: fc.record({ never: id, token: fc.constantFrom(1_000_000, Number.MAX_SAFE_INTEGER) }) }
)

const ending = fc.oneof(
  fc.record({ _tag: fc.constant("Complete"), result: error }, { requiredKeys: ["_tag"] }),
  fc.record({ _tag: fc.constant("Retry"), delayMillis, error }),
  fc.record({ _tag: fc.constant("Bury"), reason: fc.constantFrom("skipped", "undecodable"), error }),
  fc.record({ _tag: fc.constant("Cancel"), reason: error }),
  fc.record({ _tag: fc.constantFrom("Snooze", "Release"), delayMillis })
) as fc.Arbitrary<Command.ExchangePlan["settlements"][number]["as"]>

const worker = fc.constantFrom("w1", "w2", "w3")
const settlements = (minLength: number) => fc.array(fc.record({ of: pick, as: ending }), { minLength, maxLength: 3 })
const claim = fc.record({ step: fc.constantFrom(1, 1, 1, 1, 0, -1), limit, leaseMillis })

const selection: fc.Arbitrary<Command.SelectionPlan> = fc.oneof(
  fc.record({ oldest: limit }),
  fc.record({ dead: fc.array(fc.nat(9), { maxLength: 4 }), others: fc.array(id, { maxLength: 2 }) })
)

const policy = fc.record({
  limit,
  deadRetainMillis: fc.constantFrom(500, 5000),
  maxDead: fc.constantFrom(0, 2, 100),
  maxFinished: fc.constantFrom(0, 2, 100)
})

const exchange = fc.oneof(
  { weight: 8, arbitrary: fc.record({ worker, settlements: settlements(1) }) },
  { weight: 5, arbitrary: fc.record({ worker, settlements: fc.constant([]), claim }) },
  { weight: 5, arbitrary: fc.record({ worker, settlements: settlements(1), claim }) }
)

const call = fc.oneof(
  { weight: 8, arbitrary: fc.array(job, { minLength: 1, maxLength: 6 }).map(Command.enqueue) },
  { weight: 2, arbitrary: fc.tuple(fc.nat(25), change).map(Command.enqueueAgain) },
  { weight: 2, arbitrary: fc.tuple(fc.array(pick, { minLength: 1, maxLength: 3 }), leaseMillis).map(Command.extend) },
  { weight: 3, arbitrary: limit.map(Command.promote) },
  { weight: 5, arbitrary: limit.map(Command.rescue) },
  { weight: 2, arbitrary: policy.map(Command.prune) },
  { weight: 1, arbitrary: fc.constant(true).map(Command.setPaused) },
  { weight: 4, arbitrary: fc.constant(false).map(Command.setPaused) },
  { weight: 5, arbitrary: selection.map(Command.redrive) },
  { weight: 1, arbitrary: selection.map(Command.purge) }
)

const advanceToNext = fc.constantFrom(0, 0, 1).map(Command.advanceToNext)

/** Any call, sometimes sent again, and time going on. */
export const plan: fc.Arbitrary<Command.Command> = fc.oneof(
  { weight: 17, arbitrary: exchange.map(Command.exchange) },
  { weight: 14, arbitrary: call },
  { weight: 2, arbitrary: call.map((one) => Command.inTurn(one, one)) },
  { weight: 2, arbitrary: fc.constant(Command.resend) },
  { weight: 3, arbitrary: exchange.map((one) => Command.inTurn(Command.exchange(one), Command.resend)) },
  {
    weight: 1,
    arbitrary: fc.constant(Command.inTurn(Command.setPaused(true), Command.resend, Command.setPaused(false)))
  },
  { weight: 3, arbitrary: fc.constantFrom(1, 50, 99, 100, 250, 1000, 5000).map(Command.advance) },
  { weight: 4, arbitrary: advanceToNext },
  { weight: 2, arbitrary: fc.tuple(advanceToNext, call).map((both) => Command.inTurn(...both)) }
)
