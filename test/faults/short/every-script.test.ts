import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { scripts } from "../../../src/backends/redis/scripts/index.ts"
import * as Redis from "winterq/redis"
import { type Rule, runs, type ScriptName } from "../../support/RespProxy.ts"
import { Place } from "../support/Place.ts"
import { beginning, type Scenario, scenarios, variants } from "../support/scenarios.ts"
import { without } from "../support/snapshot.ts"

let place: Place

beforeAll(async () => {
  place = await Place.open()
})

afterAll(() => place.close())

/** Faults that may befall one call; `late` is what lets a request arrive that was held up. */
const faults = {
  "F42 a reply that is lost": () => ({ rule: { reply: () => "cut" as const }, late: undefined }),
  "F43 a request that is lost": () => ({ rule: { request: () => "cut" as const }, late: undefined }),
  "F44 a request that arrives after it was sent again": () => {
    let arrive = () => {}
    let arrived = () => {}
    const held = new Promise<void>((resolve) => {
      arrive = resolve
    })
    const answered = new Promise<void>((resolve) => {
      arrived = resolve
    })
    return {
      rule: {
        request: () => held.then(() => "pass" as const),
        reply: () => {
          arrived()
          return "pass" as const
        }
      },
      late: Effect.promise(async () => {
        arrive()
        await answered
      })
    }
  }
} satisfies Record<string, () => { rule: Omit<Rule, "matches">; late: Effect.Effect<void> | undefined }>

type FaultName = keyof typeof faults

/** What a scenario answers and leaves behind, with a fault or without. */
const play = (
  script: ScriptName,
  { act, match = () => true, meanwhile, prepare }: Scenario,
  fault: FaultName | undefined
) =>
  Effect.gen(function* () {
    yield* Effect.promise(() => place.tell("FLUSHALL"))
    yield* Effect.promise(() => place.tell("SCRIPT", "LOAD", scripts[script].source))
    yield* TestClock.setTime(beginning)
    // a held request keeps its connection busy: the driver gives it up soon
    const ports = yield* Layer.build(Redis.layerVirtualTime({ ...place.options, timeout: "2 seconds" }))
    return yield* Effect.gen(function* () {
      if (prepare !== undefined) yield* prepare
      const injected = fault === undefined ? undefined : faults[fault]()
      let met = 0
      if (injected !== undefined) {
        const { reply, request } = injected.rule as Omit<Rule, "matches">
        place.when((proxy) => ({
          matches: (call) => met === 0 && runs(script)(call) && match(call),
          ...(reply === undefined ? {} : { reply }),
          request: (call) => {
            met++
            // the client sees its connection break, while what it has sent is still on its way
            if (injected.late !== undefined) proxy.hangUp(call.connection)
            return request?.(call) ?? "pass"
          }
        }))
      }
      const answer = yield* act
      if (meanwhile !== undefined) yield* meanwhile
      if (injected?.late !== undefined) yield* injected.late
      place.clear()
      if (fault !== undefined) assert.strictEqual(met, 1, "the fault has struck")
      return { answer, state: yield* Effect.promise(() => place.snapshot()) }
    }).pipe(Effect.provideContext(ports))
  }).pipe(Effect.scoped)

const isOneOf = (answer: unknown, ...allowed: ReadonlyArray<unknown>): boolean =>
  allowed.some((one) => {
    try {
      assert.deepStrictEqual(answer, one)
      return true
    } catch {
      return false
    }
  })

const cases: ReadonlyArray<readonly [ScriptName, string, Scenario]> = [
  ...Object.entries(scenarios).map(([script, scenario]) => [script as ScriptName, "", scenario] as const),
  ...variants
]

describe.each(Object.keys(faults) as ReadonlyArray<FaultName>)("%s", (fault) => {
  for (const [script, title, scenario] of cases) {
    it.effect(`${fault.slice(0, 3)} ${script}${title === "" ? "" : ` ${title}`} has its effect once`, () =>
      Effect.gen(function* () {
        const expected = yield* play(script, scenario, undefined)

        const seen = yield* play(script, scenario, fault)

        const counts = scenario.counts ?? []
        assert.deepStrictEqual(without(seen.state, counts), without(expected.state, counts))
        const allowed = "again" in scenario ? [expected.answer, scenario.again] : [expected.answer]
        assert.isTrue(
          isOneOf(seen.answer, ...allowed),
          `answered ${JSON.stringify(seen.answer)}, not ${allowed.map((one) => JSON.stringify(one)).join(" or ")}`
        )
      })
    )
  }
})
