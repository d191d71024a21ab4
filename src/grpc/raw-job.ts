import * as Effect from "effect/Effect"
import { checkKind } from "../domain/limits.ts"
import { type AnyQueue, nameOf } from "../domain/Sharded.ts"
import { instantOf, millisOf, required } from "./fields.ts"
import type { Station } from "./Station.ts"
import { decodeText } from "./text.ts"

/** Jobs as requests describe them, whatever is to become of them. */

interface Described {
  readonly kind: string
  readonly payload: Uint8Array
  readonly priority?: number | undefined
  readonly maxRetries: number
  readonly retentionMs?: bigint | undefined
  readonly expiresInMs: bigint
  readonly tags: ReadonlyArray<string>
  readonly orderKey?: string | undefined
}

interface Timed {
  readonly scheduledAt: bigint
  readonly delayMs: bigint
}

type Settings = Pick<Station["settings"], "retentionMillis" | "queueDefaults">

/** What all of them have, for a queue whose defaults hold for what is left out. */
export const rawJobOf = Effect.fnUntraced(function* (
  request: Described,
  queue: AnyQueue,
  { queueDefaults, retentionMillis }: Settings
) {
  const kind = yield* required("kind", request.kind)
  yield* Effect.fromResult(checkKind(kind))
  const payload = yield* decodeText("payload", request.payload)
  const expires = yield* millisOf("expires_in_ms", request.expiresInMs)
  const { maxRetries, orderKey, retentionMs, tags } = request
  const defaults = queueDefaults[nameOf(queue)] ?? {}
  const maxAttempts = maxRetries === 0 ? defaults.maxAttempts : maxRetries
  const priority = request.priority ?? defaults.priority
  return {
    kind,
    payload,
    retentionMillis: retentionMs === undefined ? retentionMillis : yield* millisOf("retention_ms", retentionMs),
    ...(priority === undefined ? {} : { priority }),
    ...(maxAttempts === undefined ? {} : { maxAttempts }),
    ...(expires === 0 ? {} : { expires }),
    ...(tags.length === 0 ? {} : { tags }),
    ...(orderKey === undefined ? {} : { orderKey })
  }
})

/** When those may run that are stored once. */
export const timeOf = Effect.fnUntraced(function* ({ delayMs, scheduledAt }: Timed) {
  const at = yield* instantOf("scheduled_at", scheduledAt)
  const delay = yield* millisOf("delay_ms", delayMs)
  return { ...(at === undefined ? {} : { at }), ...(delay === 0 ? {} : { delay }) }
})
