/** What a queue keeps in Redis. Every key of a queue carries the queue's hash tag, so all live in one cluster slot. */
export const queueKeys = [
  "jobs",
  "runs",
  "pending",
  "limited",
  "limits",
  "buckets",
  "scheduled",
  "retry",
  "active",
  "completed",
  "cancelled",
  "dead",
  "ledger",
  "result",
  "cancels",
  "progress",
  "logs",
  "watchers",
  "unique",
  "windows",
  "meta",
  "claims",
  "workers",
  "about",
  "requests",
  "producers",
  "outbox",
  "endings",
  "members",
  "schedules",
  "ticks",
  "wake"
] as const

export type QueueKey = (typeof queueKeys)[number]

/** The Redis names of one queue's keys. */
export type Keys = Readonly<Record<QueueKey, string>>

export const keysOf = (prefix: string, queue: string): Keys =>
  Object.fromEntries(queueKeys.map((key) => [key, `{${prefix}:${queue}}:${key}`])) as Record<QueueKey, string>

/** What a workflow keeps in Redis, all in one cluster slot. */
export const workflowKeys = [
  "head",
  "draft",
  "nodes",
  "status",
  "left",
  "results",
  "open",
  "starts",
  "stopped",
  "failures",
  "listeners"
] as const

export type WorkflowKey = (typeof workflowKeys)[number]

export const workflowKeysOf = (prefix: string, id: string): Readonly<Record<WorkflowKey, string>> =>
  Object.fromEntries(workflowKeys.map((key) => [key, `{${prefix}:workflow:${id}}:${key}`])) as Record<
    WorkflowKey,
    string
  >

/**
 * Where workflows are found: by state, by when somebody should look at them, and by the end of their retention. Its hash tag is none
 * that a queue or a workflow can have: names of queues have no colon, and ids of workflows are not empty.
 */
export const directoryKeys = [
  "all",
  "running",
  "completed",
  "failed",
  "cancelled",
  "looks",
  "expiry",
  "entered"
] as const

export type DirectoryKey = (typeof directoryKeys)[number]

export const directoryKeysOf = (prefix: string): Readonly<Record<DirectoryKey, string>> =>
  Object.fromEntries(directoryKeys.map((key) => [key, `{${prefix}:workflow:}:${key}`])) as Record<DirectoryKey, string>

/** A set of the names of all queues; alone in its slot, so scripts never touch it. */
export const registryKey = (prefix: string): string => `{${prefix}}:queues`

/** A hash: schedule -> its queue; beside the registry of queues, in the same slot. */
export const scheduleNamesKey = (prefix: string): string => `{${prefix}}:schedules`

/** A set of the queues that have schedules, or had some. */
export const scheduleQueuesKey = (prefix: string): string => `{${prefix}}:schedule-queues`

/** A pub/sub channel: what is sent to whoever is open under this name. */
export const noticeChannel = (prefix: string, name: string): string => `${noticePrefix(prefix)}${name}`

export const noticePrefix = (prefix: string): string => `${prefix}:notices:`

/** A string: the version of the layout that this prefix holds. */
export const formatKey = (prefix: string): string => `{${prefix}}:format`

/** A string: drawn at random when this prefix is first used, so that a server which has lost everything is noticed. */
export const epochKey = (prefix: string): string => `{${prefix}}:epoch`

/** Raised when a layout can no longer be read or written by older code. */
export const formatVersion = "2"
