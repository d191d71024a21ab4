import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import * as Option from "effect/Option"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import { checkKind, defaultQueue } from "../../domain/limits.ts"
import {
  Client,
  InvalidResult,
  JobCancelled,
  JobDead,
  JobExpired,
  type JobHandle,
  JobMissing
} from "../../features/client/Client.ts"
import { StoreError } from "../../ports/StoreError.ts"
import { connected } from "../connected.ts"
import { BadUsage, NotPossible } from "../errors.ts"
import { durationFlag, given, instantFlag, kindFlag, queueFlag } from "../flags.ts"
import { queueForJobs } from "../known-queues.ts"
import { jsonText, show } from "../output.ts"
import { checkJson, rawTask } from "../raw-task.ts"
import { queueSettings, readText } from "../settings.ts"

const stdin = Stdio.Stdio.use((stdio) => Stream.mkString(Stream.decodeText(stdio.stdin))).pipe(
  Effect.mapError(() => new BadUsage({ why: "the payload cannot be read from stdin" }))
)

const payloadOf = Effect.fnUntraced(function* (payload: string, file: Option.Option<string>) {
  const text = Option.isNone(file) ? payload : yield* file.value === "-" ? stdin : readText(file.value)
  return yield* Effect.fromResult(checkJson(text.trim()))
})

const awaitErrors = [JobDead, JobCancelled, JobExpired, JobMissing, InvalidResult, StoreError] as const

/** The declared failure of a task is data here; anything else is an error that is known. */
const awaited = (handle: JobHandle) =>
  Effect.mapError(Client.awaitResult(handle), (error: unknown) => {
    const known = awaitErrors.find((one) => error instanceof one)
    return known === undefined
      ? new NotPossible({ why: `job ${handle.id} failed: ${JSON.stringify(error)}` })
      : (error as InstanceType<(typeof awaitErrors)[number]>)
  })

const outcomes = {
  enqueued: "enqueued",
  existing: "already enqueued",
  conflict: "left alone: another job has the id",
  duplicate: "left out: a job with its unique key is",
  replaced: "replaced"
} as const

export const enqueue = Command.make(
  "enqueue",
  {
    kind: kindFlag,
    queue: queueFlag.pipe(Flag.withDefault(defaultQueue)),
    payload: Flag.String("payload").pipe(
      Flag.withAlias("p"),
      Flag.withDescription("JSON ({})"),
      Flag.withDefault("{}")
    ),
    payloadFile: Flag.String("payload-file").pipe(
      Flag.withMetavar("<path|->"),
      Flag.withDescription("Reads the payload from a file, or from stdin"),
      Flag.optional
    ),
    orderKey: Flag.String("order-key").pipe(
      Flag.withDescription("In a sharded queue, the key within which it keeps its order"),
      Flag.optional
    ),
    delay: durationFlag("delay").pipe(Flag.withDescription("Not before so long"), Flag.optional),
    at: instantFlag("at").pipe(
      Flag.withDescription("Not before this instant (ISO 8601; UTC without a zone)"),
      Flag.optional
    ),
    expires: durationFlag("expires").pipe(Flag.withDescription("Cancelled unless started within"), Flag.optional),
    priority: Flag.Int("priority").pipe(Flag.withDescription("Lower runs first (5)"), Flag.optional),
    maxAttempts: Flag.Int("max-attempts").pipe(
      Flag.withAlias("max-retries"),
      Flag.withDescription("Attempts, the first one included (20)"),
      Flag.optional
    ),
    id: Flag.String("id").pipe(Flag.withDescription("Its id; the same id is stored once"), Flag.optional),
    unique: Flag.Boolean("unique").pipe(
      Flag.withDescription("At most one unsettled job with this payload"),
      Flag.withDefault(false)
    ),
    uniqueKey: Flag.String("unique-key").pipe(Flag.withDescription("The same by a key of your own"), Flag.optional),
    uniqueFor: durationFlag("unique-for").pipe(Flag.withDescription("At most one within this time"), Flag.optional),
    tags: Flag.String("tag").pipe(Flag.withDescription("A word to find it by; may be repeated"), Flag.atLeast(0)),
    wait: Flag.Boolean("wait").pipe(Flag.withDescription("Wait for its result"), Flag.withDefault(false))
  },
  ({ kind, payload, payloadFile, queue, wait, ...flags }) =>
    Effect.gen(function* () {
      yield* Effect.fromResult(checkKind(kind))
      const text = yield* payloadOf(payload, payloadFile)
      const defaults = yield* queueSettings(queue)
      const task = rawTask(kind, {
        ...(defaults?.priority === undefined ? {} : { priority: defaults.priority }),
        ...(defaults?.maxAttempts === undefined ? {} : { maxAttempts: defaults.maxAttempts })
      })
      const isUnique = flags.unique || Option.isSome(flags.uniqueKey) || Option.isSome(flags.uniqueFor)
      const options = {
        tags: flags.tags,
        ...given({ orderKey: flags.orderKey }),
        ...given({ delay: flags.delay, expires: flags.expires, priority: flags.priority, id: flags.id }),
        ...given({ maxAttempts: flags.maxAttempts, at: Option.map(flags.at, (at) => DateTime.makeUnsafe(at)) }),
        ...(isUnique ? { unique: given({ key: flags.uniqueKey, window: flags.uniqueFor }) } : {})
      }
      yield* connected(
        Effect.gen(function* () {
          const handle = yield* Client.enqueue(task, text, { ...options, queue: yield* queueForJobs(queue) })
          const { id, outcome } = handle
          if (!wait || outcome === "conflict") {
            yield* show(
              { id, kind, queue: handle.queue, outcome },
              () => `${outcomes[outcome]} ${id} (kind=${kind} queue=${handle.queue})`
            )
            // others of the outcomes leave the caller with the job that was wanted
            if (outcome === "conflict")
              return yield* new NotPossible({ why: `not enqueued: another job has the id ${id}` })
            return
          }
          const result: unknown = yield* awaited(handle)
          yield* show({ id, kind, queue: handle.queue, outcome, result: result ?? null }, () =>
            jsonText(result ?? null)
          )
        })
      )
    })
).pipe(
  Command.withDescription("Put a job into a queue"),
  Command.withExamples([
    { command: `winter enqueue --kind email.send --payload '{"to":"a@b.c"}' --delay 5m`, description: "In 5 minutes" },
    {
      command: "winter enqueue -k report -q slow --payload-file - --wait",
      description: "From stdin; prints the result"
    }
  ])
)
