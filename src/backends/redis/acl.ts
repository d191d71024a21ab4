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
const running: ReadonlySet<string> = new Set([
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
const operating: ReadonlySet<string> = new Set([
  "audit",
  "limit",
  "list",
  "oldest",
  "pause",
  "purge",
  "raze",
  "redrive",
  "remove",
  "runnow",
  "stats",
  "waiting",
  "workers"
])

/** What the driver and the check of the server send, whatever they are used for. */
const connecting = ["client|setname", "get", "info", "ping", "quit", "select", "set"]

/** Results and cancel requests are pushed. */
const listening = ["subscribe", "unsubscribe"]

/** Running scripts, and naming a queue. */
const scripting = ["eval", "evalsha", "sadd"]

/** Finding schedules by their names, and giving them. */
const scheduling = ["exec", "hdel", "hget", "hscan", "hset", "multi", "smembers"]

/** Waiting for work: the marker is taken, and put back for others. */
const waiting = ["bzpopmin", "zadd"]

/** Looking at queues and servers, asking workers to be quiet, and taking the name of a queue that is removed. */
const inspecting = ["config|get", "hget", "publish", "smembers", "srem", "time"]

/** The commands that a script calls, by its text. `spread` passes its command on. */
export const commandsOf = (source: string): ReadonlyArray<string> => [
  ...new Set(
    Array.from(source.matchAll(/\b(?:redis\.p?call|spread)\("(\w+)"/g), ([, command = ""]) => command.toLowerCase())
  )
]

const rulesOf = (prefix: string, names: ReadonlyArray<ScriptName>, direct: ReadonlyArray<string>) => {
  const called = names.flatMap((name) => commandsOf(scripts[name].source))
  const commands = [
    ...new Set([...connecting, ...listening, ...scripting, ...scheduling, ...direct, ...called])
  ].toSorted()
  return [
    `~{${prefix}}:*`,
    `~{${prefix}:*}:*`,
    `&${noticePrefix(prefix)}*`,
    "-@all",
    ...commands.map((command) => `+${command}`)
  ]
}

const everyScript = Object.keys(scripts) as ReadonlyArray<ScriptName>

/** Rights for each part of a system, as ACL SETUSER takes them, without `on` and a password. */
export interface AclRules {
  readonly producer: ReadonlyArray<string>
  readonly worker: ReadonlyArray<string>
  readonly operator: ReadonlyArray<string>
}

/**
 * The least rights for a producer, a worker and an operator, derived from what the scripts and the connection really
 * send. None of them reaches a key or a channel of another prefix, inside scripts either.
 *
 * **Shape** `ACL SETUSER <name> on ><password>` and then the rules of one part. On a cluster they need
 * `+cluster|slots +cluster|info +asking` as well.
 * **Ref** docs/guides/security.md
 * @category layers
 * @since 0.1.0
 */
export const aclRules = (prefix = "winterq"): AclRules => {
  // what follows the prefix in a pattern must not be one
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(prefix)) throw new Error(`no prefix: ${JSON.stringify(prefix)}`)
  return {
    producer: rulesOf(
      prefix,
      everyScript.filter((name) => !operating.has(name) && !running.has(name)),
      []
    ),
    worker: rulesOf(
      prefix,
      everyScript.filter((name) => !operating.has(name)),
      waiting
    ),
    operator: rulesOf(prefix, everyScript, [...waiting, ...inspecting])
  }
}

/**
 * The same as users, with names and what they are for.
 *
 * **Ref** docs/guides/security.md
 * @category layers
 * @since 0.1.0
 */
export const aclUsers = (prefix = "winterq"): ReadonlyArray<AclUser> => {
  const { operator, producer, worker } = aclRules(prefix)
  return [
    {
      name: `${prefix}-producer`,
      purpose: "enqueues jobs, starts workflows, cancels them, waits for their results",
      rules: producer
    },
    { name: `${prefix}-worker`, purpose: "runs jobs, and enqueues more", rules: worker },
    {
      name: `${prefix}-operator`,
      purpose: "looks at everything and steers it: the command line, dashboards",
      rules: operator
    }
  ]
}
