export * as Backoff from "./domain/Backoff.ts"
export { DeadReason, Failure, Job, JobState, Member } from "./domain/Job.ts"
export type { Ended, EpochMillis, JobId, Token } from "./domain/Job.ts"
export { InvalidInput } from "./domain/limits.ts"
export * as Queues from "./domain/Queues.ts"
export { Cancel, SkipRetry, Snooze } from "./domain/Steering.ts"
export * as Task from "./domain/Task.ts"
export * as Workflow from "./domain/Workflow.ts"
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
  PartlyEnqueued,
  PayloadTooLarge,
  type Unique
} from "./features/client/Client.ts"
export * as Inspector from "./features/inspector/Inspector.ts"
export { explain, type Explanation, type Obstacle } from "./features/inspector/Explain.ts"
export * as Doctor from "./features/doctor/Doctor.ts"
export * as DeadLetters from "./features/dead-letters/DeadLetters.ts"
export type { Retention } from "./features/maintenance/Maintenance.ts"
export * as Schedules from "./features/schedules/Schedules.ts"
export * as Encryption from "./features/encryption/Encryption.ts"
export * as Health from "./features/health/Health.ts"
export * as Telemetry from "./features/telemetry/Telemetry.ts"
export type {
  AttemptEvent,
  CancelEvent,
  DeadEvent,
  ErrorEvent,
  Hooks,
  JobEvent,
  LeaseLostEvent,
  RanEvent,
  ReleaseEvent,
  SnoozeEvent
} from "./features/worker/Hooks.ts"
export { Middleware } from "./features/worker/Middleware.ts"
export {
  type ErrorOf,
  type HandlerFor,
  type HandlersOf,
  type JobInfo,
  type Redact,
  type ServedQueue,
  Worker,
  type WorkerOptions,
  WorkerOverrides
} from "./features/worker/Worker.ts"
export {
  type AwaitWorkflowError,
  NoMember,
  type NodeRecord,
  type ParentOutcome,
  type StartOptions,
  WorkflowCancelled,
  WorkflowConflict,
  WorkflowFailed,
  type WorkflowHandle,
  WorkflowMissing,
  type WorkflowPage,
  type WorkflowRecord,
  Workflows
} from "./features/workflows/Workflows.ts"
export { Capabilities } from "./ports/Capabilities.ts"
export { type DeadSelection, DeadLetterStore, type RedriveOutcome } from "./ports/DeadLetterStore.ts"
export { Diagnostics, type Persistence, type QueueAudit, type ServerFacts } from "./ports/Diagnostics.ts"
export { JobIds } from "./ports/JobIds.ts"
export {
  type CancelOutcome,
  type ClaimedJob,
  type ClaimRequest,
  type ExchangeReply,
  type ExchangeRequest,
  type Held,
  JobStore,
  type LeaseStatus,
  type LogLines,
  type MemberEnding,
  type NewJob,
  type PrunePolicy,
  type RescueReply,
  type Settlement,
  type SettleOutcome,
  type Watch,
  type WatchReply
} from "./ports/JobStore.ts"
export { type Notice, Notices } from "./ports/Notices.ts"
export {
  type Counters,
  type Depths,
  type JobPage,
  type ListRequest,
  QueueControl,
  type QueueLimits,
  type RateLimit,
  type WorkerRecord
} from "./ports/QueueControl.ts"
export {
  type DueSchedules,
  type PutSchedule,
  type SchedulePage,
  type ScheduleRecord,
  ScheduleStore,
  type Tick,
  type TickOutcome
} from "./ports/ScheduleStore.ts"
export { StoreError } from "./ports/StoreError.ts"
export { type Purpose, Waiting } from "./ports/Waiting.ts"
export { type Wakeup, Wakeups } from "./ports/Wakeups.ts"
export {
  type Advance,
  type Created,
  type CreateReply,
  type NewNode,
  type NewWorkflow,
  type NodeJob,
  type Start,
  type StopCause,
  WorkflowStore,
  type WorkflowWatch
} from "./ports/WorkflowStore.ts"
