import { type Answer, AnsweredCommand, type ReplyForm } from "./AnsweredCommand.ts"
import type { AnyScript } from "./scripts/Script.ts"

type Args = ReadonlyArray<string | number>

// in small letters the driver finds it among its commands as it is
const bySha1 = "evalsha"
const bySource = "eval"

const bulk = (text: string): string => `$${Buffer.byteLength(text)}\r\n${text}\r\n`

/** A command whose first arguments are written out already. */
class PreparedCommand extends AnsweredCommand {
  readonly #head: string
  readonly #written: number

  constructor(name: string, head: string, written: ReadonlyArray<string>, args: Args, form: ReplyForm, answer: Answer) {
    super(name, [...written, ...args], form, answer)
    this.#head = head
    this.#written = written.length
  }

  override toWritable(): string {
    const args = this.args as ReadonlyArray<string>
    let text = `*${args.length + 1}\r\n${this.#head}`
    for (let i = this.#written; i < args.length; i++) text += bulk(args[i]!)
    return text
  }
}

/**
 * A script with its keys, as it is sent. What all its calls have in common is most of what goes over the wire, and is
 * put together once.
 */
export class ScriptCall {
  readonly #script: AnyScript
  readonly #keys: ReadonlyArray<string>
  readonly #known: ReadonlyArray<string>
  readonly #head: string

  constructor(script: AnyScript, keys: ReadonlyArray<string>) {
    this.#script = script
    this.#keys = keys
    this.#known = [script.sha1, String(keys.length), ...keys]
    this.#head = [bySha1, ...this.#known].map(bulk).join("")
  }

  /** For a server that knows the script. */
  command(args: Args, form: ReplyForm, answer: Answer): AnsweredCommand {
    return new PreparedCommand(bySha1, this.#head, this.#known, args, form, answer)
  }

  /** For one that does not; from then on it does. */
  whole(args: Args, form: ReplyForm, answer: Answer): AnsweredCommand {
    const first = [this.#script.source, String(this.#keys.length), ...this.#keys]
    return new PreparedCommand(bySource, [bySource, ...first].map(bulk).join(""), first, args, form, answer)
  }
}
