import { enqueueing } from "../lib/enqueueing.mts"

export default enqueueing({
  title: "enqueue, one call at a time",
  jobs: 4000,
  enqueue: (queue, payloads) => queue.enqueueEach(payloads, 1)
})
