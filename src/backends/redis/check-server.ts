import { randomUUID } from "node:crypto"
import type { Redis as IORedis } from "ioredis"
import { field } from "./info.ts"
import { epochKey, formatKey, formatVersion } from "./keys.ts"
import { RedisUnsuitable } from "./RedisUnsuitable.ts"
import { isReply, messageOf, reasonOf } from "./store-error.ts"

/** What is to be checked: the servers that take writes, and the keys of this prefix. */
export interface Checked {
  readonly masters: ReadonlyArray<Pick<IORedis, "info">>
  readonly keys: Pick<IORedis, "get" | "set">
  readonly prefix: string
  /** A cluster sends writes to masters by itself, and may go on without some of them. */
  readonly isCluster: boolean
}

const unsuitable = (reason: RedisUnsuitable["reason"], detail: string) => new RedisUnsuitable({ reason, detail })

/** The failure of a check as a verdict; one that passes by itself is thrown on. */
const refusalOf = (cause: unknown): RedisUnsuitable => {
  if (!isReply(cause) || reasonOf(cause) === "unavailable") throw cause
  return unsuitable(reasonOf(cause) === "read-only" ? "read-only" : "refused", messageOf(cause))
}

const checkInfo = (info: string, isCluster: boolean): RedisUnsuitable | undefined => {
  const version = field(info, "redis_version") ?? "unknown"
  if (Number.parseInt(version, 10) < 7) return unsuitable("too-old", `it is version ${version}, 7.0 is needed`)
  if (!isCluster && field(info, "role") === "slave") return unsuitable("read-only", "it is a replica")
  if (!isCluster && field(info, "cluster_enabled") === "1") {
    return unsuitable("cluster-node", "it is a node of a cluster; name its nodes with the cluster option")
  }
  if (field(info, "loading") === "1") throw new Error("the server is loading its data")
  const policy = field(info, "maxmemory_policy")
  return policy === undefined || policy === "noeviction"
    ? undefined
    : unsuitable("evicting", `maxmemory-policy is ${policy}, which deletes jobs; set it to noeviction`)
}

const checkMaster =
  (isCluster: boolean) =>
  (master: Pick<IORedis, "info">): Promise<RedisUnsuitable | undefined> =>
    master.info().then((info) => checkInfo(info, isCluster), refusalOf)

const checkFormat = async ({ keys, prefix }: Checked): Promise<RedisUnsuitable | undefined> => {
  const key = formatKey(prefix)
  // read first: a full server refuses to write, and is not to be refused for that
  let format = await keys.get(key)
  if (format === null) {
    await keys.set(key, formatVersion, "NX")
    format = await keys.get(key)
  }
  return format === formatVersion
    ? undefined
    : unsuitable("other-format", `its data has format ${format}, this version reads ${formatVersion}`)
}

/** Names the data of this prefix, for as long as it is there; nothing when that cannot be told. */
export const epochOf = async ({ keys, prefix }: Pick<Checked, "keys" | "prefix">): Promise<string | undefined> => {
  const key = epochKey(prefix)
  const known = await keys.get(key)
  if (known !== null) return known
  await keys.set(key, randomUUID(), "NX")
  return (await keys.get(key)) ?? undefined
}

/**
 * Whether jobs are safe here: one INFO per master and one GET. Answers what is wrong, and rejects while that cannot be
 * told: the connection is gone, or the server is loading.
 */
export const checkServer = async (checked: Checked): Promise<RedisUnsuitable | undefined> => {
  const answers = await Promise.allSettled(checked.masters.map(checkMaster(checked.isCluster)))
  let answered = false
  for (const answer of answers) {
    if (answer.status === "fulfilled") {
      answered = true
      if (answer.value !== undefined) return answer.value
    } else if (!checked.isCluster) throw answer.reason
  }
  if (!answered) throw (answers[0] as PromiseRejectedResult | undefined)?.reason ?? new Error("no server is known")
  return checkFormat(checked).catch(refusalOf)
}
