import * as Schema from "effect/Schema"

/**
 * There is no schedule of this name.
 * @category errors
 * @since 0.1.0
 */
export class ScheduleMissing extends Schema.TaggedError<ScheduleMissing>()("ScheduleMissing", {
  /** Its name. */
  schedule: Schema.String
}) {
  override get message(): string {
    return `there is no schedule ${this.schedule}`
  }
}

/**
 * There is a schedule of this name already, and it stays as it is.
 * @category errors
 * @since 0.1.0
 */
export class ScheduleExists extends Schema.TaggedError<ScheduleExists>()("ScheduleExists", {
  /** Its name. */
  schedule: Schema.String
}) {
  override get message(): string {
    return `there is a schedule ${this.schedule} already`
  }
}

/**
 * The schedule was stored by a newer version, or names a time zone that is not known here. It was left as it is.
 * @category errors
 * @since 0.1.0
 */
export class ScheduleUnreadable extends Schema.TaggedError<ScheduleUnreadable>()("ScheduleUnreadable", {
  /** Its name. */
  schedule: Schema.String,
  problem: Schema.String
}) {
  override get message(): string {
    return `schedule ${this.schedule} cannot be read here: ${this.problem}`
  }
}
