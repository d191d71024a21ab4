import { Redis as IORedis } from "ioredis"

type Value = ReadonlyArray<string> | Readonly<Record<string, string>> | string | null

const pairs = (flat: ReadonlyArray<string>): Readonly<Record<string, string>> =>
  Object.fromEntries(Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i]!, flat[2 * i + 1]!]))

const read = async (client: IORedis, key: string): Promise<Value> => {
  switch (await client.type(key)) {
    case "hash":
      return client.hgetall(key)
    case "zset":
      return pairs(await client.zrange(key, 0, "-1", "WITHSCORES"))
    case "set":
      return (await client.smembers(key)).toSorted()
    case "string":
      return client.get(key)
    default:
      return null
  }
}

/** Everything that a server holds. What is drawn at random is left out: the names of producers, and the epoch. */
export const snapshot = async (port: number): Promise<Readonly<Record<string, Value>>> => {
  const client = new IORedis({ port, protocol: 2 })
  const found: Record<string, Value> = {}
  for (const key of (await client.keys("*")).toSorted()) {
    if (key.endsWith(":epoch")) continue
    const value = await read(client, key)
    found[key] = /:(requests|producers)$/.test(key) ? Object.values(value as Record<string, string>) : value
  }
  client.disconnect()
  return found
}

/** The same without some counters, and without the sequence that places of later jobs are taken from. */
export const without = (
  state: Readonly<Record<string, Value>>,
  counters: ReadonlyArray<string>
): Readonly<Record<string, Value>> =>
  Object.fromEntries(
    Object.entries(state).map(([key, value]) => [
      key,
      key.endsWith(":meta")
        ? Object.fromEntries(
            Object.entries(value as Record<string, string>).filter(([name]) => !counters.includes(name))
          )
        : value
    ])
  )
