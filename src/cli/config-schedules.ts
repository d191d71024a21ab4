import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { CronSettings, Settings } from "../config/Config.ts"
import { queueOf } from "../domain/queue-entries.ts"
import * as Schedules from "../features/schedules/Schedules.ts"
import { rawTask } from "./raw-task.ts"

/** Whose the schedules of a configuration are. */
const group = "config"

const entryOf = ({ kind, missed, name, overlap, payload, queue, when }: CronSettings, { queues }: Settings) => {
  const set = queues.find((other) => other.name === queue)
  const task = rawTask(kind, {
    ...(set?.priority === undefined ? {} : { priority: set.priority }),
    ...(set?.maxAttempts === undefined ? {} : { maxAttempts: set.maxAttempts })
  })
  return Schedules.entry(name, task, {
    ...when,
    queue: queueOf({ name: queue, ...(set?.shards === undefined ? {} : { shards: set.shards }) }),
    // a task without a payload reads an empty one
    payload: payload ?? "{}",
    ...(missed === undefined ? {} : { missed }),
    ...(overlap === undefined ? {} : { overlap })
  })
}

/** Puts the schedules of a configuration in force; one without any leaves those of another as they are. */
export const configSchedules = (settings: Settings) =>
  settings.cron === undefined
    ? Layer.effectDiscard(Effect.void)
    : Schedules.layer({ group, entries: settings.cron.map((entry) => entryOf(entry, settings)) })
