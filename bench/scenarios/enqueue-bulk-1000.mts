import { enqueueing } from "../lib/enqueueing.mts"
import { inChunks } from "../lib/payload.mts"

export default enqueueing({
  title: "enqueue in bulk, 1000 a call, one call at a time",
  jobs: 60_000,
  charted: true,
  goals: [{ against: "bullmq", placements: ["free", "pinned"], atLeast: 4 }],
  enqueue: async (queue, payloads) => {
    for (const chunk of inChunks(payloads, 1000)) await queue.enqueueBulk(chunk)
  }
})
