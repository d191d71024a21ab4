import type * as Layer from "effect/Layer"
import { besideOthersContract } from "./beside-others.ts"
import { boundsContract } from "./bounds.ts"
import { bulkContract } from "./bulk.ts"
import { changingQueuesContract } from "./changing-queues.ts"
import type { ContractOptions, Ports } from "./contract.ts"
import { explainingContract } from "./explaining.ts"
import { healthContract } from "./health.ts"
import { hooksContract } from "./hooks.ts"
import { hostileContract } from "./hostile.ts"
import { inputContract } from "./input.ts"
import { loggingContract } from "./logging.ts"
import { manyQueuesContract } from "./many-queues.ts"
import { inspectingContract } from "./inspecting.ts"
import { prefetchContract } from "./prefetch.ts"
import { operatingContract } from "./operating.ts"
import { resultsContract } from "./results.ts"
import { runningContract } from "./running.ts"
import { schedulesContract } from "./schedules.ts"
import { servingShardsContract } from "./serving-shards.ts"
import { shardingContract } from "./sharding.ts"
import { stoppingContract } from "./stopping.ts"
import { telemetryContract } from "./telemetry.ts"
import { waitingClaimsContract } from "./waiting-claims.ts"
import { workflowPoliciesContract } from "./workflow-policies.ts"
import { workflowResultsContract } from "./workflow-results.ts"
import { workflowStepsContract } from "./workflow-steps.ts"
import { workflowsContract } from "./workflows.ts"
import { tickingContract } from "./ticking.ts"

/**
 * Declares vitest tests for every rule of clients, workers and workflows, on a backend.
 *
 * **Shape** as `storeContract`, whose rules the backend should keep first.
 * **Ref** docs/semantics.md
 * @category testing
 * @since 0.1.0
 */
export const serviceContract = (
  backend: string,
  layer: Layer.Layer<Ports, unknown>,
  options: ContractOptions = {}
): void => {
  for (const concern of [
    inputContract,
    boundsContract,
    hostileContract,
    runningContract,
    prefetchContract,
    besideOthersContract,
    waitingClaimsContract,
    manyQueuesContract,
    changingQueuesContract,
    shardingContract,
    servingShardsContract,
    resultsContract,
    stoppingContract,
    healthContract,
    hooksContract,
    telemetryContract,
    loggingContract,
    inspectingContract,
    bulkContract,
    workflowsContract,
    schedulesContract,
    tickingContract,
    workflowPoliciesContract,
    workflowResultsContract,
    workflowStepsContract,
    explainingContract,
    operatingContract
  ])
    concern(backend, layer, options)
}
