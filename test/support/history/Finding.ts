import type { Digest } from "./Digest.ts"

/** A breach of an invariant, and the jobs it is about, as `queue/id`. */
export interface Violation {
  readonly invariant: string
  readonly message: string
  readonly jobs: ReadonlyArray<string>
}

/** What came of one invariant: how often it was put to the test, or why it could not be. */
export interface Verdict {
  readonly violations: ReadonlyArray<Violation>
  /** How many times it was compared with what happened; 0 only with a reason. */
  readonly checked: number
  /** Why it does not apply to this history. */
  readonly inapplicable?: string
}

/** Collects what one invariant finds. */
export class Findings {
  readonly violations: Array<Violation> = []
  checked = 0
  readonly #invariant: string

  constructor(invariant: string) {
    this.#invariant = invariant
  }

  /** Counts a comparison, and keeps what it found. */
  expect(isSo: boolean, message: () => string, ...jobs: ReadonlyArray<string>): void {
    this.checked++
    if (!isSo) this.violations.push({ invariant: this.#invariant, message: message(), jobs })
  }

  verdict(unless: string): Verdict {
    const { checked, violations } = this
    return checked === 0 ? { violations, checked, inapplicable: unless } : { violations, checked }
  }
}

export interface Invariant {
  /** `I1` to `I17`. */
  readonly id: string
  readonly title: string
  readonly check: (digest: Digest) => Verdict
}

export const invariant = (
  id: string,
  title: string,
  unless: string,
  look: (digest: Digest, findings: Findings) => void
): Invariant => ({
  id,
  title,
  check: (digest) => {
    const findings = new Findings(id)
    look(digest, findings)
    return findings.verdict(unless)
  }
})
