import { Cluster, type Redis as IORedis } from "ioredis"

/** Calls back with a client for commands, or with each of a cluster's, as they come. */
export const eachNode = (client: IORedis | Cluster, tend: (node: IORedis) => void): void => {
  if (client instanceof Cluster) client.on("+node", tend)
  else tend(client)
}
