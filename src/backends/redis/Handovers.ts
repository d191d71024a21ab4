import type { ExchangeReply, ExchangeRequest } from "../../ports/JobStore.ts"
import type { Claimant } from "../../ports/Wakeups.ts"

/** A claim that travels with an enqueue. */
export class Handover {
  readonly request: ExchangeRequest
  readonly #claimant: Claimant

  constructor(request: ExchangeRequest, claimant: Claimant) {
    this.request = request
    this.#claimant = claimant
  }

  /** As the enqueue script takes it. One that arrives when the worker has asked again, or has left, brings nothing. */
  get argument(): string {
    const { claim, worker } = this.request
    return claim === undefined ? "" : `${claim.number},${claim.limit},${claim.leaseMillis},${worker}`
  }

  bring(reply: ExchangeReply): void {
    this.#claimant.take(this.request, reply)
  }

  /** It may have been carried out, and nobody knows. */
  lose(): void {
    this.#claimant.lose(this.request)
  }

  /** It was not carried out, and will not be. */
  forgo(): void {
    this.#claimant.forgo(this.request)
  }
}

/** Workers of this process that wait for jobs, by queue. */
export class Handovers {
  readonly #claimants = new Map<string, Set<Claimant>>()

  /** Answers how to leave again. */
  join(queue: string, claimant: Claimant): () => void {
    const among = this.#claimants.get(queue) ?? new Set()
    this.#claimants.set(queue, among.add(claimant))
    return () => {
      among.delete(claimant)
      if (among.size === 0) this.#claimants.delete(queue)
    }
  }

  /** The claim of a worker that has use of jobs of this kind, for an enqueue that goes out now. */
  next(queue: string, kind: string): Handover | undefined {
    const among = this.#claimants.get(queue)
    if (among === undefined) return undefined
    for (const claimant of among) {
      const request = claimant.claimNow(queue, kind)
      if (request !== undefined) return new Handover(request, claimant)
    }
    return undefined
  }
}
