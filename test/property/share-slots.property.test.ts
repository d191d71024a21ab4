import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import fc from "fast-check"
import * as Queues from "../../src/domain/Queues.ts"
import type { Extensions } from "../../src/features/worker/Extensions.ts"
import type { Lane } from "../../src/features/worker/Lane.ts"
import { type Contender, shareByOrder, shareByWeight } from "../../src/features/worker/share-slots.ts"
import { WorkerState } from "../../src/features/worker/WorkerState.ts"
import type { JobStore } from "../../src/ports/JobStore.ts"

const weights = fc.oneof(fc.integer({ min: 1, max: 10 }), fc.double({ min: 0.001, max: 1e6, noNaN: true }))

const contenders = fc.array(
  fc
    .record({
      weight: weights,
      since: fc.constantFrom(0, 0, 1, 2.5),
      served: fc.nat(20),
      state: fc.constantFrom("hungry", "hungry", "idle", "away"),
      room: fc.oneof(fc.nat(6), fc.constant(Number.POSITIVE_INFINITY))
    })
    .map(({ state, ...rest }): Contender => ({ ...rest, hungry: state === "hungry", away: state === "away" })),
  { maxLength: 8 }
)

const free = fc.nat(40)
const sum = (counts: ReadonlyArray<number>): number => counts.reduce((total, count) => total + count, 0)
const timeOf = ({ served, since, weight }: Contender, given: number): number => since + (served + given) / weight

/** Arithmetic on fractions is exact only to the last digits. */
const isAtMost = (a: number, b: number): boolean => a <= b + Math.abs(b) * 1e-9

const withinLimits = (slots: number, all: ReadonlyArray<Contender>, given: ReadonlyArray<number>) => {
  assert.lengthOf(given, all.length)
  assert.isAtMost(sum(given), slots)
  for (const [i, { hungry, room }] of all.entries()) {
    assert.isTrue(Number.isInteger(given[i]) && given[i]! >= 0)
    assert.isAtMost(given[i]!, hungry ? room : 0)
  }
}

const allPresent = (all: ReadonlyArray<Contender>) => all.map((one) => ({ ...one, away: false }))

/** What all together could take. */
const appetite = (all: ReadonlyArray<Contender>): number => sum(all.map(({ hungry, room }) => (hungry ? room : 0)))

describe("slots shared by weight", () => {
  it("pass no limit", () =>
    fc.assert(
      fc.property(free, contenders, fc.nat(3), (slots, all, lead) =>
        withinLimits(slots, all, shareByWeight(slots, all, lead))
      )
    ))

  it("are not left free while a hungry lane has room", () =>
    fc.assert(
      fc.property(free, contenders, (slots, some) => {
        const all = allPresent(some)
        assert.strictEqual(sum(shareByWeight(slots, all)), Math.min(slots, appetite(all)))
      })
    ))

  it("are fair within one slot", () =>
    fc.assert(
      fc.property(free, contenders, fc.nat(3), (slots, all, lead) => {
        const given = shareByWeight(slots, all, lead)
        for (const [i, one] of all.entries()) {
          if (given[i] === 0) continue
          const last = timeOf(one, given[i]! - 1)
          for (const [j, other] of all.entries()) {
            const wantsMore = other.hungry && given[j]! < other.room
            assert.isTrue(!wantsMore || isAtMost(last, timeOf(other, given[j]!)), `${i} was served before ${j}`)
          }
        }
      })
    ))

  it("stay free only for one that is away and would fall behind", () =>
    fc.assert(
      fc.property(free, contenders, fc.nat(3), (slots, all, lead) => {
        const given = shareByWeight(slots, all, lead)
        const latest = lead + Math.min(...all.filter(({ away, room }) => away && room > 0).map((one) => timeOf(one, 0)))
        for (const [i, one] of all.entries()) {
          if (given[i]! > 0) assert.isTrue(isAtMost(timeOf(one, given[i]! - 1), latest))
          if (sum(given) < slots && one.hungry && given[i]! < one.room) assert.isAbove(timeOf(one, given[i]!), latest)
        }
      })
    ))

  it("add up to the weights, one at a time or many", () =>
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 5 }),
        fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 60 }),
        (weights, steps) => {
          const served = weights.map(() => 0)
          const total = sum(weights)
          for (const slots of steps) {
            const all = weights.map((weight, i) => ({
              ...{ weight, since: 0, served: served[i]!, hungry: true, away: false, room: Number.POSITIVE_INFINITY }
            }))
            for (const [i, count] of shareByWeight(slots, all).entries()) served[i]! += count
            for (const [i, weight] of weights.entries()) {
              assert.isBelow(Math.abs(served[i]! - (sum(served) * weight) / total), weights.length)
              if (sum(served) % total === 0) assert.strictEqual(served[i], (sum(served) / total) * weight)
            }
          }
        }
      )
    ))
})

