import * as Schema from "effect/Schema"

/** Redis cannot be reached or used. */
export class ConnectionFailed extends Schema.TaggedError<ConnectionFailed>()("ConnectionFailed", {
  detail: Schema.String,
  /** What `winter doctor` calls the check that the server has failed; absent when there was no answer to check. */
  check: Schema.optionalKey(Schema.String)
}) {
  override get message(): string {
    return this.check === undefined
      ? `redis connection failed: ${this.detail}`
      : `this redis cannot be used: ${this.detail}`
  }
}

/** What was named is not there. */
export class NotFound extends Schema.TaggedError<NotFound>()("NotFound", {
  /** Such as `job 42`. */
  what: Schema.String
}) {
  override get message(): string {
    return `${this.what} not found`
  }
}

/** Something that cannot be undone was neither confirmed nor allowed by `--yes`. */
export class NotConfirmed extends Schema.TaggedError<NotConfirmed>()("NotConfirmed", { what: Schema.String }) {
  override get message(): string {
    return `${this.what}: not confirmed; nothing was done (--yes goes without asking)`
  }
}

/** What was asked for cannot be done in this state. */
export class NotPossible extends Schema.TaggedError<NotPossible>()("NotPossible", { why: Schema.String }) {
  override get message(): string {
    return this.why
  }
}

/** Arguments that make no sense together. */
export class BadUsage extends Schema.TaggedError<BadUsage>()("BadUsage", { why: Schema.String }) {
  override get message(): string {
    return this.why
  }
}

/** Part of the work was not done. */
export class PartlyDone extends Schema.TaggedError<PartlyDone>()("PartlyDone", { why: Schema.String }) {
  override get message(): string {
    return this.why
  }
}

/** A file that cannot be read or used. */
export class BadFile extends Schema.TaggedError<BadFile>()("BadFile", { file: Schema.String, why: Schema.String }) {
  override get message(): string {
    return `${this.file}: ${this.why}`
  }
}

/** Metrics and probes cannot be served there. */
export class CannotListen extends Schema.TaggedError<CannotListen>()("CannotListen", {
  address: Schema.String,
  problem: Schema.String
}) {
  override get message(): string {
    return `cannot serve metrics and probes on ${this.address}: ${this.problem}`
  }
}

/** A check of `winter doctor` failed. What it is has been printed. */
export class ChecksFailed extends Schema.TaggedError<ChecksFailed>()("ChecksFailed", { failed: Schema.Int }) {
  override get message(): string {
    return `${this.failed} check${this.failed === 1 ? "" : "s"} failed`
  }
}

/** A wait took longer than it was given. */
export class TookTooLong extends Schema.TaggedError<TookTooLong>()("TookTooLong", { what: Schema.String }) {
  override get message(): string {
    return `${this.what}: it took too long`
  }
}
