import * as Schema from "effect/Schema"

/** One thing that is wrong, and where. */
export const ConfigProblem = Schema.Struct({
  /** The file, or the variable of the environment. */
  source: Schema.String,
  /** From 1; absent for a variable. */
  line: Schema.optionalKey(Schema.Int),
  /** The key, with dots; empty for the file as a whole. */
  key: Schema.String,
  message: Schema.String
})
export type ConfigProblem = typeof ConfigProblem.Type

const shown = ({ key, line, message, source }: ConfigProblem): string =>
  `${source}${line === undefined ? "" : `:${line}`}: ${key === "" ? "" : `${key}: `}${message}`

/**
 * The configuration makes no sense. Everything that is wrong is told at once.
 * @category errors
 * @since 0.1.0
 */
export class ConfigInvalid extends Schema.TaggedError<ConfigInvalid>()("ConfigInvalid", {
  problems: Schema.Array(ConfigProblem)
}) {
  override get message(): string {
    return this.problems.map(shown).join("\n")
  }
}
