import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { checkWorkflowId } from "../../domain/limits.ts"
import type { WorkflowState } from "../../domain/Workflow.ts"
import { refused } from "../../ports/checks.ts"
import type { StoreError } from "../../ports/StoreError.ts"
import type { Connection } from "./Connection.ts"
import { Caller } from "./Gate.ts"
import { type DirectoryKey, directoryKeysOf, type WorkflowKey, workflowKeysOf } from "./keys.ts"
import type { Queues } from "./Queues.ts"
import { Answer } from "./AnsweredCommand.ts"
import { ScriptCall } from "./ScriptCall.ts"
import type { ScriptOn } from "./scripts/Script.ts"
import { storeError } from "./store-error.ts"

type Args = ReadonlyArray<string | number>

/** Runs scripts on the keys of a workflow, and on those of the directory of all. */
export interface Workflows {
  /** What the channels of notices start with. */
  readonly notices: string
  readonly run: <A>(
    operation: string,
    script: ScriptOn<WorkflowKey>,
    id: string,
    args: Args
  ) => Effect.Effect<A, StoreError>
  readonly inDirectory: <A>(
    operation: string,
    script: ScriptOn<DirectoryKey>,
    args: Args,
    index?: WorkflowState | "all"
  ) => Effect.Effect<A, StoreError>
}

export const make = (connection: Connection, queues: Queues): Workflows => {
  const directory = directoryKeysOf(connection.prefix)

  const send = <A>(
    operation: string,
    script: ScriptOn<WorkflowKey> | ScriptOn<DirectoryKey>,
    keys: ReadonlyArray<string>,
    args: Args
  ) =>
    Clock.clockWith((clock) =>
      Effect.callback<A, StoreError>((resume) => {
        const answer = new Answer(
          (reply) => resume(Effect.succeed(reply as A)),
          (cause) => resume(Effect.fail(storeError(operation)(cause)))
        )
        const given = script.args[0] === "now" ? [queues.nowBy(clock), ...args] : args
        const caller = new Caller()
        connection.run(new ScriptCall(script, keys), () => given, answer, "text", caller)
        return Effect.sync(() => caller.leave())
      })
    )

  return {
    notices: queues.notices,
    run: (operation, script, id, args) => {
      // an id from elsewhere must not reach into other keys
      const good = checkWorkflowId(id)
      if (Result.isFailure(good)) return Effect.fail(refused(operation, good.failure))
      const keys = workflowKeysOf(connection.prefix, id)
      return send(
        operation,
        script,
        script.keys.map((key) => keys[key as WorkflowKey]),
        args
      )
    },
    inDirectory: (operation, script, args, index) =>
      send(
        operation,
        script,
        script.keys.map((key) => directory[key === "index" ? index! : key]),
        args
      )
  }
}
