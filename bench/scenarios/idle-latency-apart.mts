import { idling } from "../lib/idling.mts"
import type { Scenario } from "../lib/Scenario.mts"

const idleLatencyApart: Scenario = {
  title: "the same by a producer with connections of its own, as in another process",
  // the slowest hundredth of few jobs is a few jobs
  jobs: 1500,
  scales: false,
  quickJobs: 200,
  warmUpJobs: 100,
  // one that looks once a second would be measured for hours
  only: ["winterq", "bullmq", "bee-queue"],
  placements: ["free", "pinned"],
  metrics: [
    { name: "p50", unit: "ms" },
    { name: "p99", unit: "ms" }
  ],
  run: idling(true)
}

export default idleLatencyApart
