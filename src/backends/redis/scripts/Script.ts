import type { DirectoryKey, QueueKey, WorkflowKey } from "../keys.ts"

/** A Lua script as its header declares it; see the .lua files of this folder. All its keys are of one kind. */
export interface ScriptOn<Key extends string> {
  /** Its KEYS, in order. `index` stands for the index of the state that the call is about. */
  readonly keys: ReadonlyArray<Key | "index">
  /** Its ARGV, in order, up to a variadic tail. */
  readonly args: ReadonlyArray<string>
  readonly sha1: string
  readonly source: string
}

/** A script on the keys of a queue. */
export type Script = ScriptOn<QueueKey>

export type AnyScript = ScriptOn<QueueKey | WorkflowKey | DirectoryKey>
