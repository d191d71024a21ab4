import type * as Layer from "effect/Layer"
import { attemptsContract } from "./attempts.ts"
import { cancellingContract } from "./cancelling.ts"
import { claimContract } from "./claim.ts"
import type { ContractOptions, Ports } from "./contract.ts"
import { countingContract } from "./counting.ts"
import { deadLettersContract } from "./dead-letters.ts"
import { delayContract } from "./delay.ts"
import { enqueueContract } from "./enqueue.ts"
import { expiryContract } from "./expiry.ts"
import { fencingContract } from "./fencing.ts"
import { leaseContract } from "./lease.ts"
import { limitsContract } from "./limits.ts"
import { listingContract } from "./listing.ts"
import { membersContract } from "./members.ts"
import { notesContract } from "./notes.ts"
import { orderContract } from "./order.ts"
import { pauseContract } from "./pause.ts"
import { payloadContract } from "./payload.ts"
import { rateLimitsContract } from "./rate-limits.ts"
import { repeatClaimContract } from "./repeat-claim.ts"
import { repeatContract } from "./repeat.ts"
import { retentionContract } from "./retention.ts"
import { settleContract } from "./settle.ts"
import { uniqueModesContract } from "./unique-modes.ts"
import { uniqueContract } from "./unique.ts"
import { wakingContract } from "./waking.ts"
import { watchingContract } from "./watching.ts"

const concerns = [
  enqueueContract,
  payloadContract,
  orderContract,
  delayContract,
  claimContract,
  leaseContract,
  fencingContract,
  repeatContract,
  repeatClaimContract,
  attemptsContract,
  settleContract,
  expiryContract,
  cancellingContract,
  watchingContract,
  notesContract,
  membersContract,
  limitsContract,
  rateLimitsContract,
  pauseContract,
  uniqueContract,
  uniqueModesContract,
  deadLettersContract,
  retentionContract,
  countingContract,
  listingContract,
  wakingContract
]

export type { ContractOptions, Deviation, Ports } from "./contract.ts"
export { serviceContract } from "./services.ts"

/**
 * Declares vitest tests for every rule that a backend has to keep.
 *
 * **Shape** Call it at the top of a test file. The layer is built once for each concern, under `TestClock`: the backend
 * takes the time from Effect's Clock. Each test has queues of its own. Needs `vitest` and `@effect/vitest`.
 * **Example** test/contract/own-backend.test.ts; docs/guides/testing.md
 * **Ref** docs/semantics.md
 * @category testing
 * @since 0.1.0
 */
export const storeContract = (
  backend: string,
  layer: Layer.Layer<Ports, unknown>,
  options: ContractOptions = {}
): void => {
  for (const concern of concerns) concern(backend, layer, options)
}
