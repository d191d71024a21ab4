import type { MessageInitShape } from "@bufbuild/protobuf"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { putRaw } from "../../features/schedules/RawSchedules.ts"
import * as Schedules from "../../features/schedules/Schedules.ts"
import { instant } from "../encode-job.ts"
import { countOf, invalid, millisOf, pageSizeOf, pageTokenOf, required } from "../fields.ts"
import {
  MissedPolicy,
  OverlapPolicy,
  PutScheduleResponse_Outcome,
  QueueService,
  type ScheduleDefinition,
  type ScheduleSchema
} from "../gen/winter/v1/queue_service_pb.ts"
import { rawJobOf } from "../raw-job.ts"
import type { Station } from "../Station.ts"
import { encodeText } from "../text.ts"

const { method } = QueueService

const whenOf = Effect.fnUntraced(function* ({ anchor, timezone, timing }: ScheduleDefinition) {
  switch (timing.case) {
    case "cron":
      if (anchor !== 0n) return yield* invalid("anchor", "is only for every_ms")
      return { cron: timing.value, ...(timezone === "" ? {} : { timezone }) }
    case "everyMs":
      if (timezone !== "") return yield* invalid("timezone", "is only for cron")
      return { every: yield* millisOf("every_ms", timing.value), anchor: Number(anchor) }
    case undefined:
      return yield* invalid("timing", "is required: cron or every_ms")
  }
})

const missedOf = Effect.fnUntraced(function* ({ missed, missedLimit }: ScheduleDefinition) {
  if (missedLimit !== 0 && missed !== MissedPolicy.ALL) {
    return yield* invalid("missed_limit", "is only for MISSED_POLICY_ALL")
  }
  switch (missed) {
    case MissedPolicy.UNSPECIFIED:
      return {}
    case MissedPolicy.LATEST:
      return { missed: "latest" as const }
    case MissedPolicy.SKIP:
      return { missed: "skip" as const }
    case MissedPolicy.ALL:
      if (missedLimit === 0) return yield* invalid("missed_limit", "is required with MISSED_POLICY_ALL")
      return { missed: { all: yield* countOf("missed_limit", missedLimit, 1000, 0) } }
    default:
      return yield* invalid("missed", "is not known")
  }
})

const overlapOf = Effect.fnUntraced(function* ({ overlap }: ScheduleDefinition) {
  switch (overlap) {
    case OverlapPolicy.UNSPECIFIED:
      return {}
    case OverlapPolicy.ALLOW:
      return { overlap: "allow" as const }
    case OverlapPolicy.SKIP:
      return { overlap: "skip" as const }
    default:
      return yield* invalid("overlap", "is not known")
  }
})

const rawScheduleOf = Effect.fnUntraced(function* (
  name: string,
  definition: ScheduleDefinition,
  { queues, settings }: Pick<Station, "queues" | "settings">
) {
  const queue = yield* queues.whole(definition.queue)
  const { kind, orderKey, payload, retentionMillis, ...job } = yield* rawJobOf(definition, queue, settings)
  const policies = { ...(yield* missedOf(definition)), ...(yield* overlapOf(definition)) }
  const options = { ...(yield* whenOf(definition)), ...job, queue, ...policies }
  return { name, kind, payload, retentionMillis, options, ...(orderKey === undefined ? {} : { orderKey }) }
})

const encodeMissed = (missed: Schedules.Missed) => {
  if (typeof missed === "object") return { missed: MissedPolicy.ALL, missedLimit: missed.all }
  return { missed: missed === "skip" ? MissedPolicy.SKIP : MissedPolicy.LATEST }
}

const encodeWhen = (when: Schedules.ScheduleView["when"]) =>
  "cron" in when
    ? { timing: { case: "cron" as const, value: when.cron }, timezone: when.timezone }
    : {
        timing: { case: "everyMs" as const, value: BigInt(when.everyMillis) },
        anchor: BigInt(when.anchorMillis)
      }

const encodeSchedule = (view: Schedules.ScheduleView): MessageInitShape<typeof ScheduleSchema> => ({
  name: view.name,
  definition: {
    kind: view.kind,
    payload: encodeText(view.payload),
    ...encodeWhen(view.when),
    queue: view.queue,
    priority: view.priority,
    maxRetries: view.maxAttempts,
    retentionMs: BigInt(view.retainMillis),
    expiresInMs: BigInt(view.expiresMillis ?? 0),
    tags: [...view.tags],
    ...encodeMissed(view.missed),
    overlap: view.overlap === "skip" ? OverlapPolicy.SKIP : OverlapPolicy.ALLOW
  },
  paused: view.paused,
  nextAt: instant(view.next),
  runs: BigInt(view.runs),
  skipped: BigInt(view.skipped),
  lastTickAt: instant(view.lastTick),
  lastJobId: view.lastJobId ?? "",
  triggeredJobId: view.triggeredJobId ?? "",
  group: view.group ?? ""
})

