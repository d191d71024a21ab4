import { processing } from "../lib/processing.mts"

export default processing({ concurrency: 10, sleepMillis: 10, jobs: 1500, placements: ["free"] })
