import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import type { Measurement, MeasurementReply, MeasurementRequest } from "./Measurement.mts"
import type { Placement } from "./Scenario.mts"

const program = fileURLToPath(new URL("./measure.mts", import.meta.url))
const nodeArguments = ["--conditions=winterq-source", "--disable-warning=ExperimentalWarning", program]

/** Runs one measurement in a fresh process. */
export const runChild = (
  request: MeasurementRequest,
  placement: Placement,
  timeoutMillis: number
): Promise<Measurement> =>
  new Promise((resolve, reject) => {
    const [command, args] =
      placement === "pinned"
        ? ["taskset", ["-c", "0", process.execPath, ...nodeArguments]]
        : [process.execPath, nodeArguments]
    const child = spawn(command, args, {
      stdio: ["pipe", "inherit", "inherit", "ipc"],
      env: { ...process.env, NODE_ENV: "production" }
    })
    const timer = setTimeout(() => {
      child.kill("SIGKILL")
      reject(new Error(`no answer within ${timeoutMillis / 1000} s`))
    }, timeoutMillis)
    child.once("message", (message) => {
      const reply = message as MeasurementReply
      if ("measurement" in reply) resolve(reply.measurement)
      else reject(new Error(reply.error))
    })
    child.once("error", reject)
    child.once("exit", (code, signal) => {
      clearTimeout(timer)
      reject(new Error(`ended without an answer: ${signal ?? `exit code ${code}`}`))
    })
    child.stdin?.end(JSON.stringify(request))
  })
