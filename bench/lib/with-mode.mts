import type { Mode, OpenQueue } from "./Contender.mts"
import { inChunks, makePayloads, type Payload } from "./payload.mts"
import { processAll } from "./processing.mts"
import type { Scenario, ScenarioRun } from "./Scenario.mts"

const enqueueEach = (queue: OpenQueue, payloads: ReadonlyArray<Payload>) => queue.enqueueEach(payloads, 100)

/** Enqueues and then processes, and says what each took. */
const through = async (run: ScenarioRun, queue: OpenQueue, enqueue: typeof enqueueEach) => {
  const payloads = makePayloads(run.jobs)
  const enqueued = await run.measured(() => enqueue(queue, payloads))
  const processed = await processAll(run, queue, { concurrency: 100 })
  return {
    enqueueMillis: enqueued.millis,
    processMillis: processed.millis,
    cpuMicros: enqueued.clientMicros + enqueued.redisMicros + processed.clientMicros + processed.redisMicros
  }
}

/** The scenario of an ability in use, beside the same jobs without it in the same process. */
export const withMode = (mode: Mode, what: string, enqueue = enqueueEach): Scenario => ({
  title: `with ${what}: enqueue (100 in flight), then process (concurrency 100)`,
  jobs: 11_000,
  scales: true,
  usualRounds: 2,
  placements: ["free"],
  mode,
  metrics: [
    { name: "enqueue", unit: "jobs/s" },
    { name: "process", unit: "jobs/s" },
    { name: "CPU time with / without", unit: "x" }
  ],
  run: async (run) => {
    const plain = await through(run, await run.open("plain"), enqueueEach)
    await run.redis.flush()
    const { cpuMicros, enqueueMillis, processMillis } = await through(run, await run.open(mode), enqueue)
    return {
      enqueue: (run.jobs * 1000) / enqueueMillis,
      process: (run.jobs * 1000) / processMillis,
      "CPU time with / without": cpuMicros / plain.cpuMicros
    }
  }
})

/** Members of each workflow, the last one included. */
export const workflowSize = 11

export const enqueueWorkflows = async (queue: OpenQueue, payloads: ReadonlyArray<Payload>) => {
  const workflows = inChunks(payloads, workflowSize)
  let next = 0
  const lane = async () => {
    while (next < workflows.length) {
      const [last, ...others] = workflows[next++]!
      await queue.enqueueWorkflow!(last!, others)
    }
  }
  await Promise.all(Array.from({ length: 10 }, lane))
}
