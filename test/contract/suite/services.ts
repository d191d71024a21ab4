import type * as Layer from "effect/Layer"
import type { Ports } from "./contract.ts"
import { inputContract } from "./input.ts"
import { manyQueuesContract } from "./many-queues.ts"
import { resultsContract } from "./results.ts"
import { runningContract } from "./running.ts"
import { stoppingContract } from "./stopping.ts"

/** Every rule of client and worker, on a backend. */
export const serviceContract = (backend: string, layer: Layer.Layer<Ports, unknown>): void => {
  for (const concern of [inputContract, runningContract, resultsContract, stoppingContract, manyQueuesContract])
    concern(backend, layer)
}
