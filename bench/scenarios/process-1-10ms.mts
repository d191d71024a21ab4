import { processing } from "../lib/processing.mts"

export default processing({ concurrency: 1, sleepMillis: 10, jobs: 200, placements: ["free"] })
