import { scripts } from "../../../src/backends/redis/scripts/index.ts"
import type { ScriptName } from "../../support/RespProxy.ts"
import { Random } from "./random.ts"

/** Every kind of fault, with the number that the catalogue gives it. */
export const faultNames = {
  "kill worker": "F01",
  "stop worker": "F08",
  "stall worker": "F10",
  "kill producer": "F43",
  "step clock": "F61",
  "kill Redis": "F19",
  "busy script": "F24",
  "flush scripts": "F25",
  "sleep Redis": "F27",
  "pause clients": "F28",
  "kill clients": "F29",
  "fill memory": "F31",
  "cut connections": "F40",
  "go silent": "F41",
  "lose reply": "F42",
  "lose request": "F43",
  "hold request": "F44",
  latency: "F45",
  slice: "F46",
  flap: "F48",
  demote: "F53"
} as const

export type FaultName = keyof typeof faultNames

export interface Fault {
  readonly name: FaultName
  /** When it strikes, in milliseconds from the start. */
  readonly at: number
  /** Which of the processes or proxies, as a number to be taken modulo how many there are. */
  readonly whom: number
  /** How long it lasts. */
  readonly millis: number
  readonly script: ScriptName
  /** How many calls it befalls. */
  readonly times: number
  readonly writeOnly: boolean
}

const scriptNames = Object.keys(scripts) as ReadonlyArray<ScriptName>
const busiest: ReadonlyArray<ScriptName> = ["exchange", "enqueue", "extend", "advance", "confirm", "relayed", "endings"]

/** How long each may last at most; leases are two seconds. */
const longest: Partial<Record<FaultName, number>> = {
  "stop worker": 6000,
  "stall worker": 4000,
  "kill Redis": 2500,
  "busy script": 1200,
  "sleep Redis": 1500,
  "pause clients": 4000,
  "fill memory": 2500,
  "go silent": 4000,
  "hold request": 4000,
  latency: 4000,
  slice: 1500,
  flap: 5000,
  demote: 1500
}

/** What happens in a run: which faults at which times. The same seed makes the same plan. */
export const planOf = (seed: number, millis: number): ReadonlyArray<Fault> => {
  const random = new Random(seed)
  const names = Object.keys(faultNames) as ReadonlyArray<FaultName>
  // each run has its own mix: some faults are common in it, others rare
  const weights = names.map((name) => ({ name, weight: random.pick([1, 1, 2, 4]) }))
  const lots = weights.flatMap(({ name, weight }) => Array.from({ length: weight }, () => name))
  const faults: Array<Fault> = []
  for (let at = random.int(500, 1500); at < millis; at += random.int(200, 1800)) {
    // every kind once, before the lot decides
    const name = names[faults.length] ?? random.pick(lots)
    faults.push({
      name,
      at,
      whom: random.int(0, 99),
      millis: random.int(200, longest[name] ?? 1000),
      script: random.chance(0.7) ? random.pick(busiest) : random.pick(scriptNames),
      times: random.int(1, 4),
      writeOnly: random.chance(0.5)
    })
  }
  return faults
}
