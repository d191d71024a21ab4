import { withMode } from "../lib/with-mode.mts"

export default withMode("unique", "a unique key on each job")
