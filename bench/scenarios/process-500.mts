import { processing } from "../lib/processing.mts"

export default processing(500, 20_000, { free: ">= 4", pinned: ">= 7" })
