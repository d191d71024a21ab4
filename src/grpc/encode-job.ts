import type { MessageInitShape } from "@bufbuild/protobuf"
import type { Job, JobState } from "../domain/Job.ts"
import type { ClaimedJob } from "../ports/JobStore.ts"
import type { JobSchema } from "./gen/winter/v1/queue_service_pb.ts"
import { encodeText } from "./text.ts"
import { workerIdOf } from "./worker-names.ts"

export type WireJob = MessageInitShape<typeof JobSchema>

/** The wire has no word of its own for a job that waits for its time. */
const wireState = (state: JobState): string => (state === "scheduled" ? "pending" : state)

/** Attempts are counted at their start; on the wire they count once they have failed. */
const failedAttempts = (state: JobState, attempt: number): number =>
  state === "active" || state === "completed" ? Math.max(0, attempt - 1) : attempt

export const instant = (millis: number | undefined): bigint => BigInt(Math.floor(millis ?? 0))

const placeOf = ({ member }: Pick<Job, "member">) =>
  member === undefined ? {} : { workflowId: member.workflow, node: member.node }

export const encodeJob = (job: Job): WireJob => {
  const result = job.result ?? job.failure
  return {
    id: job.id,
    kind: job.kind,
    payload: encodeText(job.payload),
    queue: job.queue,
    priority: job.priority,
    state: wireState(job.state),
    attempt: failedAttempts(job.state, job.attempt),
    maxRetries: job.maxAttempts,
    createdAt: instant(job.enqueuedAt),
    scheduledAt: instant(job.visibleAt),
    startedAt: instant(job.startedAt),
    completedAt: instant(job.finishedAt),
    lastError: job.failures.at(-1)?.error ?? "",
    token: BigInt(job.token ?? 0),
    leaseExpiresAt: instant(job.leaseExpiresAt),
    workerId: job.worker === undefined ? "" : workerIdOf(job.worker),
    headers: job.headers,
    tags: [...job.tags],
    deadReason: job.deadReason ?? "",
    ...placeOf(job),
    ...(result === undefined ? {} : { result: encodeText(result) }),
    ...(job.cancelRequested === undefined ? {} : { cancelRequested: job.cancelRequested }),
    ...(job.progress === undefined ? {} : { progress: encodeText(job.progress) })
  }
}

/** A job as a claim hands it out. */
export const encodeClaimed = (
  job: ClaimedJob,
  { leaseMillis, now, queue, workerId }: { queue: string; workerId: string; leaseMillis: number; now: number }
): WireJob => ({
  id: job.id,
  kind: job.kind,
  payload: encodeText(job.payload),
  queue,
  priority: job.priority,
  state: "active",
  attempt: failedAttempts("active", job.attempt),
  maxRetries: job.maxAttempts,
  createdAt: instant(job.enqueuedAt),
  startedAt: instant(now),
  token: BigInt(job.token),
  leaseMs: BigInt(leaseMillis),
  workerId,
  headers: job.headers,
  tags: [...job.tags],
  ...placeOf(job)
})
