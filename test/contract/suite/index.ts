import type * as Layer from "effect/Layer"
import { attemptsContract } from "./attempts.ts"
import { cancellingContract } from "./cancelling.ts"
import { claimContract } from "./claim.ts"
import type { Ports } from "./contract.ts"
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

/** Every rule of docs/semantics.md that a backend has to keep. */
export const storeContract = (backend: string, layer: Layer.Layer<Ports, unknown>): void => {
  for (const concern of concerns) concern(backend, layer)
}
