// The program of a child process: one scenario on one contender, once to warm up and once for the figures.
import { text } from "node:stream/consumers"
import type { Measurement, MeasurementReply, MeasurementRequest } from "./Measurement.mts"
import { machineMicros } from "./machine-load.mts"
import { recordProfile } from "./profile.mts"
import { openProbe } from "./redis-probe.mts"
import { loadContender, loadScenario } from "./registry.mts"

const measure = async (request: MeasurementRequest): Promise<Measurement> => {
  const scenario = await loadScenario(request.scenario)
  const contender = await loadContender(request.contender)
  const redis = await openProbe(request.target)
  const taken: Array<Omit<Measurement, "jobs" | "values">> = []

  const runOnce = async (jobs: number, profile: string | undefined) => {
    await redis.flush()
    const queue = await contender.open(request.target)
    const values = await scenario.run({
      queue,
      redis,
      jobs,
      measured: async (work) => {
        globalThis.gc?.()
        const stopProfile = profile === undefined ? undefined : await recordProfile(profile)
        await redis.resetCommandStats()
        const redisBefore = await redis.cpuMicros()
        const machineBefore = machineMicros()
        const clientBefore = process.cpuUsage()
        const start = performance.now()
        const result = await work()
        const millis = performance.now() - start
        const client = process.cpuUsage(clientBefore)
        const machineAfter = machineMicros()
        const redisAfter = await redis.cpuMicros()
        const commands = await redis.commandStats()
        await stopProfile?.()
        const [clientMicros, redisMicros] = [client.user + client.system, redisAfter - redisBefore]
        const otherMicros = machineAfter - machineBefore - clientMicros - redisMicros
        taken.push({
          clientMicrosPerJob: clientMicros / jobs,
          redisMicrosPerJob: redisMicros / jobs,
          otherCores: Math.max(0, otherMicros / (millis * 1000)),
          commands
        })
        return result
      }
    })
    await queue.close()
    return values
  }

  await runOnce(Math.min(request.jobs, Math.max(100, Math.ceil(request.jobs / 2))), undefined)
  const values = await runOnce(request.jobs, request.profile)
  await redis.flush()
  await redis.close()
  return { jobs: request.jobs, values, ...taken.at(-1)! }
}

const reply = (message: MeasurementReply) => process.send?.(message, () => process.exit())

const request: MeasurementRequest = JSON.parse(await text(process.stdin))
measure(request).then(
  (measurement) => reply({ measurement }),
  (error: unknown) => reply({ error: error instanceof Error ? (error.stack ?? error.message) : String(error) })
)
