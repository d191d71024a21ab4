import type { Explanation, Obstacle } from "../features/inspector/Explain.ts"
import { age, count, oneLine, plural, when } from "./format.ts"
import type { Ui } from "./output.ts"
import { rateLimitText } from "./queue-text.ts"

const noHandlerText = (kind: string, workers: number): string =>
  workers === 1
    ? `the worker of its queue has no handler for kind ${kind}`
    : `none of the ${count(workers)} workers of its queue has a handler for kind ${kind}`

const obstacleText = (ui: Ui, obstacle: Obstacle): string => {
  switch (obstacle._tag) {
    case "Paused":
      return "its queue is paused: winter resume"
    case "NoWorker":
      return obstacle.silent === 0
        ? "no live worker serves its queue"
        : `no live worker serves its queue; ${plural(obstacle.silent, "worker")} fell silent`
    case "WorkersStopping":
      return `${plural(obstacle.workers, "worker")} of its queue finish what they run and claim nothing more`
    case "NoHandler":
      return noHandlerText(obstacle.kind, obstacle.workers)
    case "AtLimit":
      return `its queue runs ${count(obstacle.active)} of at most ${count(obstacle.maxActive)} jobs`
    case "WorkersBusy":
      return `${plural(obstacle.workers, "worker")} of its queue run ${count(obstacle.running)} of at most ${count(obstacle.concurrency)} handlers`
    case "RateLimited":
      return `jobs of kind ${obstacle.kind} may only start ${rateLimitText(obstacle.limit)}`
    case "Behind": {
      const ahead = `${obstacle.atLeast ? "at least " : ""}${plural(obstacle.ahead, "job")}`
      const urgent = obstacle.urgent === 0 ? "" : `, ${count(obstacle.urgent)} of them with a lower priority number`
      return `${ahead} ${obstacle.ahead === 1 && !obstacle.atLeast ? "is" : "are"} claimed before it${urgent}`
    }
    case "Expired":
      return `it expired ${when(obstacle.expiresAt, ui.now)}: the next claim cancels it`
  }
}

const dueText = (
  ui: Ui,
  { inMillis, visibleAt, workers }: { inMillis: number; visibleAt: number; workers: number }
) => {
  if (inMillis > 0) return `until ${when(visibleAt, ui.now)}`
  const who = workers === 0 ? "no live worker of its queue" : "the next claim or sweep of a worker"
  return `and was due ${when(visibleAt, ui.now)}; it waits for ${who} to move it on`
}

const unhandledText = ({ job, noHandler, workers }: Extract<Explanation, { _tag: "Scheduled" | "Retrying" }>) =>
  noHandler === true ? `\n  - ${noHandlerText(job.kind, workers)}` : ""

const sentence = (ui: Ui, explanation: Exclude<Explanation, { _tag: "Missing" }>): string => {
  switch (explanation._tag) {
    case "Scheduled":
      return `is scheduled ${dueText(ui, explanation)}${unhandledText(explanation)}`
    case "Retrying": {
      const { job, lastError } = explanation
      const failed = `failed in attempt ${job.attempt} of ${job.maxAttempts} and waits for the next ${dueText(ui, explanation)}`
      return `${failed}\n  last error: ${oneLine(lastError)}${unhandledText(explanation)}`
    }
    case "Pending": {
      const { obstacles } = explanation
      if (obstacles.length === 0) return "is next: a worker is about to claim it"
      const all = obstacles.map((obstacle) => `\n  - ${obstacleText(ui, obstacle)}`).join("")
      return `is pending${all}`
    }
    case "Active": {
      const { cancelRequested, job, leaseExpiresAt, leaseLeftMillis, worker, workerAlive } = explanation
      const since = job.startedAt === undefined ? "" : ` for ${age(ui.now - job.startedAt)}`
      const lease =
        leaseLeftMillis > 0
          ? `\n  its lease lasts until ${when(leaseExpiresAt, ui.now)}`
          : `\n  its lease ended ${when(leaseExpiresAt, ui.now)}: it is about to be taken back`
      const silent = workerAlive ? "" : "\n  the worker was not heard of lately"
      const asked = cancelRequested === undefined ? "" : `\n  its worker is asked to stop it: ${cancelRequested}`
      return `is running${since}, attempt ${job.attempt} of ${job.maxAttempts}, by ${worker}${lease}${silent}${asked}`
    }
    case "Ended": {
      const { error, finishedAt, reason, state } = explanation
      const because = reason === undefined || reason === state ? "" : ` (${reason})`
      const said = error === undefined || error === "" ? "" : `\n  ${oneLine(error)}`
      return `${state === "dead" ? "is dead" : state}${because} since ${when(finishedAt, ui.now)}${said}`
    }
  }
}

/** Why a job is not running, in words. */
export const explanationText = (ui: Ui, explanation: Exclude<Explanation, { _tag: "Missing" }>): string => {
  const { id, kind, queue } = explanation.job
  return `job ${ui.bold(id)} (${kind}, queue ${queue}) ${sentence(ui, explanation)}`
}
