import { randomUUID } from "node:crypto"
import { it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import type { Ports } from "../../ports/Ports.ts"
import { makeQueue, type TestQueue } from "./TestQueue.ts"

export type { Ports } from "../../ports/Ports.ts"

/** A rule that a backend does not keep, and why. */
export interface Deviation {
  /** As it is numbered in docs/semantics.md. */
  readonly rule: string
  readonly reason: string
}

export interface ContractOptions {
  /** Tests that cite one of these rules are skipped. */
  readonly deviations?: ReadonlyArray<Deviation>
  /** How long, in real milliseconds, one test may take; as vitest is configured when left out. */
  readonly timeoutMillis?: number
}

/** Declares tests whose titles start with the rules they cite; each gets a queue of its own, and a sibling. */
interface Rules {
  readonly effect: <A, E>(
    title: string,
    test: (queue: TestQueue & { readonly sibling: TestQueue }) => Effect.Effect<A, E, Ports | Scope.Scope>
  ) => void
}

/** Backends that outlive a run must not meet the queues of an earlier one. */
const run = randomUUID().slice(0, 8)

const queueName = (title: string): string => `${title.replace(/[^A-Za-z0-9]+/g, "-").slice(0, 100)}.${run}`

/** A present-day instant, so that instants before it are positive. */
const startMillis = Date.UTC(2026, 0, 1)

const arriveAtStart = Effect.flatMap(Clock.currentTimeMillis, (now) =>
  now < startMillis ? TestClock.setTime(startMillis) : Effect.void
)

const rulesOf = (title: string): ReadonlyArray<string> => /^(?:[A-Z]+-\d+ )+/.exec(title)?.[0].trim().split(" ") ?? []

/** Makes the tests of one concern a function of a backend. */
export const contract =
  (concern: string, declare: (it: Rules) => void) =>
  (backend: string, layer: Layer.Layer<Ports, unknown>, options: ContractOptions = {}): void =>
    it.layer(layer, { timeout: "30 seconds", concurrent: false })(`${concern} on ${backend}`, (it) => {
      declare({
        effect: (title, test) => {
          const deviation = options.deviations?.find(({ rule }) => rulesOf(title).includes(rule))
          const body = () =>
            arriveAtStart.pipe(
              Effect.andThen(Effect.all([makeQueue(queueName(title)), makeQueue(`${queueName(title)}.sibling`)])),
              Effect.flatMap(([queue, sibling]) => test({ ...queue, sibling }))
            )
          if (deviation === undefined) it.effect(title, body, options.timeoutMillis)
          else it.effect.skip(`${title} (${deviation.reason})`, body)
        }
      })
    })
