import * as Schema from "effect/Schema"
import { describe } from "../domain/describe.ts"

/**
 * Why the store could not answer.
 *
 * `unavailable`: no connection, or no reply in time; the call may or may not have taken effect.
 * `full`: the store is out of memory and refused to grow; nothing was written.
 * `read-only`: this server takes no writes (a replica, or too few replicas behind it); nothing was written.
 * `denied`: the user may not do this; nothing was written.
 * `rejected`: the server refused the command for another reason, which `cause` tells.
 */
export const StoreErrorReason = Schema.Literals(["unavailable", "full", "read-only", "denied", "rejected"])
export type StoreErrorReason = typeof StoreErrorReason.Type

/**
 * The store could not answer. `retryable`: the same call may be repeated safely, even when it took effect the first time.
 *
 * @category errors
 * @since 0.1.0
 */
export class StoreError extends Schema.TaggedError<StoreError>()("StoreError", {
  operation: Schema.NonEmptyString,
  reason: StoreErrorReason,
  retryable: Schema.Boolean,
  cause: Schema.Defect()
}) {
  override get message(): string {
    const cause = this.cause instanceof Error ? this.cause.message : describe(this.cause)
    return `${this.operation}: the store is ${this.reason === "rejected" ? "refusing" : this.reason}: ${cause}`
  }
}
