import type { Cluster, Redis as IORedis } from "ioredis"
import { eachNode } from "./each-node.ts"

const nothing = (): void => undefined

/**
 * Lets a reply be taken in as it arrives. The driver puts its listener before all others, in a way that the socket does
 * not notice: taking it for unheard, the socket keeps what arrives in a buffer for a moment (decision 16). A listener that
 * it does notice mends that.
 */
export const takeInAtOnce = (client: IORedis | Cluster): void =>
  eachNode(client, (node) => {
    node.on("connect", () => node.stream.on("data", nothing))
  })
