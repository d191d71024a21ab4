import { noticePrefix } from "./keys.ts"
import { scripts } from "./scripts/index.ts"

/** A user that may do what its part of a system needs, and nothing else. */
export interface AclUser {
  readonly name: string
  /** What it is for. */
  readonly purpose: string
  /** The rights, as ACL SETUSER takes them, without a password. */
  readonly rules: ReadonlyArray<string>
}

type ScriptName = keyof typeof scripts

/** What only workers and operators run: they claim, settle, tidy. */
const running: ReadonlySet<ScriptName> = new Set<ScriptName>([
  "annotate",
  "drop",
  "due",
  "endings",
  "exchange",
  "expired",
  "extend",
  "forget",
  "looks",
  "promote",
  "prune",
  "rate",
  "rates",
  "relayed",
  "rescue",
  "tick"
])

/** What only operators run. */
const operating: ReadonlySet<ScriptName> = new Set<ScriptName>([
  "audit",
  "directory",
  "limit",
  "list",
  "oldest",
  "pause",
  "purge",
  "redrive",
  "remove",
  "stats",
  "waiting",
  "workers"
])

/** What the driver and the check of the server send, whatever they are used for. */
const connecting = ["client|setname", "get", "info", "ping", "quit", "select", "set"]

/** Results and cancel requests are pushed. */
const listening = ["subscribe", "unsubscribe"]

/** Running scripts, naming a queue, and finding schedules. */
const scripting = ["eval", "evalsha", "exec", "hdel", "hget", "hscan", "hset", "multi", "sadd", "smembers"]

/** Waiting for work: the marker is taken, and put back for others. */
const waiting = ["bzpopmin", "zadd"]

/** Looking at queues and servers, and asking workers to be quiet. */
const inspecting = ["config|get", "publish", "time"]

/** The commands that a script calls, by its text. `spread` passes its command on. */
export const commandsOf = (source: string): ReadonlyArray<string> => [
  ...new Set(
    Array.from(source.matchAll(/\b(?:redis\.p?call|spread)\("(\w+)"/g), ([, command = ""]) => command.toLowerCase())
  )
]

const rulesOf = (prefix: string, names: ReadonlyArray<ScriptName>, direct: ReadonlyArray<string>) => {
  const called = names.flatMap((name) => commandsOf(scripts[name].source))
  const commands = [...new Set([...connecting, ...listening, ...scripting, ...direct, ...called])].toSorted()
  return [
    `~{${prefix}}:*`,
    `~{${prefix}:*}:*`,
    `&${noticePrefix(prefix)}*`,
    "-@all",
    ...commands.map((command) => `+${command}`)
  ]
}

const everyScript = Object.keys(scripts) as ReadonlyArray<ScriptName>

/**
 * Users with the least rights for a producer, a worker and an operator, derived from what the scripts and the
 * connection really send.
 *
 * **Shape** Three users; put `ACL SETUSER`, a name, `on` and a password in front of their rules. On a cluster they need
 * `+cluster|slots +cluster|info +asking` as well.
 * **Ref** docs/guides/redis.md, `winter acl print`
 * @category layers
 * @since 0.1.0
 */
export const aclUsers = (prefix = "winterq"): ReadonlyArray<AclUser> => [
  {
    name: `${prefix}-producer`,
    purpose: "enqueues jobs, starts workflows, cancels them, waits for their results",
    rules: rulesOf(
      prefix,
      everyScript.filter((name) => !operating.has(name) && !running.has(name)),
      []
    )
  },
  {
    name: `${prefix}-worker`,
    purpose: "runs jobs, and enqueues more",
    rules: rulesOf(
      prefix,
      everyScript.filter((name) => !operating.has(name)),
      waiting
    )
  },
  {
    name: `${prefix}-operator`,
    purpose: "looks at everything and steers it: the command line, dashboards",
    rules: rulesOf(prefix, everyScript, [...waiting, ...inspecting])
  }
]
