import * as Result from "effect/Result"
import { Command } from "ioredis"

/** Whether the texts of a reply are strings, or their bytes. */
export type ReplyForm = "text" | "bytes"

/**
 * Who is told how a command ended; once, and while the reply is taken in, so neither may throw.
 *
 * A class, since V8 may take what one object literal makes for old from the start (decision 16): what it refers to would
 * outlive the command.
 */
export class Answer {
  readonly succeed: (reply: unknown) => void
  readonly fail: (error: unknown) => void

  constructor(succeed: (reply: unknown) => void, fail: (error: unknown) => void) {
    this.succeed = succeed
    this.fail = fail
  }
}

const ignore = (promise: Promise<unknown>): void => void promise.catch(() => undefined)

/**
 * A command that calls back. Through its promise, and what would be put around that, the answer would come later.
 *
 * The driver's own functions in it are old from the start (decision 16), so it lets go of what it holds once it is answered.
 */
export class AnsweredCommand extends Command {
  #answer: Answer | undefined

  constructor(name: string, args: ReadonlyArray<string | number>, form: ReplyForm, answer: Answer) {
    // the driver makes its own list of them
    super(name, args as Array<string | number>, { replyEncoding: form === "text" ? "utf8" : null })
    this.#answer = answer
    // whoever traces commands waits for the promise
    const { reject, resolve } = this
    const take = (reply: Buffer): void => {
      if (this.isSettled) return
      resolve(null)
      const answer = this.#end()
      if (form === "bytes") return answer.succeed(reply)
      // a text may be longer than strings can be
      const text = Result.try(() => this.transformReply(reply))
      return Result.isSuccess(text) ? answer.succeed(text.success) : answer.fail(text.failure)
    }
    const refuse = (error: Error): void => {
      if (this.isSettled) return
      ignore(this.promise)
      reject(error)
      this.#end().fail(error)
    }
    // a function that is written where it is assigned to a field is old from the start as well
    this.resolve = take
    this.reject = refuse
  }

  #end(): Answer {
    const answer = this.#answer!
    this.#answer = undefined
    this.release()
    return answer
  }

  /** Lets go of what was sent. */
  protected release(): void {}
}
