import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { Backoff, Client, type JobInfo, Task } from "winterq"
import { payloadFields } from "../lib/payload.mts"

export const queue = "soak"

/** What a job is for; which one it is follows from its number, so that a worker can tell what to expect of it. */
export type Part = "plain" | "kept" | "failing" | "delayed" | "unique"

/** Of 200 jobs in a row, those that are not plain: one percent each, and ten percent whose results are kept. */
export const partOf = (number: number): Part => {
  const place = number % 200
  if (place < 2) return "unique"
  if (place < 4) return "failing"
  if (place < 6) return "delayed"
  return place < 26 ? "kept" : "plain"
}

/** How many jobs with these numbers, from 0, are of a part. */
export const countOf = (part: Part, numbers: number): number => {
  let count = 0
  for (let number = 0; number < numbers; number++) if (partOf(number) === part) count++
  return count
}

/** How often a handler is to be called for a job; 0 or 1 for a unique one. */
export const runsOf = (part: Part): number => (part === "failing" ? 2 : 1)

/** About 150 bytes as JSON, like the payloads of the benchmark. */
const payload = {
  ...payloadFields,
  number: Schema.Int,
  /** When it was to be enqueued, epoch milliseconds: the producer's clock decides, and not how fast replies come. */
  plannedAt: Schema.Finite
}

class Work extends Task.make("soak.work", { payload, queue, maxAttempts: 3, backoff: Backoff.fixed("1 second") }) {}

/** The tasks of a run that keeps results for so long. */
export const tasksOf = (keepSeconds: number) => {
  class Kept extends Task.make("soak.kept", {
    payload,
    success: Schema.String,
    queue,
    retention: `${keepSeconds} seconds`
  }) {}
  return { Work, Kept }
}

export type Tasks = ReturnType<typeof tasksOf>

const payloadOf = (number: number, plannedAt: number) => ({
  id: `order-${String(number).padStart(12, "0")}`,
  userId: 100_000 + number,
  email: `customer.${100_000 + number}@mail.example.com`,
  amount: 19.99 + (number % 1000),
  tags: ["europe-west"],
  number,
  plannedAt
})

const noOptions = {}

const optionsOf = (part: Part, number: number) => {
  // two in a row share a key, so that some find it taken
  if (part === "unique") return { unique: { key: `pair-${number >> 1}` } }
  return part === "delayed" ? { delay: `${1 + (number % 5)} seconds` as const } : noOptions
}

/** Enqueues the job of a number; answers whether it was left out because its unique key was taken. */
export const enqueue = ({ Kept, Work }: Tasks, number: number, plannedAt: number) => {
  const part = partOf(number)
  const task = part === "kept" ? Kept : Work
  return Effect.map(
    Client.enqueue(task as typeof Work, payloadOf(number, plannedAt), optionsOf(part, number)),
    ({ outcome }) => outcome === "duplicate"
  )
}

class Planned extends Schema.TaggedError<Planned>()("Planned", {}) {}

/** What handlers do: nothing, but that some fail at their first attempt. */
export const handle = ({ number }: { readonly number: number }, { attempt }: JobInfo) =>
  partOf(number) === "failing" && attempt === 1 ? Effect.fail(new Planned()) : Effect.void
