import type * as Layer from "effect/Layer"
import { attemptsContract } from "./attempts.ts"
import { claimContract } from "./claim.ts"
import type { Ports } from "./contract.ts"
import { countingContract } from "./counting.ts"
import { deadLettersContract } from "./dead-letters.ts"
import { delayContract } from "./delay.ts"
import { enqueueContract } from "./enqueue.ts"
import { fencingContract } from "./fencing.ts"
import { leaseContract } from "./lease.ts"
import { listingContract } from "./listing.ts"
import { orderContract } from "./order.ts"
import { pauseContract } from "./pause.ts"
import { payloadContract } from "./payload.ts"
import { repeatClaimContract } from "./repeat-claim.ts"
import { repeatContract } from "./repeat.ts"
import { retentionContract } from "./retention.ts"
import { settleContract } from "./settle.ts"
import { uniqueContract } from "./unique.ts"
import { wakingContract } from "./waking.ts"

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
  pauseContract,
  uniqueContract,
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
