import { processing } from "../lib/processing.mts"

export default processing({
  concurrency: 500,
  jobs: 60_000,
  placements: ["free", "pinned"],
  goals: [
    { against: "bullmq", placements: ["free"], atLeast: 4 },
    { against: "bullmq", placements: ["pinned"], atLeast: 7 },
    { against: "bee-queue", placements: ["free"], atLeast: 2 },
    { against: "bee-queue", placements: ["pinned"], atLeast: 2.5 }
  ]
})
