import * as Result from "effect/Result"
import type { Answer } from "./AnsweredCommand.ts"
import { Deadline, Deadlines } from "./Deadlines.ts"
import type { RedisUnsuitable } from "./RedisUnsuitable.ts"
import { isReply, messageOf } from "./store-error.ts"

/** Calls that wait for the connection at most. More fail at once, so that an outage does not fill the memory. */
const waitingLimit = 10_000

/** Before a call whose connection broke is sent again. */
const pauseMillis = 50

/** Replies of a cluster that is changing: the command had no effect, and the same one will be taken soon. */
const passing = /^(CLUSTERDOWN|TRYAGAIN|MASTERDOWN) /

/** Somebody who waits for an answer, and may leave before it is there. */
export class Caller {
  call: { readonly end: () => void } | undefined

  leave(): void {
    this.call?.end()
  }
}

/** One call on its way, who is told what became of an attempt. It has no functions of its own to make (decision 16). */
class Sending extends Deadline implements Answer {
  readonly command: (answer: Answer) => void
  readonly correct: ((error: unknown) => boolean) | undefined
  hasMetReplica = false
  isOver = false
  pause: ReturnType<typeof setTimeout> | undefined = undefined
  readonly #gate: Gate
  readonly #answer: Answer

  constructor(gate: Gate, command: Sending["command"], answer: Answer, correct: Sending["correct"]) {
    super()
    this.#gate = gate
    this.#answer = answer
    this.command = command
    this.correct = correct
  }

  succeed(reply: unknown): void {
    if (this.isOver) return
    this.end()
    this.#answer.succeed(reply)
  }

  /** An attempt has failed; there may be another. */
  fail(error: unknown): void {
    if (!this.isOver) this.#gate.failed(this, error)
  }

  giveUp(error: unknown): void {
    if (this.isOver) return
    this.end()
    this.#answer.fail(error)
  }

  late(): void {
    this.giveUp(this.#gate.lateness())
  }

  end(): void {
    this.isOver = true
    if (this.pause !== undefined) clearTimeout(this.pause)
    this.#gate.forget(this)
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
  private readonly waiting = new Set<Sending>()
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
    const sending = new Sending(this, command, answer, correct)
    this.deadlines.add(sending)
    if (caller !== undefined) caller.call = sending
    this.attempt(sending)
  }

  /** What became of an attempt; for the call itself. */
  failed(sending: Sending, error: unknown): void {
    if (isReply(error) && sending.correct?.(error)) this.attempt(sending)
    else if (isReply(error) && messageOf(error).startsWith("READONLY") && !sending.hasMetReplica && this.leave()) {
      sending.hasMetReplica = true
      this.lastError = error
      this.shut()
      this.attempt(sending)
    } else if (!isReply(error) || passing.test(messageOf(error))) {
      this.lastError ??= error
      sending.pause = setTimeout(() => this.attempt(sending), pauseMillis)
    } else sending.giveUp(error)
  }

  /** A call has ended. */
  forget(sending: Sending): void {
    this.deadlines.remove(sending)
    if (this.waiting.size > 0) this.waiting.delete(sending)
  }

  /** Why a call has no answer. */
  lateness(): unknown {
    // such as a password that is not accepted any more
    if (isReply(this.lastError) && !passing.test(messageOf(this.lastError))) return this.lastError
    const why = this.lastError === undefined ? "" : `: ${messageOf(this.lastError)}`
    return new Error(`no answer within ${this.timeoutMillis} ms${why}`)
  }

  private attempt(sending: Sending): void {
    if (sending.isOver) return
    if (this.isOpen) {
      // what throws has failed like what is answered so
      const sent = Result.try(() => sending.command(sending))
      if (Result.isFailure(sent)) sending.fail(sent.failure)
    } else if (this.refusal !== undefined) sending.giveUp(this.refusal)
    else if (this.waiting.size >= waitingLimit) {
      sending.giveUp(new Error(`${waitingLimit} calls wait for Redis already`))
    } else this.waiting.add(sending)
  }

  private wake(): void {
    const calls = [...this.waiting]
    this.waiting.clear()
    for (const sending of calls) this.attempt(sending)
  }
}
