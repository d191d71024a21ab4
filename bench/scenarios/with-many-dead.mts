import { backlog } from "../lib/backlog.mts"

export default backlog("dead")
