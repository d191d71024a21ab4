import { processing } from "../lib/processing.mts"

export default processing(10, 20_000, { free: ">= 2" })
