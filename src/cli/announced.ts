import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/** Says of a service that runs until it is told to stop when it has started, when it is told, and when it has stopped. */
export const announced = <A, E, R>(
  name: string,
  about: Effect.Effect<Readonly<Record<string, unknown>>>,
  service: Layer.Layer<A, E, R>
): Layer.Layer<A, E, R> => {
  let known: Readonly<Record<string, unknown>> = {}
  const say = (what: string) => Effect.suspend(() => Effect.annotateLogs(Effect.logInfo(`${name} ${what}`), known))
  // asked for once the service is up; when it stops, it may not know any more
  const learn = Effect.map(about, (found) => {
    known = found
  })
  const whileUp = Layer.effectDiscard(
    Effect.acquireRelease(Effect.andThen(learn, say("started")), () => say("stopping"))
  )
  const afterwards = Layer.effectDiscard(Effect.addFinalizer(() => say("stopped")))
  return whileUp.pipe(Layer.provideMerge(service), Layer.provideMerge(afterwards))
}
