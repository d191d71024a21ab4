import { processing } from "../lib/processing.mts"

export default processing({ concurrency: 10, sleepMillis: 1, jobs: 5000, placements: ["free"] })
