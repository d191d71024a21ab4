import type { Job } from "../../domain/Job.ts"
import type { NewJob, Settlement } from "../../ports/JobStore.ts"
import type { Opened, Place } from "./Keyring.ts"
import { type Sealed, whyNot } from "./Sealed.ts"

/** Where the texts of a job stand, and what becomes of them on their way into the store and out of it. */

const payloadPlace = (queue: string, kind: string, id: string): Place => ["payload", queue, kind, id]

/** A job that takes another's place is stored under that one's id, which nobody knows before. */
const replacingPlace = (queue: string, kind: string): Place => ["payload", queue, kind]

/** Carries the unique key for whoever can read it; what the store compares is a hash. */
const uniqueHeader = "winterq-unique-key"

export const withoutUnique = (headers: Job["headers"]): Job["headers"] => {
  if (headers[uniqueHeader] === undefined) return headers
  const { [uniqueHeader]: _, ...rest } = headers
  return rest
}

export const openPayload = (sealed: Sealed, queue: string, job: Pick<Job, "id" | "kind" | "payload">): Opened => {
  const opened = sealed.open(job.payload, payloadPlace(queue, job.kind, job.id))
  return opened._tag === "Broken" ? sealed.open(job.payload, replacingPlace(queue, job.kind)) : opened
}

export const sealJob = ({ keyring }: Sealed, queue: string, job: NewJob): NewJob => ({
  ...job,
  payload: keyring.seal(
    job.payload,
    job.onDuplicate === "replace" ? replacingPlace(queue, job.kind) : payloadPlace(queue, job.kind, job.id)
  ),
  ...(job.uniqueKey === undefined
    ? {}
    : {
        uniqueKey: `blind:${keyring.blind(job.uniqueKey, "unique")}`,
        headers: { ...job.headers, [uniqueHeader]: keyring.seal(job.uniqueKey, ["unique", queue, job.kind]) }
      })
})

export const sealSettlement = ({ keyring }: Sealed, queue: string, settlement: Settlement): Settlement => {
  const at = [queue, settlement.jobId]
  switch (settlement._tag) {
    case "Complete":
      return settlement.result === undefined
        ? settlement
        : { ...settlement, result: keyring.seal(settlement.result, ["result", ...at]) }
    case "Retry":
    case "Bury":
      return {
        ...settlement,
        error: keyring.sealText(settlement.error, ["text", ...at]),
        ...(settlement.failure === undefined ? {} : { failure: keyring.seal(settlement.failure, ["failure", ...at]) })
      }
    case "Cancel":
      return { ...settlement, reason: keyring.sealText(settlement.reason, ["text", ...at]) }
    case "Snooze":
    case "Release":
      return settlement
  }
}

/** A job as it is shown. What cannot be decrypted is replaced by why. */
export const openJob = (sealed: Sealed, job: Job): Job => {
  const at = [job.queue, job.id]
  const payload = openPayload(sealed, job.queue, job)
  const { cancelRequested, failure, progress, result } = job
  const uniqueKey = job.headers[uniqueHeader]
  return {
    ...job,
    headers: withoutUnique(job.headers),
    ...(uniqueKey === undefined ? {} : { uniqueKey: sealed.value(uniqueKey, ["unique", job.queue, job.kind]) }),
    payload: payload._tag === "Opened" ? payload.text : whyNot(payload),
    failures: job.failures.map((line) => ({ ...line, error: sealed.text(line.error, ["text", ...at]) })),
    ...(cancelRequested === undefined ? {} : { cancelRequested: sealed.text(cancelRequested, ["text", ...at]) }),
    ...(progress === undefined ? {} : { progress: sealed.value(progress, ["progress", ...at]) }),
    ...(result === undefined ? {} : { result: sealed.value(result, ["result", ...at]) }),
    ...(failure === undefined ? {} : { failure: sealed.value(failure, ["failure", ...at]) })
  }
}