describe("slots shared in order", () => {
  it("pass no limit", () =>
    fc.assert(fc.property(free, contenders, (slots, all) => withinLimits(slots, all, shareByOrder(slots, all)))))

  it("are not left free while a hungry lane has room", () =>
    fc.assert(
      fc.property(free, contenders, (slots, some) => {
        const all = allPresent(some)
        assert.strictEqual(sum(shareByOrder(slots, all)), Math.min(slots, appetite(all)))
      })
    ))

  it("go to a lane only when those before it want none", () =>
    fc.assert(
      fc.property(free, contenders, (slots, all) => {
        const given = shareByOrder(slots, all)
        for (const [i, count] of given.entries()) {
          if (count === 0) continue
          for (const [j, { away, hungry, room }] of all.slice(0, i).entries()) {
            assert.isFalse((away && room > 0) || (hungry && given[j]! < room), `${i} was served before ${j}`)
          }
        }
      })
    ))
})

const stateOf = (queues: Queues.Queues, concurrency: number): WorkerState => {
  const settings = { queues, concurrency } as WorkerState["settings"]
  const extensions = {} as Extensions
  const state = new WorkerState("w", settings, new Map(), Context.empty(), {} as JobStore["Service"], extensions)
  for (const entry of queues.entries) state.serve(entry)
  return state
}

/** The part of the exchange loop that touches slots. */
const send = (state: WorkerState, lane: Lane) => {
  lane.outgoing = []
  const asked = state.ask(lane)
  lane.exchanging = true
  return asked
}

const answer = (state: WorkerState, lane: Lane, claimed: number, more: boolean) => {
  const startable = state.answered(lane, claimed)
  lane.found(claimed, more)
  lane.exchanging = false
  return startable
}

const orders = fc.constantFrom("weighted" as const, "strict" as const)
const limits = fc.oneof(fc.integer({ min: 1, max: 5 }), fc.constant(undefined))

/** What happens to a lane, and a number that says how. */
const events = fc.array(
  fc.record({
    at: fc.nat(3),
    kind: fc.constantFrom(
      ...["send", "send", "answer", "answer", "end", "end", "stall", "signal", "limit", "total", "toggle"]
    ),
    how: fc.nat(20)
  }),
  { maxLength: 120 }
)

