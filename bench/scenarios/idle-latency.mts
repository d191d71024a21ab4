import { idling } from "../lib/idling.mts"
import type { Scenario } from "../lib/Scenario.mts"

const idleLatency: Scenario = {
  title: "idle worker (concurrency 10) after it was busy, enqueue -> end recorded in Redis, one job at a time",
  // the slowest hundredth of few jobs is a few jobs
  jobs: 1500,
  scales: false,
  quickJobs: 200,
  warmUpJobs: 100,
  placements: ["free", "pinned"],
  charted: true,
  metrics: [
    { name: "p50", unit: "ms", goals: [{ against: "bullmq", placements: ["free", "pinned"], atMost: 0.7 }] },
    { name: "p99", unit: "ms", goals: [{ against: "bullmq", placements: ["free", "pinned"], atMost: 0.5 }] }
  ],
  run: idling(false)
}

export default idleLatency
