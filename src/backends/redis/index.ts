import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { ClusterNode, ClusterOptions } from "ioredis"
import { Capabilities } from "../../ports/Capabilities.ts"
import { Diagnostics } from "../../ports/Diagnostics.ts"
import { DeadLetterStore } from "../../ports/DeadLetterStore.ts"
import { JobStore } from "../../ports/JobStore.ts"
import { Notices } from "../../ports/Notices.ts"
import type { Ports } from "../../ports/Ports.ts"
import { QueueControl } from "../../ports/QueueControl.ts"
import { ScheduleStore } from "../../ports/ScheduleStore.ts"
import { Wakeups } from "../../ports/Wakeups.ts"
import { WorkflowStore } from "../../ports/WorkflowStore.ts"
import { redisUrlProblem } from "../../domain/redis-url.ts"
import * as Connection from "./Connection.ts"
import * as deadLetterStore from "./dead-letter-store.ts"
import * as diagnostics from "./diagnostics.ts"
import type { DriverOptions } from "./driver-options.ts"
import { Handovers } from "./Handovers.ts"
import * as jobStore from "./job-store.ts"
import * as notices from "./notices.ts"
import * as queueControl from "./queue-control.ts"
import * as Queues from "./Queues.ts"
import { RedisUnsuitable } from "./RedisUnsuitable.ts"
import * as scheduleStore from "./schedule-store.ts"
import * as wakeups from "./wakeups.ts"
import * as workflowStore from "./workflow-store.ts"
import * as Workflows from "./Workflows.ts"

export { type AclRules, aclRules, type AclUser, aclUsers } from "./acl.ts"
export { RedisUnsuitable } from "./RedisUnsuitable.ts"

/** How to reach Redis, and what to put in front of every key. docs/guides/redis.md tells how it behaves in outages. */
export interface Options {
  /** `redis://user:password@host:port/db`, or `rediss://` for TLS; `redis://127.0.0.1:6379` when left out. */
  readonly url?: string
  /** A Redis Cluster: some of its nodes, and what else ioredis takes for one. `url` is not used then. */
  readonly cluster?: { readonly nodes: ReadonlyArray<ClusterNode>; readonly options?: ClusterOptions }
  /** Lets applications share a server; `winterq` when left out. Letters, digits, `.`, `_`, `-`. */
  readonly prefix?: string
  /** How long a call may wait for its reply, reconnecting included; 5 seconds when left out. */
  readonly timeout?: Duration.Input
  /** Anything else ioredis takes: `tls`, `username`, `password`, `db`, `sentinels` and `name`, `retryStrategy`, ... */
  readonly redis?: DriverOptions
}

const prefixPattern = /^[A-Za-z0-9._-]{1,64}$/

const build = (options: Options, storeClock: Queues.StoreClock) =>
  Layer.effectContext(
    Effect.gen(function* () {
      const prefix = options.prefix ?? "winterq"
      if (!prefixPattern.test(prefix)) {
        return yield* Effect.die(new Error(`prefix must match ${prefixPattern}, not ${JSON.stringify(prefix)}`))
      }
      const { url = "redis://127.0.0.1:6379" } = options
      const problem = options.cluster === undefined ? redisUrlProblem(url) : undefined
      if (problem !== undefined) {
        return yield* Effect.fail(new RedisUnsuitable({ reason: "unreachable", detail: `its url ${problem}` }))
      }
      const connection = yield* Connection.open({
        url,
        ...(options.cluster === undefined ? {} : { cluster: options.cluster }),
        prefix,
        timeoutMillis: Duration.toMillis(Duration.fromInputUnsafe(options.timeout ?? "5 seconds")),
        redis: options.redis ?? {}
      })
      const queues = Queues.make(connection, storeClock)
      const handovers = new Handovers()
      return Context.make(JobStore, jobStore.make(queues, handovers)).pipe(
        Context.add(QueueControl, queueControl.make(connection, queues)),
        Context.add(DeadLetterStore, deadLetterStore.make(queues)),
        Context.add(WorkflowStore, workflowStore.make(Workflows.make(connection, queues))),
        Context.add(ScheduleStore, scheduleStore.make(connection, queues)),
        Context.add(Wakeups, wakeups.make(connection, queues, handovers)),
        Context.add(Notices, yield* notices.make(connection)),
        Context.add(Diagnostics, diagnostics.make(connection, queues)),
        Context.add(Capabilities, Capabilities.of({ backend: "redis", shared: true, durable: true }))
      )
    })
  )

/**
 * Every port on Redis 7.0 or newer. One connection for commands, and one for each worker that waits for work.
 *
 * **Errors** `RedisUnsuitable` while the layer is built: unreachable, too old, evicting, read-only, or holding data
 * of an incompatible version. Nothing is written then.
 * **Ref** docs/decisions/0002-record-layout.md
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options = {}): Layer.Layer<Ports, RedisUnsuitable> => build(options, "server")

/**
 * The same, but scripts go by Effect's Clock instead of the server's, so that TestClock moves delays, leases and
 * retention on a real Redis. For tests: processes with different clocks would disagree.
 *
 * @category testing
 * @since 0.1.0
 */
export const layerVirtualTime = (options: Options = {}): Layer.Layer<Ports, RedisUnsuitable> => build(options, "effect")
