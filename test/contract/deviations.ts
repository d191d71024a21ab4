import type { Deviation } from "../../src/testing/contract/index.ts"

/** The rules that our backends do not keep. The only list from which their runs skip tests. */
export const deviations = {
  memory: [],
  redis: []
} as const satisfies Record<string, ReadonlyArray<Deviation>>
