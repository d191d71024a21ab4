import { Buffer } from "node:buffer"
import { type Answer, AnsweredCommand, type ReplyForm } from "./AnsweredCommand.ts"
import type { AnyScript } from "./scripts/Script.ts"

type Args = ReadonlyArray<string | number>

const none: Args = []

// in small letters the driver finds it among its commands as it is
const bySha1 = "evalsha"
const bySource = "eval"

const bulk = (text: string): string => `$${Buffer.byteLength(text)}\r\n${text}\r\n`

/**
 * A command that is written out by itself. The driver is told which script it is, for whoever traces commands, and of one
 * key, which says where it belongs: it goes over all arguments that it knows of several times.
 */
class PreparedCommand extends AnsweredCommand {
  readonly #head: string
  readonly #count: number
  #given: Args

  constructor(
    name: string,
    told: Array<string>,
    head: string,
    count: number,
    args: Args,
    form: ReplyForm,
    answer: Answer
  ) {
    // given to it, the driver would make its own list of them for each command
    super(name, [], form, answer)
    this.args = told
    this.#head = head
    this.#count = count
    this.#given = args
  }

  override toWritable(): string {
    const args = this.#given
    let text = `*${1 + this.#count + args.length}\r\n${this.#head}`
    for (let i = 0; i < args.length; i++) text += bulk(String(args[i]))
    return text
  }

  protected override release(): void {
    this.#given = none
  }
}

/**
 * A script with its keys, as it is sent. What all its calls have in common is most of what goes over the wire, and is
 * put together once.
 */
export class ScriptCall {
  readonly #script: AnyScript
  readonly #keys: ReadonlyArray<string>
  readonly #told: Array<string>
  readonly #known: string

  constructor(script: AnyScript, keys: ReadonlyArray<string>) {
    this.#script = script
    this.#keys = keys
    this.#told = [script.sha1, "1", keys[0] ?? ""]
    this.#known = this.#headOf(bySha1, script.sha1)
  }

  /** For a server that knows the script. */
  command(args: Args, form: ReplyForm, answer: Answer): AnsweredCommand {
    return this.#commandOf(bySha1, this.#known, args, form, answer)
  }

  /** For one that does not; from then on it does. */
  whole(args: Args, form: ReplyForm, answer: Answer): AnsweredCommand {
    return this.#commandOf(bySource, this.#headOf(bySource, this.#script.source), args, form, answer)
  }

  #headOf(name: string, script: string): string {
    return [name, script, String(this.#keys.length), ...this.#keys].map(bulk).join("")
  }

  #commandOf(name: string, head: string, args: Args, form: ReplyForm, answer: Answer): AnsweredCommand {
    return new PreparedCommand(name, this.#told, head, 2 + this.#keys.length, args, form, answer)
  }
}
