// The program of a child process: one scenario on one contender, once to warm up and once for the figures.
import { text } from "node:stream/consumers"
import type { Mode, OpenQueue } from "./Contender.mts"
import type { Measurement, MeasurementReply, MeasurementRequest } from "./Measurement.mts"
import { machineMicros } from "./machine-load.mts"
import { recordProfile } from "./profile.mts"
import { openProbe } from "./redis-probe.mts"
import { loadContender, loadScenario } from "./registry.mts"
import type { ScenarioRun } from "./Scenario.mts"
import { openWorkerProcess, type WorkerProcess } from "./worker-process.mts"

/**
 * How long what is measured as a rate warms up at least. By a number of jobs alone, a contender that is quick with them
 * would have the less time to be compiled in.
 */
const warmUpMillis = 2500

/** Nor longer than this with all that starts and ends a run, which is most of it for who hardly takes any time for the jobs. */
const mostMillis = 10_000

const measure = async (request: MeasurementRequest): Promise<Measurement> => {
  const scenario = await loadScenario(request.scenario)
  const contender = await loadContender(request.contender)
  const redis = await openProbe(request.target)
  let taken: Omit<Measurement, "values"> | undefined
  let worked = 0
  // opened once, as programs do: the functions of one that is opened anew are to be compiled anew
  const queues = new Map<Mode | `${Mode}, apart`, OpenQueue>()
  const opened = async (name: Mode | `${Mode}, apart`, mode: Mode) => {
    const queue = queues.get(name) ?? (await contender.open(request.target, mode))
    queues.set(name, queue)
    return queue
  }

  const runOnce = async (jobs: number, profile: string | undefined) => {
    await redis.flush()
    const workers: Array<WorkerProcess> = []

    const clientMicros = async () => {
      const others = await Promise.all(workers.map((worker) => worker.usage()))
      const { system, user } = process.cpuUsage()
      return others.reduce((sum, { cpuMicros }) => sum + cpuMicros, user + system)
    }

    const measured: ScenarioRun["measured"] = async (work, count = jobs) => {
      const stopProfile = profile === undefined ? undefined : await recordProfile(profile)
      await redis.resetCommandStats()
      const redisBefore = await redis.cpuMicros()
      const machineBefore = machineMicros()
      const clientBefore = await clientMicros()
      const start = performance.now()
      const value = await work()
      const millis = performance.now() - start
      worked += millis
      const client = (await clientMicros()) - clientBefore
      const machine = machineMicros() - machineBefore
      const server = (await redis.cpuMicros()) - redisBefore
      const commands = await redis.commandStats()
      await stopProfile?.()
      taken = {
        clientMicrosPerJob: client / count,
        redisMicrosPerJob: server / count,
        otherCores: Math.max(0, (machine - client - server) / (millis * 1000)),
        commands,
        jobs: count
      }
      return { value, millis, clientMicros: client, redisMicros: server }
    }

    const values = await scenario.run({
      redis,
      jobs,
      measured,
      open: (mode) => opened(mode, mode),
      openApart: (mode) => opened(`${mode}, apart`, mode),
      workerProcess: async (concurrency) => {
        const worker = await openWorkerProcess(request.contender, request.target, concurrency)
        workers.push(worker)
        return worker
      }
    })
    for (const worker of workers) await worker.stop()
    return values
  }

  const warmUpJobs = scenario.warmUpJobs ?? Math.min(20_000, Math.max(100, Math.ceil(request.jobs / 2)))
  const since = performance.now()
  const isWarm = () => !scenario.scales || worked >= warmUpMillis || performance.now() - since >= mostMillis
  do await runOnce(Math.min(request.jobs, warmUpJobs), undefined)
  while (!isWarm())
  const values = await runOnce(request.jobs, request.profile)
  for (const queue of queues.values()) await queue.close()
  await redis.flush()
  await redis.close()
  if (taken === undefined) throw new Error(`${request.scenario} measured nothing`)
  return { values, ...taken }
}

// whoever asked has gone
process.on("disconnect", () => process.exit())

const reply = (message: MeasurementReply) => process.send?.(message, () => process.exit())

const request: MeasurementRequest = JSON.parse(await text(process.stdin))
measure(request).then(
  (measurement) => reply({ measurement }),
  (error: unknown) => reply({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
)
