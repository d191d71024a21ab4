import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

/** Says of a service that runs until it is told to stop when it has started, when it is told, and when it has stopped. */
export const announced = <A, E, R>(
  name: string,
  about: Record<string, unknown>,
  service: Layer.Layer<A, E, R>
): Layer.Layer<A, E, R> => {
  const say = (what: string) => Effect.annotateLogs(Effect.logInfo(`${name} ${what}`), about)
  const whileUp = Layer.effectDiscard(Effect.acquireRelease(say("started"), () => say("stopping")))
  const afterwards = Layer.effectDiscard(Effect.addFinalizer(() => say("stopped")))
  return whileUp.pipe(Layer.provideMerge(service), Layer.provideMerge(afterwards))
}
