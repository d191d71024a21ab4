import fc from "fast-check"
import * as Command from "./commands.ts"

const kind = fc.constantFrom("slow", "slow", "fast", "free", "free")
const limited = fc.constantFrom("slow", "slow", "fast")

const job: fc.Arbitrary<Command.JobPlan> = fc
  .record({
    kind,
    priority: fc.constantFrom(5, 5, 5, 0, -4096, 4095),
    delay: fc.constantFrom(0, 0, 0, 100),
    expiry: fc.constantFrom(undefined, undefined, undefined, undefined, 50, 1000)
  })
  // expired jobs of a limited kind have a property of their own, since a claim may or may not look behind them
  .map(({ expiry, ...rest }) => (expiry === undefined || rest.kind !== "free" ? rest : { ...rest, expiry }))

const rate = fc.record({
  limit: fc.constantFrom(1, 2, 3, 7, 10, 100, 999),
  perMillis: fc.constantFrom(1000, 1000, 1, 7, 333, 60_000, 3_600_000),
  burst: fc.constantFrom(1, 2, 3, 10, 50)
})

const worker = fc.constantFrom("w1", "w2", "w3")

const settlement = fc.record({
  n: fc.nat(30),
  as: fc.constantFrom("Complete" as const, "Complete" as const, "Retry" as const, "Release" as const)
})

const claim: fc.Arbitrary<Command.Claim> = fc.record({
  worker,
  limit: fc.constantFrom(1, 2, 5, 20, 60),
  leaseMillis: fc.constantFrom(100, 1000, 60_000, 86_400_000),
  settlements: fc.array(settlement, { maxLength: 8 })
})

/** A limit meets many jobs that already wait. */
const late = fc
  .record({ of: limited, count: fc.integer({ min: 20, max: 150 }), rate, claim })
  .map(({ claim, count, of, rate }) =>
    Command.inTurn(
      Command.setRate(of, undefined),
      Command.enqueueMany(of, count),
      Command.setRate(of, rate),
      Command.claim(claim)
    )
  )

/** Arrivals, claims and limits in any order, and time going on. */
export const plan: fc.Arbitrary<Command.Command> = fc.oneof(
  { weight: 12, arbitrary: claim.map(Command.claim) },
  { weight: 8, arbitrary: claim.map(Command.claimInTime) },
  { weight: 8, arbitrary: fc.array(job, { minLength: 1, maxLength: 12 }).map(Command.enqueue) },
  { weight: 5, arbitrary: fc.tuple(limited, rate).map(([of, one]) => Command.setRate(of, one)) },
  { weight: 2, arbitrary: limited.map((of) => Command.setRate(of, undefined)) },
  { weight: 2, arbitrary: worker.map(Command.claimAgain) },
  {
    weight: 10,
    arbitrary: fc
      .oneof(fc.integer({ min: 1, max: 300 }), fc.constantFrom(1, 99, 100, 1000, 60_000))
      .map(Command.advance)
  },
  {
    weight: 1,
    arbitrary: fc.tuple(kind, fc.integer({ min: 20, max: 150 })).map(([of, n]) => Command.enqueueMany(of, n))
  },
  { weight: 1, arbitrary: late }
)
