import { processing } from "../lib/processing.mts"

export default processing({
  concurrency: 1,
  jobs: 5000,
  placements: ["free", "pinned"],
  goals: [{ against: "bullmq", placements: ["free", "pinned"], atLeast: 2 }]
})
