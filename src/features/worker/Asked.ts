import type { ClaimRequest, ExchangeRequest, Settlement } from "../../ports/JobStore.ts"

/** An exchange that a worker asks for. A class, since it lives until it is answered (decision 16). */
export class Asked implements ExchangeRequest {
  readonly queue: string
  readonly worker: string
  readonly settlements: ReadonlyArray<Settlement>
  readonly claim: ClaimRequest | undefined

  constructor(queue: string, worker: string, settlements: ReadonlyArray<Settlement>, claim: ClaimRequest | undefined) {
    this.queue = queue
    this.worker = worker
    this.settlements = settlements
    this.claim = claim
  }
}
