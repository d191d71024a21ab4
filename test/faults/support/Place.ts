import type * as Redis from "winterq/redis"
import { type FreshRedis, startFreshRedis } from "../../support/fresh-redis.ts"
import { clusterAt, startCluster, stopAll } from "../../support/redis-cluster.ts"
import { type Rule, RespProxy } from "../../support/RespProxy.ts"
import { snapshot } from "./snapshot.ts"

/** Servers of a test's own behind proxies: one, or those of a cluster when WINTERQ_TEST_CLUSTER is set. */
export class Place {
  /** How winterq gets there, by the proxies alone. */
  readonly options: Redis.Options
  private readonly servers: ReadonlyArray<FreshRedis>
  private readonly proxies: ReadonlyArray<RespProxy>

  private constructor(servers: ReadonlyArray<FreshRedis>, proxies: ReadonlyArray<RespProxy>, options: Redis.Options) {
    this.servers = servers
    this.proxies = proxies
    this.options = options
  }

  static async open(): Promise<Place> {
    const isCluster = (process.env["WINTERQ_TEST_CLUSTER"] ?? "") !== ""
    const servers = isCluster
      ? await startCluster({ nodeTimeoutMillis: 15_000, args: ["--appendonly", "no"] })
      : [await startFreshRedis()]
    const proxies = await Promise.all(servers.map(({ port }) => RespProxy.listen(port)))
    if (!isCluster) return new Place(servers, proxies, { url: proxies[0]!.url })
    const natMap = Object.fromEntries(
      servers.map(({ port }, i) => [
        `127.0.0.1:${port}`,
        { host: "127.0.0.1", port: Number(new URL(proxies[i]!.url).port) }
      ])
    )
    return new Place(servers, proxies, { cluster: { ...clusterAt(servers).cluster, options: { natMap } } })
  }

  /** Asks every server the same. */
  async tell(command: string, ...args: ReadonlyArray<string>): Promise<void> {
    await Promise.all(this.servers.map((server) => server.ask(command, ...args)))
  }

  /** Adds a rule to each proxy. */
  when(rule: (proxy: RespProxy) => Rule): void {
    for (const proxy of this.proxies) proxy.when(rule(proxy))
  }

  clear(): void {
    for (const proxy of this.proxies) proxy.clear()
  }

  /** Everything that the servers hold. */
  async snapshot(): Promise<Awaited<ReturnType<typeof snapshot>>> {
    return Object.assign({}, ...(await Promise.all(this.servers.map(({ port }) => snapshot(port)))))
  }

  async close(): Promise<void> {
    for (const proxy of this.proxies) proxy.close()
    await stopAll(this.servers)
  }
}