describe("the slots of a worker", () => {
  it("are all accounted for, whatever happens", () =>
    fc.assert(
      fc.property(
        orders,
        fc.integer({ min: 1, max: 8 }),
        fc.tuple(limits, limits, limits, limits),
        events,
        (order, total, own, steps) => {
          const entries = own.map((concurrency, i) => ({
            name: String(i),
            ...(concurrency === undefined ? {} : { concurrency })
          }))
          const state = stateOf({ order, entries }, total)
          const lanes = entries.map(({ name }) => state.laneOf(name)!)
          const asked = lanes.map(() => 0)
          const running = lanes.map(() => 0)

          for (const { at, how, kind } of steps) {
            const lane = lanes[at]!
            if (kind === "send" && !lane.exchanging && lane.poke.isOpen()) asked[at] = send(state, lane)
            if (kind === "answer" && lane.exchanging) {
              const claimed = Math.min(asked[at]!, how)
              const startable = answer(state, lane, claimed, how % 2 === 0)
              running[at]! += startable
              // the others are released
              for (let i = startable; i < claimed; i++) {
                lane.outgoing.push({ _tag: "Release", jobId: "", token: 0, delayMillis: 0 })
                state.giveBack(lane)
              }
              asked[at] = 0
            }
            if (kind === "end" && running[at]! > 0) {
              running[at]!--
              state.giveBack(lane)
            }
            if (kind === "stall" && lane.exchanging) state.stall(lane)
            if (kind === "signal") state.lookEverywhere()
            if (kind === "limit") lane.limit = 1 + (how % 6)
            if (kind === "total") state.concurrency = 1 + (how % 8)
            if (kind === "toggle") lane.serving = how % 3 > 0

            const before = lanes.map((lane) => lane.granted)
            state.shareOut()

            for (const [i, lane] of lanes.entries()) {
              assert.strictEqual(lane.held, lane.granted + lane.asked + running[i]!)
              if (lane.granted > before[i]!) {
                assert.isAtMost(lane.held, lane.limit)
                assert.isAtMost(state.held, state.concurrency)
                assert.isTrue(lane.serving && !lane.exchanging && lane.poke.isOpen())
              }
            }
            assert.strictEqual(state.held, sum(lanes.map(({ held }) => held)))
            const isAway = lanes.some(({ exchanging, stalled }) => exchanging && !stalled)
            const isLeft = lanes.some((lane) => lane.serving && lane.hungry && !lane.exchanging && lane.room(0) > 0)
            assert.isFalse(!isAway && isLeft && state.held < state.concurrency, "a slot is left free")
          }
        }
      ),
      { numRuns: 1000 }
    ))

  it("follow the weights within one round, however round trips overlap", () =>
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 30 }),
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 2, maxLength: 4 }),
        fc.infiniteStream(fc.nat(1000)),
        (concurrency, weights, random) => {
          const next = () => random.next().value as number
          const state = stateOf(
            Queues.weighted(Object.fromEntries(weights.map((weight, i) => [`q${i}`, weight]))),
            concurrency
          )
          const started = weights.map(() => 0)
          const running: Array<Lane> = []
          const total = sum(weights)
          for (let step = 0; step < 400; step++) {
            state.shareOut()
            const i = next() % weights.length
            const lane = state.lanes[i]!
            if (lane.exchanging) {
              const claimed = answer(state, lane, lane.asked, true)
              started[i]! += claimed
              for (let k = 0; k < claimed; k++) running.push(lane)
            } else if (lane.poke.isOpen()) {
              lane.poke.closeUnsafe()
              send(state, lane)
            }
            if (running.length > 0 && next() % 2 === 0) {
              const [ended] = running.splice(next() % running.length, 1)
              ended!.outgoing.push({ _tag: "Complete", jobId: "", token: 0 })
              state.giveBack(ended!)
            }
            for (const [i, weight] of weights.entries()) {
              assert.isAtMost(Math.abs(started[i]! - (sum(started) * weight) / total), concurrency + 1)
            }
          }
          assert.isAbove(sum(started), 10)
        }
      ),
      { numRuns: 100 }
    ))

  it("give an idle lane nothing for the time it was idle, however often it was asked", () =>
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 9 }),
        fc.integer({ min: 1, max: 9 }),
        fc.nat(200),
        fc.infiniteStream(fc.boolean()),
        (first, second, idle, signals) => {
          const state = stateOf(Queues.weighted({ a: first, b: second, c: 5 }), 4)
          const [a, b] = state.lanes as [Lane, Lane, Lane]
          const withWork = new Set([a])
          /** One round trip of every lane that has room. Somebody hears something now and then. */
          const roundTrip = (): ReadonlyArray<Lane> => {
            state.shareOut()
            const started: Array<Lane> = []
            for (const lane of state.lanes.filter(({ granted }) => granted > 0)) {
              const asked = send(state, lane)
              const claimed = withWork.has(lane) ? asked : 0
              answer(state, lane, claimed, claimed > 0)
              for (let i = 0; i < claimed; i++) {
                started.push(lane)
                state.giveBack(lane)
              }
              if (signals.next().value === true) state.lookEverywhere()
            }
            return started
          }
          for (let i = 0; i < idle; i++) assert.notInclude(roundTrip(), b)

          withWork.add(b)
          state.lookEverywhere()
          const round: Array<Lane> = []
          while (round.length < 4 * (first + second)) round.push(...roundTrip())

          const share = (round.length * second) / (first + second)
          assert.isAtMost(Math.abs(round.filter((lane) => lane === b).length - share), 4)
        }
      )
    ))
})
