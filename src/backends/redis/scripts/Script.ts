import type { QueueKey } from "../keys.ts"

/** A Lua script as its header declares it; see the .lua files of this folder. */
export interface Script {
  /** Its KEYS, in order. `index` stands for the index of the state that the call is about. */
  readonly keys: ReadonlyArray<QueueKey | "index">
  /** Its ARGV, in order, up to a variadic tail. */
  readonly args: ReadonlyArray<string>
  readonly sha1: string
  readonly source: string
}
