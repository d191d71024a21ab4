import { enqueueWorkflows, withMode, workflowSize } from "../lib/with-mode.mts"

export default withMode("workflows", `workflows of ${workflowSize - 1} jobs and one after them`, enqueueWorkflows)
