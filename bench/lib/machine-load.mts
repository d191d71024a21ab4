import { cpus } from "node:os"
import { setTimeout as sleep } from "node:timers/promises"

/** CPU time spent on this machine since it started, whoever spent it, in microseconds. */
export const machineMicros = (): number =>
  cpus().reduce((sum, { times }) => sum + (times.user + times.nice + times.sys + times.irq) * 1000, 0)

/** Cores kept busy by others from which on a measurement counts as disturbed. */
export const disturbedFrom = 0.1

/** Waits until the machine has been idle for a second, or the time is over. */
export const idleMachine = async (patienceMillis: number): Promise<void> => {
  const deadline = performance.now() + patienceMillis
  while (performance.now() < deadline) {
    const before = machineMicros()
    await sleep(1000)
    if (machineMicros() - before < disturbedFrom * 1e6) return
  }
}
