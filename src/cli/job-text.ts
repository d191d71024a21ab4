import type { Failure, Job } from "../domain/Job.ts"
import type { JobView } from "../features/inspector/Inspector.ts"
import { age, count, oneLine, size, when } from "./format.ts"
import { jsonText, type Ui } from "./output.ts"
import { valueOf } from "./encoded.ts"

export const stateText = (ui: Ui, { state }: Pick<Job, "state">): string => {
  switch (state) {
    case "active":
      return ui.cyan(state)
    case "completed":
      return ui.green(state)
    case "retry":
      return ui.yellow(state)
    case "dead":
      return ui.red(state)
    case "cancelled":
      return ui.dim(state)
    case "pending":
    case "scheduled":
      return state
  }
}

/** What is next for a job, or what was last. */
const momentOf = ({ enqueuedAt, finishedAt, startedAt, state, visibleAt }: Job): readonly [string, number] => {
  if (finishedAt !== undefined) return ["ended", finishedAt]
  if (visibleAt !== undefined) return ["due", visibleAt]
  return state === "active" && startedAt !== undefined ? ["started", startedAt] : ["enqueued", enqueuedAt]
}

/** When a job came into its state, as far as its record tells. */
export const changedAt = ({ failures, finishedAt, startedAt, state }: Job): number | undefined => {
  if (state === "active") return startedAt
  return state === "retry" ? failures.at(-1)?.endedAt : finishedAt
}

const lastError = (job: Job): string => oneLine(job.failures.at(-1)?.error ?? "")

export const jobTable = (ui: Ui, jobs: ReadonlyArray<Job>, showsPayload: boolean): string =>
  ui.table(
    [
      { title: "ID" },
      { title: "QUEUE" },
      { title: "KIND" },
      { title: "STATE" },
      { title: "PRIO", right: true },
      { title: "ATTEMPT", right: true },
      { title: "WHEN" },
      showsPayload ? { title: "PAYLOAD", shrinks: true } : { title: "ERROR", shrinks: true }
    ],
    jobs.map((job) => {
      const [what, at] = momentOf(job)
      return [
        job.id,
        job.queue,
        job.kind,
        stateText(ui, job),
        String(job.priority),
        `${job.attempt}/${job.maxAttempts}`,
        `${what} ${when(at, ui.now)}`,
        showsPayload ? job.payload : lastError(job)
      ]
    })
  )

const failureLine = (ui: Ui, { attempt, endedAt, error, outcome, startedAt }: Failure): string =>
  `#${attempt} ${outcome} ${when(endedAt, ui.now)} after ${age(endedAt - startedAt)}: ${oneLine(error)}`

const optionalWhen = (ui: Ui, at: number | undefined) => (at === undefined ? undefined : when(at, ui.now))

const lines = (texts: ReadonlyArray<string>): string | undefined => (texts.length === 0 ? undefined : texts.join("\n"))

const encodedText = (text: string | undefined): string | undefined =>
  text === undefined ? undefined : jsonText(valueOf(text))

/** All there is to say of a job. */
export const jobDetails = (ui: Ui, { job, logs }: JobView): string =>
  ui.record([
    ["Job", job.id],
    ["Kind", job.kind],
    ["Queue", job.queue],
    ["State", stateText(ui, job) + (job.deadReason === undefined ? "" : ` (${job.deadReason})`)],
    ["Priority", String(job.priority)],
    ["Attempt", `${job.attempt} of ${job.maxAttempts}`],
    ["Rescues", job.rescues === 0 ? undefined : count(job.rescues)],
    ["Snoozes", job.snoozes === 0 ? undefined : count(job.snoozes)],
    ["Tags", job.tags.length === 0 ? undefined : job.tags.join(", ")],
    ["Unique key", job.uniqueKey],
    ["Enqueued", when(job.enqueuedAt, ui.now)],
    ["Due", optionalWhen(ui, job.visibleAt ?? (job.dueAt === job.enqueuedAt ? undefined : job.dueAt))],
    ["Started", optionalWhen(ui, job.startedAt)],
    ["Ended", optionalWhen(ui, job.finishedAt)],
    ["Expires", optionalWhen(ui, job.expiresAt)],
    ["Worker", job.worker],
    ["Lease until", optionalWhen(ui, job.leaseExpiresAt)],
    ["Asked to stop", job.cancelRequested],
    ["Progress", encodedText(job.progress)],
    ["Payload", `${encodedText(job.payload) ?? ""} ${ui.dim(`(${size(Buffer.byteLength(job.payload))})`)}`],
    ["Result", encodedText(job.result)],
    ["Failure", encodedText(job.failure)],
    ["Failures", lines(job.failures.map((failure) => failureLine(ui, failure)))],
    ["Log", lines(logs)]
  ])