const outcomes = {
  added: PutScheduleResponse_Outcome.ADDED,
  changed: PutScheduleResponse_Outcome.CHANGED,
  unchanged: PutScheduleResponse_Outcome.UNCHANGED
} as const satisfies Record<Schedules.Put, PutScheduleResponse_Outcome>

/** As many as fit into one message of this size; one in any case. */
const fitting = (views: ReadonlyArray<Schedules.ScheduleView>, maxBytes: number) => {
  let bytes = 0
  const over = views.findIndex(({ payload }) => (bytes += Buffer.byteLength(payload) + 1024) > maxBytes)
  return over < 0 ? views : views.slice(0, Math.max(1, over))
}

/** Those that live in some queues, by name; in all when none are named. */
const listed = Effect.fnUntraced(function* (queues: ReadonlyArray<string>, filter: { readonly group?: string }) {
  if (queues.length === 0) return yield* Schedules.list(filter)
  const found = yield* Effect.forEach(queues, (queue) => Schedules.list({ ...filter, queue }), { concurrency: 16 })
  return found.flat().toSorted((a, b) => (a.name < b.name ? -1 : 1))
})

const maxRuns = 1000
const defaultRuns = 5

const nameOf = ({ name }: { readonly name: string }) => required("name", name)

export const scheduleCalls = ({ calls, queues, settings }: Station) => ({
  putSchedule: calls.unary(
    method.putSchedule,
    Effect.fnUntraced(function* ({ definition, name, onlyNew }) {
      if (definition === undefined) return yield* invalid("definition", "is required")
      const schedule = yield* rawScheduleOf(yield* required("name", name), definition, { queues, settings })
      const { maxPayloadBytes } = settings
      return { outcome: outcomes[yield* putRaw(schedule, { maxPayloadBytes, onlyNew })] }
    })
  ),

  getSchedule: calls.unary(
    method.getSchedule,
    Effect.fnUntraced(function* (request) {
      const name = yield* nameOf(request)
      const found = yield* Schedules.get(name)
      if (Option.isNone(found)) return yield* new Schedules.ScheduleMissing({ schedule: name })
      return { schedule: encodeSchedule(found.value) }
    })
  ),

  listSchedules: calls.unary(
    method.listSchedules,
    Effect.fnUntraced(function* ({ group, pageSize, pageToken, queue }) {
      const limit = yield* pageSizeOf(pageSize)
      const after = yield* pageTokenOf(pageToken)
      const all = yield* listed(queue === "" ? [] : yield* queues.parts(queue), group === "" ? {} : { group })
      const rest = after === undefined ? all : all.filter(({ name }) => name > after)
      const page = fitting(rest.slice(0, limit), settings.maxMessageBytes / 2)
      const nextPageToken = page.length < rest.length ? page.at(-1)!.name : ""
      return { schedules: page.map(encodeSchedule), nextPageToken }
    })
  ),

  removeSchedule: calls.unary(
    method.removeSchedule,
    Effect.fnUntraced(function* (request) {
      return { removed: yield* Schedules.remove(yield* nameOf(request)) }
    })
  ),

  pauseSchedule: calls.unary(
    method.pauseSchedule,
    Effect.fnUntraced(function* (request) {
      return { changed: yield* Schedules.pause(yield* nameOf(request)) }
    })
  ),

  resumeSchedule: calls.unary(
    method.resumeSchedule,
    Effect.fnUntraced(function* (request) {
      return { changed: yield* Schedules.resume(yield* nameOf(request)) }
    })
  ),

  triggerSchedule: calls.unary(
    method.triggerSchedule,
    Effect.fnUntraced(function* (request) {
      const { id, queue } = yield* Schedules.trigger(yield* nameOf(request))
      return { jobId: id, queue }
    })
  ),

  nextRuns: calls.unary(
    method.nextRuns,
    Effect.fnUntraced(function* (request) {
      const count = yield* countOf("count", request.count, maxRuns, defaultRuns)
      const ticks = yield* Schedules.next(yield* nameOf(request), count)
      return { ticks: ticks.map(BigInt) }
    })
  )
})
