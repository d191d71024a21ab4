import type { OpenQueue } from "./Contender.mts"
import { makePayloads, type Payload } from "./payload.mts"
import type { Scenario, ScenarioRun } from "./Scenario.mts"
import { summarize } from "./statistics.mts"

type Backlog = "waiting" | "scheduled" | "dead"

const levels = [1000, 100_000, 1_000_000]
/** Jobs that are enqueued and processed to learn the cost of one, and how often. Fewer tell more of collections than of jobs. */
const sampleJobs = 20_000
const samples = 5

/** How long the same is done before anything is compared: by then code is compiled and scripts are loaded. */
const warmUpMillis = 2500

/** Stores jobs that are all alike, a thousand at once. */
const store = async (enqueue: (payloads: ReadonlyArray<Payload>) => Promise<void>, count: number) => {
  const thousand = makePayloads(1000)
  for (let left = count; left > 0; left -= thousand.length) await enqueue(thousand.slice(0, left))
}

/** Runs jobs until `count` have been handled, and says how many that were. */
const handle = async (queue: OpenQueue, count: number, onJob: () => void) => {
  const reached = Promise.withResolvers<void>()
  let handled = 0
  const worker = await queue.readyWorker({
    concurrency: 100,
    onJob: () => {
      if (++handled === count) reached.resolve()
      onJob()
    }
  })
  return {
    run: async () => {
      await worker.start()
      await reached.promise
      return handled
    },
    stop: worker.stop
  }
}

const bury = async (queue: OpenQueue, count: number) => {
  const worker = await handle(queue, count, () => {
    throw new Error("planned")
  })
  await worker.run()
  while ((await queue.unfinished()) > 0) continue
  await worker.stop()
}

const fillWith: Record<Backlog, (queue: OpenQueue, count: number) => Promise<void>> = {
  waiting: (queue, count) => store(queue.enqueueBulk, count),
  scheduled: (queue, count) => store(queue.enqueueScheduled!, count),
  dead: async (queue, count) => {
    await store(queue.enqueueBulk, count)
    await bury(queue, count)
  }
}

/** CPU time per job of enqueueing one by one and of processing, client and Redis, and the rate of both together. */
const sample = async ({ measured }: ScenarioRun, queue: OpenQueue) => {
  const payloads = makePayloads(sampleJobs)
  const enqueued = await measured(() => queue.enqueueEach(payloads, 100), sampleJobs)
  const worker = await handle(queue, sampleJobs, () => {})
  const processed = await measured(worker.run, sampleJobs)
  await worker.stop()
  const micros = enqueued.clientMicros + enqueued.redisMicros
  return {
    cost: micros / sampleJobs + (processed.clientMicros + processed.redisMicros) / processed.value,
    millisPerJob: enqueued.millis / sampleJobs + processed.millis / processed.value
  }
}

const median = (sample: ReadonlyArray<number>) => summarize(sample).median
const named = (level: number) => (level >= 1_000_000 ? `${level / 1_000_000} M` : `${level / 1000} k`)

/** The scenario of a queue that holds ever more jobs: what one more job costs, enqueued and processed. */
export const backlog = (kind: Backlog): Scenario => ({
  title: `enqueue and process (concurrency 100) while up to a million jobs are ${kind}`,
  jobs: levels.at(-1)!,
  scales: false,
  quickJobs: 100_000,
  warmUpJobs: levels[0]!,
  mode: kind === "waiting" ? "plain" : kind,
  only: ["winterq"],
  placements: ["free"],
  usualRounds: 2,
  timeoutMillis: 600_000,
  metrics: [
    { name: "cost, most / 1 k", unit: "x", goals: [{ placements: ["free", "pinned"], atMost: 1.3 }] },
    ...levels.flatMap((level) => [
      { name: `cost at ${named(level)}`, unit: "us/job" },
      { name: `rate at ${named(level)}`, unit: "jobs/s" }
    ])
  ],
  run: async (run) => {
    const mode = kind === "waiting" ? "plain" : kind
    const taken = new Map<number, Array<Awaited<ReturnType<typeof sample>>>>(levels.map((level) => [level, []]))
    const climb = async (to: ReadonlyArray<number>) => {
      await run.redis.flush()
      const queue = await run.open(mode)
      let filled = 0
      for (const level of to) {
        // what waits is worked off by samples, in part
        const there = kind === "waiting" ? await queue.unfinished() : filled
        if (level > there) await fillWith[kind](queue, level - there)
        filled = level
        for (let n = 0; n < samples; n++) taken.get(level)!.push(await sample(run, queue))
      }
    }

    const warm = await run.open(mode)
    for (const since = performance.now(); performance.now() - since < warmUpMillis;) await sample(run, warm)
    const reached = levels.filter((level) => level <= run.jobs)
    await climb(reached)
    // the least again, since the machine may have changed its pace meanwhile
    await climb(reached.slice(0, 1))

    const costAt = (level: number) => median(taken.get(level)!.map(({ cost }) => cost))
    const rateAt = (level: number) => 1000 / median(taken.get(level)!.map(({ millisPerJob }) => millisPerJob))
    return {
      "cost, most / 1 k": costAt(reached.at(-1)!) / costAt(reached[0]!),
      ...Object.fromEntries(
        reached.flatMap((level) => [
          [`cost at ${named(level)}`, costAt(level)],
          [`rate at ${named(level)}`, rateAt(level)]
        ])
      )
    }
  }
})
