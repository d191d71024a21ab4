import * as Schema from "effect/Schema"

/**
 * This Redis cannot be used, and why: `unreachable`; `too-old` (below 7.0); `evicting` (its `maxmemory-policy` may
 * delete jobs); `read-only` (a replica);
 * `cluster-node` (one of a cluster, which the `cluster` option reaches); `other-format` (its data was written by an incompatible version); `refused`
 * (a command needed for the check was not allowed). Nothing was written.
 *
 * The layer fails with it. When a reconnect meets such a server later, calls fail with a `StoreError` that has it as
 * its `cause`, until the server is suitable.
 *
 * **Ref** docs/guides/redis.md
 * @category errors
 * @since 0.1.0
 */
export class RedisUnsuitable extends Schema.TaggedError<RedisUnsuitable>()("RedisUnsuitable", {
  reason: Schema.Literals([
    "unreachable",
    "too-old",
    "evicting",
    "read-only",
    "cluster-node",
    "other-format",
    "refused"
  ]),
  detail: Schema.String
}) {
  override get message(): string {
    return `this Redis cannot be used (${this.reason}): ${this.detail}`
  }
}
