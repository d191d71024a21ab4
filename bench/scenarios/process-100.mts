import { processing } from "../lib/processing.mts"

export default processing(100, 20_000, { free: ">= 4", pinned: ">= 7" })
