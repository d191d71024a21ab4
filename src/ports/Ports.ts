import type { Capabilities } from "./Capabilities.ts"
import type { DeadLetterStore } from "./DeadLetterStore.ts"
import type { Diagnostics } from "./Diagnostics.ts"
import type { JobStore } from "./JobStore.ts"
import type { Notices } from "./Notices.ts"
import type { QueueControl } from "./QueueControl.ts"
import type { ScheduleStore } from "./ScheduleStore.ts"
import type { Wakeups } from "./Wakeups.ts"
import type { WorkflowStore } from "./WorkflowStore.ts"

/**
 * Everything that a backend provides.
 *
 * @category layers
 * @since 0.1.0
 */
export type Ports =
  | JobStore
  | QueueControl
  | DeadLetterStore
  | Wakeups
  | Notices
  | Capabilities
  | ScheduleStore
  | WorkflowStore
  | Diagnostics
