import * as Result from "effect/Result"
import { Answer } from "./AnsweredCommand.ts"
import type { RedisUnsuitable } from "./RedisUnsuitable.ts"
import { Deadlines } from "./Deadlines.ts"
import { isReply, messageOf } from "./store-error.ts"

/** Calls that wait for the connection at most. More fail at once, so that an outage does not fill the memory. */
const waitingLimit = 10_000

/** Before a call whose connection broke is sent again. */
const pauseMillis = 50

/** Replies of a cluster that is changing: the command had no effect, and the same one will be taken soon. */
const passing = /^(CLUSTERDOWN|TRYAGAIN|MASTERDOWN) /

/** Somebody who waits for an answer, and may leave before it is there. */
export class Caller {
  onLeave: (() => void) | undefined

  leave(): void {
    this.onLeave?.()
  }
}

/**
 * Lets calls through while the server is known to be suitable, and bounds every call. A call waits here, and not in
 * the driver, while there is no connection: one whose caller has given up is never sent. One that was under way when
 * its connection broke is sent again, which changes nothing when it had been executed (REPEAT-1..4).
 */
export class Gate {
  readonly timeoutMillis: number
  /** What is known of the present outage. */
  lastError: unknown
  private readonly leave: () => boolean
  /** Whether calls are let through. */
  isOpen = false
  private refusal: Error | undefined
  private readonly waiting = new Set<() => void>()
  private readonly deadlines: Deadlines

  /** `leave` replaces the connection to a server that has become a replica; it answers whether it does. */
  constructor(timeoutMillis: number, leave: () => boolean) {
    this.timeoutMillis = timeoutMillis
    this.deadlines = new Deadlines(timeoutMillis)
    this.leave = leave
  }

  open(): void {
    this.isOpen = true
    this.refusal = undefined
    this.lastError = undefined
    this.wake()
  }

  /** Makes calls wait. */
  shut(): void {
    this.isOpen = false
    this.refusal = undefined
  }

  /** Makes calls fail at once, those that wait too. */
  refuse(why: RedisUnsuitable | Error): void {
    this.isOpen = false
    this.refusal = why
    this.wake()
  }

  /**
   * Sends a command, again when its connection breaks, until there is an answer, the time is over, or nobody waits
   * for it any more: then it is not sent, or not again, and there is no answer. What `correct` does about a reply
   * that is an error, it answers with true; then the command is sent again at once.
   */
  send(
    command: (answer: Answer) => void,
    answer: Answer,
    caller?: Caller,
    correct?: (error: unknown) => boolean
  ): void {
    let over = false
    let hasMetReplica = false
    let pause: ReturnType<typeof setTimeout> | undefined

    const end = (): void => {
      over = true
      this.deadlines.remove(late)
      clearTimeout(pause)
      this.waiting.delete(attempt)
    }
    const fail = (error: unknown): void => {
      if (over) return
      end()
      answer.fail(error)
    }
    const succeed = (reply: unknown): void => {
      if (over) return
      end()
      answer.succeed(reply)
    }
    const failed = (error: unknown): void => {
      if (over) return
      if (isReply(error) && correct?.(error)) attempt()
      else if (isReply(error) && messageOf(error).startsWith("READONLY") && !hasMetReplica && this.leave()) {
        hasMetReplica = true
        this.lastError = error
        this.shut()
        attempt()
      } else if (!isReply(error) || passing.test(messageOf(error))) {
        this.lastError ??= error
        pause = setTimeout(attempt, pauseMillis)
      } else fail(error)
    }
    const attempt = (): void => {
      if (over) return
      if (this.isOpen) {
        // what throws has failed like what is answered so
        const sent = Result.try(() => command(told))
        if (Result.isFailure(sent)) failed(sent.failure)
      } else if (this.refusal !== undefined) fail(this.refusal)
      else if (this.waiting.size >= waitingLimit) fail(new Error(`${waitingLimit} calls wait for Redis already`))
      else this.waiting.add(attempt)
    }
    const told = new Answer(succeed, failed)
    const late = (): void => fail(this.late())
    this.deadlines.add(late)
    if (caller !== undefined) caller.onLeave = end
    attempt()
  }

  private late(): unknown {
    // such as a password that is not accepted any more
    if (isReply(this.lastError) && !passing.test(messageOf(this.lastError))) return this.lastError
    const why = this.lastError === undefined ? "" : `: ${messageOf(this.lastError)}`
    return new Error(`no answer within ${this.timeoutMillis} ms${why}`)
  }

  private wake(): void {
    const calls = [...this.waiting]
    this.waiting.clear()
    for (const attempt of calls) attempt()
  }
}
