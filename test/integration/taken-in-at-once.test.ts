import { assert, it } from "@effect/vitest"
import { Redis as IORedis } from "ioredis"
import { takeInAtOnce } from "../../src/backends/redis/take-in-at-once.ts"
import { redisUrl } from "../support/redis-url.ts"

const orderOfReply = async (client: IORedis): Promise<ReadonlyArray<string>> => {
  await client.ping()
  const { stream } = client
  const push = stream.push.bind(stream)
  const order: Array<string> = []
  stream.push = (chunk) => {
    order.push("arrives")
    const goesOn = push(chunk)
    order.push("was passed on")
    return goesOn
  }
  // as the driver does it; a listener that is merely added would be what is tested here
  stream.prependListener("data", () => order.push("is taken in"))
  await client.ping()
  // its end arrives there too, later
  return [...order]
}

it("a reply is taken in as it arrives, after a reconnect as well", async () => {
  const client = new IORedis(redisUrl())
  takeInAtOnce(client)

  const first = await orderOfReply(client)
  client.disconnect(true)
  await new Promise((resolve) => client.once("ready", resolve))
  const again = await orderOfReply(client)
  await client.quit()

  const atOnce = ["arrives", "is taken in", "was passed on"]
  assert.deepStrictEqual([first, again], [atOnce, atOnce])
})

it("the driver by itself takes it in later; one that does not makes `take-in-at-once.ts` needless", async () => {
  const client = new IORedis(redisUrl())

  const order = await orderOfReply(client)
  await client.quit()

  assert.deepStrictEqual(order, ["arrives", "was passed on", "is taken in"])
})
