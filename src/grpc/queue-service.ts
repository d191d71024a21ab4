import type { ServiceDefinition, UntypedServiceImplementation } from "@grpc/grpc-js"
import type { Entry } from "./Calls.ts"
import type { QueueService } from "./gen/winter/v1/queue_service_pb.ts"
import { dequeueStreamCalls } from "./handlers/dequeue-stream.ts"
import { dequeueCalls } from "./handlers/dequeue.ts"
import { enqueueCalls } from "./handlers/enqueue.ts"
import { jobCalls } from "./handlers/jobs.ts"
import { leaseCalls } from "./handlers/leases.ts"
import { queueCalls } from "./handlers/queues.ts"
import { scheduleCalls } from "./handlers/schedules.ts"
import { settleCalls } from "./handlers/settle.ts"
import { nodeCalls } from "./handlers/workflow-nodes.ts"
import { workflowCalls } from "./handlers/workflows.ts"
import type { Station } from "./Station.ts"

/** Every call of `winter.v1.QueueService`: one that is missing does not compile. */
export const queueService = (
  station: Station
): { readonly definition: ServiceDefinition; readonly handlers: UntypedServiceImplementation } => {
  const entries: Record<keyof typeof QueueService.method, Entry> = {
    ...enqueueCalls(station),
    ...dequeueCalls(station),
    ...dequeueStreamCalls(station),
    ...settleCalls(station),
    ...leaseCalls(station),
    ...jobCalls(station),
    ...queueCalls(station),
    ...scheduleCalls(station),
    ...workflowCalls(station),
    ...nodeCalls(station)
  }
  const named = Object.entries(entries)
  return {
    definition: Object.fromEntries(named.map(([name, { definition }]) => [name, definition])),
    handlers: Object.fromEntries(named.map(([name, { handle }]) => [name, handle]))
  }
}
