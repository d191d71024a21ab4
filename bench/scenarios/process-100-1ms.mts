import { processing } from "../lib/processing.mts"

export default processing({ concurrency: 100, sleepMillis: 1, jobs: 20_000, placements: ["free"] })
