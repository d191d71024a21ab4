import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import { durationMillis, type InvalidInput } from "../../domain/limits.ts"
import { JobStore } from "../../ports/JobStore.ts"
import { Notices } from "../../ports/Notices.ts"
import { QueueControl } from "../../ports/QueueControl.ts"
import { ScheduleStore } from "../../ports/ScheduleStore.ts"
import { Wakeups } from "../../ports/Wakeups.ts"
import { WorkflowStore } from "../../ports/WorkflowStore.ts"
import { encryptedControl, encryptedJobs } from "./encrypted-jobs.ts"
import { encryptedNotices } from "./encrypted-notices.ts"
import { encryptedSchedules } from "./encrypted-schedules.ts"
import { encryptedWakeups } from "./encrypted-wakeups.ts"
import { encryptedWorkflows } from "./encrypted-workflows.ts"
import { Keyring } from "./Keyring.ts"
import { Sealed } from "./Sealed.ts"
import { Watched } from "./Watched.ts"

/**
 * How payloads are encrypted.
 * @category layers
 * @since 0.1.0
 */
export interface Options {
  /** Keys by name: 32 random bytes each, as base64. The names stand in what is stored, 1 to 32 of `A-Z a-z 0-9 _ -`. */
  readonly keys: Readonly<Record<string, Redacted.Redacted<string>>>
  /** The name of the key that new texts are encrypted with; the others decrypt what is there. */
  readonly current: string
  /**
   * 32 random bytes as base64 that unique keys and the fingerprints of workflows are hashed with. Keep it for ever: with
   * another one, what is stored is not recognised. Derived from the current key when left out, so that uniqueness and
   * repeated starts do not reach over a rotation.
   */
  readonly uniqueSecret?: Redacted.Redacted<string>
  /**
   * Takes payloads and results that are not encrypted as they are, while queues are filled from before; false when left
   * out: then whoever can write to the store still cannot make up a job.
   */
  readonly acceptPlain?: boolean
  /** How long a job whose key is not here is put back for other workers; 30 seconds when left out. */
  readonly missingKeyDelay?: Duration.Input
}

type Ports = JobStore | QueueControl | WorkflowStore | ScheduleStore | Notices | Wakeups

/**
 * Encrypts payloads, results, typed failures, progress, log lines, error texts and reasons, between a backend and
 * everything above it. Give it to producers, workers and inspectors alike; who goes without sees ciphertext.
 *
 * **Shape** `Encryption.layer({ keys, current }).pipe(Layer.provideMerge(Redis.layer()))` is a backend like any other.
 * AES-256-GCM with random nonces; each text is bound to its queue, kind, job and use, so one that is moved elsewhere is
 * refused. Queues, kinds, ids, headers, tags, times and sizes stay in the clear; unique keys are hashed with a secret.
 * To rotate: add the new key everywhere, then make it current, and take the old one out when nothing is stored with it.
 * **Errors** `InvalidInput` for a key that is none. A job whose key is not here is put back with a delay, loudly, and no
 * attempt is counted. One whose payload was changed, or is not encrypted at all, is a dead letter with reason
 * `undecodable`.
 * **Units** stored texts grow by a third and 60 characters; error texts, reasons and log lines are cut at 6000 bytes.
 * **Example** examples/encryption.ts
 * **Ref** docs/semantics.md CRYPT-1..6; docs/guides/security.md; docs/decisions/0014-encryption.md
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: Options): Layer.Layer<Ports, InvalidInput, Ports> =>
  Layer.effectContext(
    Effect.gen(function* () {
      const keyring = yield* Effect.fromResult(Keyring.make(options))
      const delayMillis = yield* Effect.fromResult(
        durationMillis("missingKeyDelay", options.missingKeyDelay ?? "30 seconds")
      )
      const sealed = new Sealed(keyring, options.acceptPlain ?? false)
      const watched = new Watched()
      const store = yield* JobStore
      return Context.make(JobStore, encryptedJobs(store, sealed, watched, delayMillis)).pipe(
        Context.add(QueueControl, encryptedControl(yield* QueueControl, sealed)),
        Context.add(WorkflowStore, encryptedWorkflows(yield* WorkflowStore, sealed)),
        Context.add(ScheduleStore, encryptedSchedules(yield* ScheduleStore, sealed)),
        Context.add(Notices, encryptedNotices(yield* Notices, sealed, watched)),
        Context.add(Wakeups, encryptedWakeups(yield* Wakeups, store, sealed, delayMillis))
      )
    })
  )
