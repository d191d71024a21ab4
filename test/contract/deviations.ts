import type { Deviation } from "../../src/testing/contract/index.ts"

/** The rules that our backends do not keep. The only list from which their runs skip tests. */
export const deviations = {
  memory: [],
  redis: [],
  encrypted: [{ rule: "BOUND-1", reason: "a ciphertext is longer than its text, so texts are cut at 6000 bytes" }]
} as const satisfies Record<string, ReadonlyArray<Deviation>>
