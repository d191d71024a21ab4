import * as Context from "effect/Context"

/**
 * Why a fiber sleeps.
 *
 * `due`: something is to happen then. `visible`: a job becomes visible then, or a lease expires, as far as a worker knows.
 * `look`: to look again, in case something was missed; sooner does no harm, and neither does later. `heartbeat`: to show
 * that a job is still held; later does no harm while none is. `limit`: to end what takes too long. `stop`: the same for
 * whoever stops, which nobody may be left to move a clock for.
 */
export type Purpose = "due" | "visible" | "look" | "heartbeat" | "limit" | "stop"

/**
 * Says why the sleeps of an effect are taken. No real clock minds; the one of the testing kit passes days without
 * taking every look in between.
 *
 * **Shape** `Effect.provideService(effect, Waiting, "look")`
 * @category testing
 * @since 0.1.0
 */
export const Waiting = Context.Reference<Purpose>("winterq/ports/Waiting", { defaultValue: () => "due" })
