import { processing } from "../lib/processing.mts"

export default processing({ concurrency: 1, sleepMillis: 1, jobs: 800, placements: ["free"] })
