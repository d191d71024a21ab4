import { enqueueing } from "../lib/enqueueing.mts"

export default enqueueing({
  title: "enqueue one by one, 100 calls in flight",
  jobs: 40_000,
  charted: true,
  goals: [{ against: "bullmq", placements: ["free", "pinned"], atLeast: 2 }],
  enqueue: (queue, payloads) => queue.enqueueEach(payloads, 100)
})
