import * as Schema from "effect/Schema"

/**
 * A workflow did not complete, and not by a declared error of one of its tasks.
 * @category errors
 * @since 0.1.0
 */
export class WorkflowFailed extends Schema.TaggedError<WorkflowFailed>()("WorkflowFailed", {
  workflowId: Schema.String,
  /** `job-dead` and `job-cancelled`: a member failed; `deadline`: it took too long. */
  reason: Schema.Literals(["job-dead", "job-cancelled", "deadline"]),
  /** The member that failed first; absent for a deadline. */
  node: Schema.optionalKey(Schema.Int),
  kind: Schema.optionalKey(Schema.String),
  /** What the member's last attempt reported, or why it was cancelled. */
  error: Schema.String
}) {
  override get message(): string {
    const where = this.kind === undefined ? "" : ` at node ${this.node} (${this.kind})`
    return `workflow ${this.workflowId} failed${where}, ${this.reason}: ${this.error}`
  }
}

/**
 * The awaited workflow was cancelled.
 * @category errors
 * @since 0.1.0
 */
export class WorkflowCancelled extends Schema.TaggedError<WorkflowCancelled>()("WorkflowCancelled", {
  workflowId: Schema.String,
  reason: Schema.String
}) {
  override get message(): string {
    return `workflow ${this.workflowId} was cancelled: ${this.reason}`
  }
}

/**
 * No workflow with this id is stored: it never was, or its retention is over.
 * @category errors
 * @since 0.1.0
 */
export class WorkflowMissing extends Schema.TaggedError<WorkflowMissing>()("WorkflowMissing", {
  workflowId: Schema.String
}) {
  override get message(): string {
    return `there is no workflow ${this.workflowId}`
  }
}

/**
 * Another workflow is stored under this id. Nothing was started.
 * @category errors
 * @since 0.1.0
 */
export class WorkflowConflict extends Schema.TaggedError<WorkflowConflict>()("WorkflowConflict", {
  workflowId: Schema.String
}) {
  override get message(): string {
    return `another workflow has the id ${this.workflowId}`
  }
}

/**
 * The job asked about is in no workflow.
 * @category errors
 * @since 0.1.0
 */
export class NoMember extends Schema.TaggedError<NoMember>()("NoMember", { jobId: Schema.String }) {
  override get message(): string {
    return `job ${this.jobId} is in no workflow`
  }
}
