import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { maxLogLines } from "../../domain/Job.ts"
import {
  type CancelOutcome,
  type ExchangeReply,
  type ExchangeRequest,
  JobStore,
  type LeaseStatus,
  type Watch,
  type WatchReply
} from "../../ports/JobStore.ts"
import {
  decodeClaimed,
  decodeEnded,
  decodeEndings,
  decodeJob,
  decodeOutcomes,
  jsonText,
  pushSettlement,
  type RawJob
} from "./codec.ts"
import { makeEnqueue } from "./enqueue-batches.ts"
import type { Queues } from "./Queues.ts"
import { scripts } from "./scripts/index.ts"
import { storeError } from "./store-error.ts"

type RawReply = readonly [
  outcomes: string,
  next: number,
  more: 0 | 1,
  paused: 0 | 1,
  rescued: ReadonlyArray<string>,
  buried: ReadonlyArray<string>,
  firstToken: number,
  endings: ReadonlyArray<string>,
  ...claimed: ReadonlyArray<string>
]

const claimedFrom = 8

const encodeExchange = (
  { claim, settlements, worker }: ExchangeRequest,
  notices: string
): ReadonlyArray<string | number> => {
  const args: Array<string | number> =
    claim === undefined ? [notices, worker, "", 0, 0] : [notices, worker, claim.number, claim.limit, claim.leaseMillis]
  for (const settlement of settlements) pushSettlement(args, settlement)
  return args
}

const leaseStatuses: Readonly<Record<string, LeaseStatus>> = { 0: "lost", 1: "held", 2: "cancel" }

const encodeWatch = ({ jobId, ref, watcher }: Watch, leave: 0 | 1) => [jobId, `${watcher} ${ref}`, leave]

const warnVanished = (queue: string, ids: ReadonlyArray<string>) =>
  Effect.logError(`queue ${queue}: records of waiting jobs are missing, deleted by something else: ${ids.join(", ")}`)

const decodeExchange = (queue: string, reply: RawReply): Effect.Effect<ExchangeReply> => {
  const [outcomes, next, more, paused, rescued, buried, firstToken, endings] = reply
  const { claimed, vanished } = decodeClaimed(reply as unknown as ReadonlyArray<string>, claimedFrom, firstToken)
  const decoded: ExchangeReply = {
    settled: decodeOutcomes(outcomes),
    claimed,
    rescued,
    buried,
    more: more === 1,
    paused: paused === 1,
    endings: decodeEndings(endings),
    ...(next < 0 ? {} : { nextInMillis: next })
  }
  return vanished.length === 0 ? Effect.succeed(decoded) : Effect.as(warnVanished(queue, vanished), decoded)
}

export const make = (queues: Queues): JobStore["Service"] => {
  return JobStore.of({
    enqueue: makeEnqueue(queues),
    exchange: (request) =>
      Clock.clockWith((clock) =>
        Effect.callback((resume, gone) => {
          queues
            .runPromise(
              scripts.exchange,
              request.queue,
              queues.nowBy(clock),
              encodeExchange(request, queues.notices),
              undefined,
              gone
            )
            .then(
              (reply) => resume(decodeExchange(request.queue, reply as RawReply)),
              (cause: unknown) => resume(Effect.fail(storeError("exchange")(cause)))
            )
        })
      ),
    extendLeases: ({ about, leaseMillis, leases, queue, worker }) =>
      Effect.map(
        queues.run<string>("extendLeases", scripts.extend, queue, [
          worker,
          leaseMillis,
          about ?? "",
          ...leases.flatMap(({ jobId, token }) => [jobId, token])
        ]),
        (digits) => Array.from(digits, (digit) => leaseStatuses[digit]!)
      ),
    cancel: ({ jobId, queue, reason }) =>
      queues.run<CancelOutcome>("cancel", scripts.cancel, queue, [queues.notices, queue, jobId, jsonText(reason)]),
    watch: (watch) =>
      Effect.map(
        queues.run<string>("watch", scripts.watch, watch.queue, encodeWatch(watch, 0)),
        (reply): WatchReply => {
          if (reply === "") return { _tag: "Watching" }
          return reply === "missing" ? { _tag: "Missing" } : { _tag: "Ended", ended: decodeEnded(reply) }
        }
      ),
    unwatch: (watch) => Effect.asVoid(queues.run("unwatch", scripts.watch, watch.queue, encodeWatch(watch, 1))),
    annotate: ({ jobId, logs, progress = "", queue, token }) =>
      Effect.map(
        queues.run<number>("annotate", scripts.annotate, queue, [
          jobId,
          token,
          progress,
          maxLogLines,
          logs?.from ?? 0,
          ...(logs?.lines ?? []).map(jsonText)
        ]),
        (done) => done === 1
      ),
    logs: (queue, jobId) =>
      Effect.map(
        Effect.tryPromise({ try: () => queues.readField(queue, "logs", jobId), catch: storeError("logs") }),
        (lines) =>
          lines === null
            ? []
            : lines
                .split("\n")
                .slice(1)
                .map((line) => JSON.parse(line) as string)
      ),
    promote: (queue, limit) => queues.run<number>("promote", scripts.promote, queue, [limit]),
    rescue: (queue, limit) =>
      Effect.map(
        queues.run<readonly [ReadonlyArray<string>, ReadonlyArray<string>]>("rescue", scripts.rescue, queue, [
          queues.notices,
          limit
        ]),
        ([rescued, buried]) => ({ rescued, buried })
      ),
    endings: (queue, limit) =>
      Effect.map(queues.run<ReadonlyArray<string>>("endings", scripts.endings, queue, [limit]), decodeEndings),
    forgetEndings: (queue, endings) =>
      endings.length === 0
        ? Effect.void
        : Effect.asVoid(
            queues.run(
              "forgetEndings",
              scripts.relayed,
              queue,
              endings.flatMap(({ jobId, sequence }) => [jobId, sequence])
            )
          ),
    prune: (queue, policy) =>
      queues.run<number>("prune", scripts.prune, queue, [
        policy.limit,
        policy.deadRetainMillis,
        policy.maxDead,
        policy.maxFinished
      ]),
    get: (queue, jobId) =>
      Effect.map(queues.run<RawJob | []>("get", scripts.get, queue, [jobId]), (raw) =>
        raw.length === 0 ? Option.none() : Option.some(decodeJob(queue, raw))
      )
  })
}
