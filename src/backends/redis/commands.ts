import { Cluster, type Redis as IORedis } from "ioredis"

/** The commands outside of scripts, as they are sent. */
export interface Commands {
  readonly hdel: (key: string, field: string) => Promise<number>
  /** Where to go on ("0" at the end), and fields and values in turn. */
  readonly hscan: (key: string, cursor: string, count: number) => Promise<readonly [string, ReadonlyArray<string>]>
  /** Sets a field of a hash; answers what it was. */
  readonly replaceField: (key: string, field: string, value: string) => Promise<string | null>
  readonly configGet: (server: number, name: string) => Promise<string | undefined>
  readonly get: (key: string) => Promise<string | null>
  readonly hget: (key: string, field: string) => Promise<string | null>
  /** INFO of every server that takes writes. */
  readonly infos: () => Promise<ReadonlyArray<{ readonly address: string; readonly info: string }>>
  readonly publish: (channel: string, message: string) => Promise<unknown>
  readonly sadd: (key: string, ...members: ReadonlyArray<string>) => Promise<number>
  readonly srem: (key: string, member: string) => Promise<number>
  readonly smembers: (key: string) => Promise<ReadonlyArray<string>>
  /** The server's clock, epoch milliseconds. */
  readonly time: () => Promise<number>
  readonly zadd: (key: string, score: number, member: string) => Promise<unknown>
}

/** What a refused transaction rejects with tells its reason apart. */
const whyAborted = (error: unknown): unknown =>
  (error as { readonly previousErrors?: ReadonlyArray<unknown> }).previousErrors?.[0] ?? error

const replaceField = (client: IORedis | Cluster, key: string, field: string, value: string) =>
  client
    .multi()
    .hget(key, field)
    .hset(key, field, value)
    .exec()
    .then(
      (replies) => {
        const failed = replies?.find(([error]) => error !== null)?.[0]
        if (failed) throw failed
        return (replies?.[0]?.[1] ?? null) as string | null
      },
      (error: unknown) => Promise.reject(whyAborted(error))
    )

export const commandsOf = (client: IORedis | Cluster): Commands => {
  const masters = () => (client instanceof Cluster ? client.nodes("master") : [client])
  return {
    hdel: (key, field) => client.hdel(key, field),
    hscan: (key, cursor, count) => client.hscan(key, cursor, "COUNT", count),
    replaceField: (key, field, value) => replaceField(client, key, field, value),
    configGet: (server, name) => {
      const reply = masters()[server]!.config("GET", name) as Promise<ReadonlyArray<string>>
      return reply.then(([, value]) => value)
    },
    get: (key) => client.get(key),
    hget: (key, field) => client.hget(key, field),
    infos: () =>
      Promise.all(
        masters().map((master) =>
          master.info().then((info) => ({ address: `${master.options.host}:${master.options.port}`, info }))
        )
      ),
    publish: (channel, message) => client.publish(channel, message),
    sadd: (key, ...members) => client.sadd(key, ...members),
    srem: (key, member) => client.srem(key, member),
    smembers: (key) => client.smembers(key),
    time: () =>
      masters()[0]!
        .time()
        .then(([seconds, micros]) => Number(seconds) * 1000 + Math.floor(Number(micros) / 1000)),
    zadd: (key, score, member) => client.zadd(key, score, member)
  }
}
