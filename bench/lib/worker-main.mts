// The program of a worker process: see worker-process.mts.
import type { OpenQueue, ReadyWorker } from "./Contender.mts"
import { loadContender } from "./registry.mts"
import type { WorkerReply, WorkerRequest } from "./worker-process.mts"

let queue: OpenQueue | undefined
let worker: ReadyWorker | undefined
let handled = 0

const perform = async (request: WorkerRequest) => {
  switch (request.ask) {
    case "open": {
      const contender = await loadContender(request.contender)
      queue = await contender.open(request.target, "plain")
      worker = await queue.readyWorker({ concurrency: request.concurrency, onJob: () => handled++ })
      return
    }
    case "start":
      return worker?.start()
    case "usage":
      return
    case "stop":
      await worker?.stop()
      await queue?.close()
  }
}

process.on("message", (request: WorkerRequest) => {
  const reply = (error?: string) => {
    const { system, user } = process.cpuUsage()
    const answer: WorkerReply = { cpuMicros: user + system, handled, ...(error === undefined ? {} : { error }) }
    process.send?.(answer)
  }
  perform(request).then(
    () => reply(),
    (error: unknown) => reply(error instanceof Error ? (error.stack ?? error.message) : String(error))
  )
})

// whoever started it has gone
process.on("disconnect", () => process.exit())
