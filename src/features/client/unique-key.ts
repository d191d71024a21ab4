import { createHash } from "node:crypto"
import * as Result from "effect/Result"
import { durationMillis, InvalidInput } from "../../domain/limits.ts"
import type { AnyTask } from "../../domain/Task.ts"
import type { NewJob } from "../../ports/JobStore.ts"
import type { EnqueueManyOptions, Unique } from "./EnqueueOptions.ts"

const hash = (text: string): string => createHash("sha256").update(text).digest("base64url")

const plainKey = /^[A-Za-z0-9._:@/+=-]{1,100}$/

/**
 * A key that was named, as the store knows it. A short plain one starts with `key:`, any other with `hash:` or, when it
 * is not well-formed Unicode and UTF-8 would make several keys one, with `text:`, so none collide.
 */
export const namedKey = (named: string): string => {
  if (plainKey.test(named)) return `key:${named}`
  return named.isWellFormed() ? `hash:${hash(named)}` : `text:${hash(JSON.stringify(named))}`
}

/** A unique key as the caller named it, if so, and as the store knows it; one that is derived starts with `payload:`. */
export const keyOf = (task: AnyTask, { key }: Unique<AnyTask>, payload: unknown, text: string) => {
  const named = typeof key === "function" ? key(payload) : key
  return { named, stored: named === undefined ? `payload:${hash(`${task.kind}\n${text}`)}` : namedKey(named) }
}

/** How the jobs of one call are unique. */
export interface Uniqueness {
  readonly by: Unique<AnyTask>
  readonly held: Pick<NewJob, "uniqueUntil" | "uniqueWindowMillis" | "onDuplicate">
}

/** Nothing when they are not. */
export const uniqueness = <T extends AnyTask>(
  unique: EnqueueManyOptions<T>["unique"]
): Result.Result<Uniqueness | undefined, InvalidInput> => {
  if (unique === undefined || unique === false) return Result.succeed(undefined)
  const { replace, until, window, ...by } = unique === true ? {} : unique
  if (until !== undefined && window !== undefined) {
    return Result.fail(new InvalidInput({ field: "unique", problem: "has either until or window" }))
  }
  const shared = {
    ...(until === undefined ? {} : { uniqueUntil: until }),
    ...(replace === true ? { onDuplicate: "replace" as const } : {})
  }
  if (window === undefined) return Result.succeed({ by: by as Unique<AnyTask>, held: shared })
  return Result.map(durationMillis("unique.window", window, 1), (uniqueWindowMillis) => ({
    by: by as Unique<AnyTask>,
    held: { ...shared, uniqueWindowMillis }
  }))
}
