import { randomInt } from "node:crypto"

/**
 * Decides all that tests make up: arguments of properties, simulated histories. It is the same in every run, so that a
 * red run speaks of the change it ran on; `WINTERQ_SEED` takes another one, and `random` draws it.
 */
const chosen = process.env["WINTERQ_SEED"] ?? "20260101"

export const seed = chosen === "random" ? randomInt(2 ** 31) : Number(chosen)

if (!Number.isSafeInteger(seed)) throw new Error(`WINTERQ_SEED must be a whole number or random, not ${chosen}`)
