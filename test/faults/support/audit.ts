import { Redis as IORedis } from "ioredis"
import { keysOf, type Keys } from "../../../src/backends/redis/keys.ts"

type Table = Readonly<Record<string, string>>

const states = ["pending", "scheduled", "retry", "active", "completed", "cancelled", "dead"] as const

/** Redis's own record of a queue, read as it stands. */
export interface Audit {
  /** Where every stored job is: its state, or several when it is in more than one place, or none. */
  readonly places: ReadonlyMap<string, ReadonlyArray<string>>
  readonly problems: ReadonlyArray<string>
  readonly counters: Readonly<Record<string, number>>
}

/** All at one instant. */
const read = async (client: IORedis, keys: Keys) => {
  const asked = client.multi().hgetall(keys.jobs).hgetall(keys.runs).hgetall(keys.unique).hgetall(keys.meta)
  asked.zrange(keys.windows, 0, "-1").zrange(keys.limited, 0, "-1")
  for (const state of states) asked.zrange(keys[state], 0, "-1")
  const answers = ((await asked.exec()) ?? []).map(([error, value]) => {
    if (error !== null) throw error
    return value
  })
  const [jobs, runs, unique, meta, windows, limited, ...indexes] = answers as [
    ...[Table, Table, Table, Table],
    ...[ReadonlyArray<string>, ReadonlyArray<string>],
    ...ReadonlyArray<ReadonlyArray<string>>
  ]
  const places = new Map<string, Array<string>>(Object.keys(jobs).map((id) => [id, []]))
  const problems: Array<string> = []
  const put = (state: string, id: string) => {
    const found = places.get(id)
    if (found === undefined) problems.push(`${id} is ${state} and has no record`)
    else found.push(state)
  }
  for (const [i, state] of states.entries()) for (const id of indexes[i]!) put(state, id)
  for (const entry of limited) put("pending", entry.split(",").slice(2).join(","))
  return { jobs, runs, unique, meta, windows, places, problems }
}

/**
 * Recounts a queue from its keys: every job in one place, the holder of a lease active, no key held by nobody, and
 * counters equal to what is stored.
 */
export const audit = async (port: number, prefix: string, queue: string): Promise<Audit> => {
  const client = new IORedis({ port, protocol: 2 })
  const keys = keysOf(prefix, queue)
  const { jobs, meta, places, problems, runs, unique, windows } = await read(client, keys)
  for (const [id, found] of places) {
    if (found.length !== 1) problems.push(`${id} is in ${found.length} places: ${found.join(", ")}`)
  }
  for (const [id, run] of Object.entries(runs)) {
    if (!(id in jobs)) problems.push(`${id} has a run and no record`)
    else if (run.startsWith("a") !== (places.get(id)?.[0] === "active")) {
      problems.push(`${id} is ${places.get(id)?.join()} and its run says ${run}`)
    }
  }
  for (const [key, holder] of Object.entries(unique)) {
    const isWindow = windows.includes(key)
    const state = places.get(holder)?.[0]
    if (!isWindow && (state === undefined || ["completed", "cancelled", "dead"].includes(state))) {
      problems.push(`the unique key ${key} is held by ${holder}, which is ${state ?? "not stored"}`)
    }
  }
  const counters = Object.fromEntries(Object.entries(meta).map(([name, value]) => [name, Number(value)]))
  const stored = places.size
  const { enqueued = 0, removed = 0 } = counters
  if (enqueued !== stored + removed) problems.push(`${enqueued} enqueued, but ${stored} stored and ${removed} removed`)
  client.disconnect()
  return { places, problems, counters }
}
