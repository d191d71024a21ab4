import * as Context from "effect/Context"

/**
 * What a backend can and cannot do beyond the ports, for messages and for the contract suite.
 *
 * @category queues
 * @since 0.1.0
 */
export class Capabilities extends Context.Service<
  Capabilities,
  {
    /** What people call it: `memory`, `redis`. */
    readonly backend: string
    /** Whether other processes see the same jobs. */
    readonly shared: boolean
    /** Whether jobs survive the end of this process. */
    readonly durable: boolean
  }
>()("winterq/ports/Capabilities") {}
