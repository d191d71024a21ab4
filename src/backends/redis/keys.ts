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
  "wake"
] as const

export type QueueKey = (typeof queueKeys)[number]

/** The Redis names of one queue's keys. */
export type Keys = Readonly<Record<QueueKey, string>>

export const keysOf = (prefix: string, queue: string): Keys =>
  Object.fromEntries(queueKeys.map((key) => [key, `{${prefix}:${queue}}:${key}`])) as Record<QueueKey, string>

/** A set of the names of all queues; alone in its slot, so scripts never touch it. */
export const registryKey = (prefix: string): string => `{${prefix}}:queues`

/** A pub/sub channel: what is sent to whoever is open under this name. */
export const noticeChannel = (prefix: string, name: string): string => `${noticePrefix(prefix)}${name}`

export const noticePrefix = (prefix: string): string => `${prefix}:notices:`

/** A string: the version of the layout that this prefix holds. */
export const formatKey = (prefix: string): string => `{${prefix}}:format`

/** Raised when a layout can no longer be read or written by older code. */
export const formatVersion = "1"
