import { withMode } from "../lib/with-mode.mts"

export default withMode("priorities", "three priorities in turn")
