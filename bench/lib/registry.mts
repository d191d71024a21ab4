import { readdirSync } from "node:fs"
import type { Contender } from "./Contender.mts"
import type { Scenario } from "./Scenario.mts"

const namesIn = (folder: string) =>
  readdirSync(new URL(`../${folder}/`, import.meta.url))
    .filter((file) => file.endsWith(".mts"))
    .map((file) => file.slice(0, -".mts".length))
    .toSorted((a, b) => a.localeCompare(b, "en", { numeric: true }))

export const scenarioNames = (): ReadonlyArray<string> => namesIn("scenarios")
export const contenderNames = (): ReadonlyArray<string> => namesIn("contenders")

export const loadScenario = async (name: string): Promise<Scenario> =>
  (await import(new URL(`../scenarios/${name}.mts`, import.meta.url).href)).default

export const loadContender = async (name: string): Promise<Contender> =>
  (await import(new URL(`../contenders/${name}.mts`, import.meta.url).href)).default
