import { processing } from "../lib/processing.mts"

export default processing({ concurrency: 500, sleepMillis: 1, jobs: 40_000, placements: ["free"] })
