import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import { ClientInstruments } from "./Instruments.ts"
import { Settings } from "./Settings.ts"
import { sending } from "./Tracing.ts"

/** Watches one enqueue of a client. */
export type Observe = <A extends ReadonlyArray<{ readonly outcome: string }>, E>(
  queue: string,
  kind: string,
  jobs: number,
  enqueue: Effect.Effect<A, E>
) => Effect.Effect<A, E>

/** Watches the enqueues of a client that is built with these services, as its telemetry says. */
export const observing = (services: Context.Context<never>): Observe => {
  const settings = Context.get(services, Settings)
  const send = sending(settings)
  const instruments = settings.metrics ? new ClientInstruments(services) : undefined
  return (queue, kind, jobs, enqueue) =>
    send(
      queue,
      jobs,
      instruments === undefined
        ? enqueue
        : Effect.tap(enqueue, (handles) => Effect.sync(() => instruments.enqueued(queue, kind, handles)))
    )
}
