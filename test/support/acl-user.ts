import { randomBytes } from "node:crypto"
import * as Effect from "effect/Effect"
import { Redis as IORedis } from "ioredis"
import { type AclRules, aclRules } from "../../src/backends/redis/acl.ts"
import { redisUrl } from "./redis-url.ts"

export const ask = async (url: string, command: string, ...args: ReadonlyArray<string | number>): Promise<unknown> => {
  const client = new IORedis(url, { connectionName: "test", disableClientInfo: true, enableReadyCheck: false })
  // what a call is refused with is thrown by it as well
  client.on("error", () => undefined)
  const answer = await client.call(command, [...args]).finally(() => client.disconnect())
  return answer
}

/** The URL of a user with the rights of one part, who is there as long as the scope. */
export const aclUser = (part: keyof AclRules, prefix: string) => {
  const name = `${prefix}-${part}`
  const password = randomBytes(16).toString("hex")
  const url = redisUrl()
  return Effect.acquireRelease(
    Effect.promise(() =>
      ask(url, "ACL", "SETUSER", name, "reset", "on", `>${password}`, ...aclRules(prefix)[part]).then(() => {
        const own = new URL(url)
        own.username = name
        own.password = password
        return own.href
      })
    ),
    () => Effect.promise(() => ask(url, "ACL", "DELUSER", name))
  )
}
