import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { type ExchangeReply, type ExchangeRequest, JobStore } from "../../ports/JobStore.ts"
import { decodeClaimed, decodeJob, decodeOutcomes, pushSettlement, type RawJob } from "./codec.ts"
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
  ...claimed: ReadonlyArray<string>
]

const claimedFrom = 7

const encodeExchange = ({ claim, settlements, worker }: ExchangeRequest): ReadonlyArray<string | number> => {
  const args: Array<string | number> =
    claim === undefined ? [worker, "", 0, 0] : [worker, claim.number, claim.limit, claim.leaseMillis]
  for (const settlement of settlements) pushSettlement(args, settlement)
  return args
}

const warnVanished = (queue: string, ids: ReadonlyArray<string>) =>
  Effect.logError(`queue ${queue}: records of waiting jobs are missing, deleted by something else: ${ids.join(", ")}`)

const decodeExchange = (queue: string, reply: RawReply): Effect.Effect<ExchangeReply> => {
  const [outcomes, next, more, paused, rescued, buried, firstToken] = reply
  const { claimed, vanished } = decodeClaimed(reply as unknown as ReadonlyArray<string>, claimedFrom, firstToken)
  const decoded: ExchangeReply = {
    settled: decodeOutcomes(outcomes),
    claimed,
    rescued,
    buried,
    more: more === 1,
    paused: paused === 1,
    ...(next < 0 ? {} : { nextInMillis: next })
  }
  return vanished.length === 0 ? Effect.succeed(decoded) : Effect.as(warnVanished(queue, vanished), decoded)
}

export const make = (queues: Queues): JobStore["Service"] => {
  return JobStore.of({
    enqueue: makeEnqueue(queues),
    exchange: (request) =>
      Clock.clockWith((clock) =>
        Effect.callback((resume) => {
          queues.runPromise(scripts.exchange, request.queue, queues.nowBy(clock), encodeExchange(request)).then(
            (reply) => resume(decodeExchange(request.queue, reply as RawReply)),
            (cause: unknown) => resume(Effect.fail(storeError("exchange")(cause)))
          )
        })
      ),
    extendLeases: ({ leaseMillis, leases, queue, worker }) =>
      leases.length === 0
        ? Effect.succeed([])
        : Effect.map(
            queues.run<string>("extendLeases", scripts.extend, queue, [
              worker,
              leaseMillis,
              ...leases.flatMap(({ jobId, token }) => [jobId, token])
            ]),
            (digits) => Array.from(digits, (digit) => digit === "1")
          ),
    promote: (queue, limit) => queues.run<number>("promote", scripts.promote, queue, [limit]),
    rescue: (queue, limit) =>
      Effect.map(
        queues.run<readonly [ReadonlyArray<string>, ReadonlyArray<string>]>("rescue", scripts.rescue, queue, [limit]),
        ([rescued, buried]) => ({ rescued, buried })
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
