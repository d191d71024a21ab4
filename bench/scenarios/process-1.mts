import { processing } from "../lib/processing.mts"

export default processing(1, 5000, { free: ">= 2" })
