import { withMode } from "../lib/with-mode.mts"

export default withMode("results", "the result of each job recorded and kept")
