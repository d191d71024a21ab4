import type { OpenQueue, WorkerSettings } from "./Contender.mts"
import { inChunks, makePayloads } from "./payload.mts"
import type { Goal, Placement, Scenario, ScenarioRun, Taken } from "./Scenario.mts"

/** Stores jobs quickly, without measuring. */
export const fill = async (queue: OpenQueue, jobs: number): Promise<void> => {
  for (const chunk of inChunks(makePayloads(jobs), 1000)) await queue.enqueueBulk(chunk)
}

/** Measures from a worker's start until Redis knows that the last of the waiting jobs has completed. */
export const processAll = async (
  { jobs, measured }: Pick<ScenarioRun, "jobs" | "measured">,
  queue: OpenQueue,
  settings: Pick<WorkerSettings, "concurrency" | "sleepMillis">
): Promise<Taken<void>> => {
  const done = Promise.withResolvers<void>()
  let handled = 0
  const worker = await queue.readyWorker({
    ...settings,
    onJob: () => {
      if (++handled === jobs) done.resolve()
    }
  })

  const taken = await measured(async () => {
    await worker.start()
    await done.promise
    while ((await queue.unfinished()) > 0) continue
  })

  await worker.stop()
  if (handled !== jobs) throw new Error(`${jobs} jobs were handled ${handled} times`)
  return taken
}

/** The scenario of a filled queue that one worker empties. */
export const processing = (options: {
  readonly concurrency: number
  readonly sleepMillis?: number
  readonly jobs: number
  readonly goals?: ReadonlyArray<Goal>
  readonly placements: ReadonlyArray<Placement>
  readonly charted?: boolean
}): Scenario => {
  const { charted = false, concurrency, goals = [], jobs, placements, sleepMillis = 0 } = options
  return {
    title: `process, concurrency ${concurrency}, handlers of ${sleepMillis} ms`,
    jobs,
    scales: true,
    placements,
    charted,
    metrics: [{ name: "rate", unit: "jobs/s", goals }],
    run: async (run) => {
      const queue = await run.open("plain")
      await fill(queue, run.jobs)
      const { millis } = await processAll(run, queue, { concurrency, sleepMillis })
      return { rate: (run.jobs * 1000) / millis }
    }
  }
}
