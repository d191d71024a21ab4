export * as Backoff from "./domain/Backoff.ts"
export { DeadReason, Failure, Job, JobState } from "./domain/Job.ts"
export type { EpochMillis, JobId, Token } from "./domain/Job.ts"
export { InvalidInput } from "./domain/limits.ts"
export * as Queues from "./domain/Queues.ts"
export { Cancel, SkipRetry, Snooze } from "./domain/Steering.ts"
export * as Task from "./domain/Task.ts"
export { validTransition } from "./domain/transition.ts"
export {
  type AwaitError,
  Client,
  type ClientOptions,
  type EnqueueError,
  type EnqueueManyOptions,
  type EnqueueOptions,
  type EnqueueOutcome,
  InvalidPayload,
  InvalidResult,
  JobCancelled,
  JobDead,
  JobExpired,
  type JobHandle,
  JobMissing,
  type JobRef,
  PayloadTooLarge
} from "./features/client/Client.ts"
export * as DeadLetters from "./features/dead-letters/DeadLetters.ts"
export { type JobInfo, type ServedQueue, Worker, type WorkerOptions } from "./features/worker/Worker.ts"
export { Capabilities } from "./ports/Capabilities.ts"
export { DeadLetterStore } from "./ports/DeadLetterStore.ts"
export { JobIds } from "./ports/JobIds.ts"
export { JobStore } from "./ports/JobStore.ts"
export { Notices } from "./ports/Notices.ts"
export { QueueControl } from "./ports/QueueControl.ts"
export { StoreError } from "./ports/StoreError.ts"
export { Wakeups } from "./ports/Wakeups.ts"
