import type { Capabilities } from "../ports/Capabilities.ts"
import type { DeadLetterStore } from "../ports/DeadLetterStore.ts"
import type { Diagnostics } from "../ports/Diagnostics.ts"
import type { JobStore } from "../ports/JobStore.ts"
import type { Notices } from "../ports/Notices.ts"
import type { QueueControl } from "../ports/QueueControl.ts"
import type { ScheduleStore } from "../ports/ScheduleStore.ts"
import type { Wakeups } from "../ports/Wakeups.ts"
import type { WorkflowStore } from "../ports/WorkflowStore.ts"

/**
 * Everything that a backend provides.
 *
 * @category testing
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
