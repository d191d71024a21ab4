import { processing } from "../lib/processing.mts"

export default processing({ concurrency: 100, sleepMillis: 10, jobs: 10_000, placements: ["free"] })
