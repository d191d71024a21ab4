import * as Context from "effect/Context"
import type * as Semaphore from "effect/Semaphore"
import type { QueueControl } from "../ports/QueueControl.ts"
import type { Attempts } from "./Attempts.ts"
import type { Deadlines } from "./Deadlines.ts"
import type { Gate } from "./Gate.ts"
import type { Outcomes } from "./Outcomes.ts"
import type { Recorder } from "./Recorder.ts"
import type { Stillness } from "./Stillness.ts"
import type { VirtualClock } from "./VirtualClock.ts"

/**
 * What the testing kit shares with the functions that drive it. Its layer is `Testing.layer`.
 *
 * @category testing
 * @since 0.1.0
 */
export class Kit extends Context.Service<
  Kit,
  {
    readonly clock: VirtualClock
    readonly stillness: Stillness
    readonly attempts: Attempts
    readonly gate: Gate
    readonly recorder: Recorder
    readonly outcomes: Outcomes
    /** Workers that were heard of. */
    readonly workers: ReadonlySet<string>
    /** Whether the backend sends signals that are on their way for a while. */
    readonly isFar: boolean
    /** When the backend has workflows. */
    readonly deadlines: Deadlines | undefined
    /** Of the backend, when it has one. */
    readonly control: QueueControl["Service"] | undefined
    readonly patienceMillis: number
    readonly seed: number
    readonly running: Semaphore.Semaphore
  }
>()("winterq/testing/Kit") {}
