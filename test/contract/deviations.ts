/** A rule that a backend does not keep, and why. */
export interface Deviation {
  readonly backend: string
  readonly rule: string
  readonly reason: string
}

/** The only list from which the suite skips tests. */
export const deviations: ReadonlyArray<Deviation> = []
