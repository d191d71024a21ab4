import { workerProcesses } from "../lib/worker-processes.mts"

export default workerProcesses(1)
