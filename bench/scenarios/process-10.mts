import { processing } from "../lib/processing.mts"

export default processing({
  concurrency: 10,
  jobs: 15_000,
  placements: ["free", "pinned"],
  charted: true,
  goals: [{ against: "bullmq", placements: ["free", "pinned"], atLeast: 2 }]
})
