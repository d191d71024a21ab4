import type { DeadLetterStore } from "../ports/DeadLetterStore.ts"
import type { JobStore } from "../ports/JobStore.ts"
import type { Notices } from "../ports/Notices.ts"
import type { QueueControl } from "../ports/QueueControl.ts"
import type { ScheduleStore } from "../ports/ScheduleStore.ts"
import type { Wakeups } from "../ports/Wakeups.ts"
import type { WorkflowStore } from "../ports/WorkflowStore.ts"

/** What calls are answered with. */
export type Ports = JobStore | QueueControl | DeadLetterStore | Wakeups | Notices | ScheduleStore | WorkflowStore
