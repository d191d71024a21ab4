import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { maxLogLines } from "../../domain/Job.ts"
import { checkWorker } from "../../domain/limits.ts"
import { refusalOf } from "../../ports/checks.ts"
import {
  type CancelOutcome,
  type ExchangeReply,
  JobStore,
  type LeaseStatus,
  type Watch,
  type WatchReply
} from "../../ports/JobStore.ts"
import type { StoreError } from "../../ports/StoreError.ts"
import { decodeEnded, decodeEndings, decodeJob, jsonText, parseText, type RawJob } from "./codec.ts"
import { encodeExchange, type RawReply } from "./exchange-codec.ts"
import { dropEndings, replyOf } from "./exchange-reply.ts"
import { makeEnqueue } from "./enqueue-batches.ts"
import { Answer } from "./AnsweredCommand.ts"
import { Caller } from "./Gate.ts"
import type { Handovers } from "./Handovers.ts"
import type { Queues } from "./Queues.ts"
import { scripts } from "./scripts/index.ts"
import { storeError } from "./store-error.ts"
import { unreadable } from "./unreadable.ts"

const leaseStatuses: Readonly<Record<string, LeaseStatus>> = { 0: "lost", 1: "held", 2: "cancel" }

const encodeWatch = ({ jobId, ref, watcher }: Watch, leave: 0 | 1) => [jobId, `${watcher} ${ref}`, leave]

const answerOf = (queues: Queues, queue: string, raw: RawReply): Effect.Effect<ExchangeReply> => {
  const { drop, reply } = replyOf(queues, queue, raw)
  return drop === undefined ? Effect.succeed(reply) : Effect.as(drop, reply)
}

export const make = (queues: Queues, handovers: Handovers): JobStore["Service"] => {
  return JobStore.of({
    enqueue: makeEnqueue(queues, handovers),
    exchange: (request) =>
      refusalOf("exchange", checkWorker(request.worker)) ??
      Clock.clockWith((clock) =>
        Effect.callback((resume) => {
          const caller = new Caller()
          const answer = new Answer(
            // in the caller's fiber, so that a mistake in it is the caller's to know of
            (reply) => resume(Effect.suspend(() => answerOf(queues, request.queue, reply as RawReply))),
            (cause) => resume(Effect.fail(storeError("exchange")(cause)))
          )
          const args = encodeExchange(request, queues.notices)
          queues.send(scripts.exchange, request.queue, queues.nowBy(clock), () => args, answer, "bytes", caller)
          return Effect.sync(() => caller.leave())
        })
      ),
    extendLeases: ({ about, leaseMillis, leases, queue, worker }) =>
      refusalOf("extendLeases", checkWorker(worker)) ??
      queues.registerIfRoom("extendLeases", queue).pipe(
        Effect.andThen(
          queues.run<string>("extendLeases", scripts.extend, queue, [
            worker,
            leaseMillis,
            about ?? "",
            ...leases.flatMap(({ jobId, token }) => [jobId, token])
          ])
        ),
        Effect.map((digits) => Array.from(digits, (digit) => leaseStatuses[digit]!))
      ),
    cancel: ({ jobId, queue, reason }) =>
      queues.run<CancelOutcome>("cancel", scripts.cancel, queue, [queues.notices, queue, jobId, jsonText(reason)]),
    watch: (watch) =>
      refusalOf("watch", checkWorker(watch.watcher)) ??
      Effect.flatMap(
        queues.run<string>("watch", scripts.watch, watch.queue, encodeWatch(watch, 0)),
        (reply): Effect.Effect<WatchReply, StoreError> => {
          if (reply === "") return Effect.succeed({ _tag: "Watching" })
          if (reply === "missing") return Effect.succeed({ _tag: "Missing" })
          const ended = decodeEnded(reply)
          return ended === undefined
            ? Effect.fail(unreadable("watch", `the end of job ${watch.jobId}`))
            : Effect.succeed({ _tag: "Ended", ended })
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
      Effect.map(queues.readField("logs", queue, "logs", jobId), (lines) =>
        lines === null ? [] : lines.split("\n").slice(1).map(parseText)
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
      Effect.flatMap(queues.run<ReadonlyArray<string>>("endings", scripts.endings, queue, [limit]), (flat) => {
        const { endings, unreadable: dropped } = decodeEndings(flat)
        return Effect.as(dropEndings(queues, queue, dropped), endings)
      }),
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
      Effect.flatMap(queues.run<RawJob | []>("get", scripts.get, queue, [jobId]), (raw) => {
        if (raw.length === 0) return Effect.succeed(Option.none())
        const job = decodeJob(queue, raw)
        return job === undefined
          ? Effect.fail(unreadable("get", `the record of job ${jobId}`))
          : Effect.succeed(Option.some(job))
      })
  })
}
