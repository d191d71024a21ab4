import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { it, type TestOptions } from "vitest"
import type { Capabilities } from "../ports/Capabilities.ts"
import type { JobStore } from "../ports/JobStore.ts"
import type { Kit } from "./Kit.ts"
import { layer, type Options } from "./layer.ts"

export interface TestAppOptions extends Omit<Options, "seed"> {
  /** Every test is run once for each; just 0 when left out. */
  readonly seeds?: ReadonlyArray<number>
}

type Base = JobStore | Capabilities

type Body<R> = Effect.Effect<unknown, unknown, R> | (() => Effect.Effect<unknown, unknown, R>)

/** Declares a test. */
export interface TestApp<R> {
  (title: string, body: Body<R>, options?: number | TestOptions): void
  readonly only: (title: string, body: Body<R>, options?: number | TestOptions) => void
  readonly skip: (title: string, body: Body<R>, options?: number | TestOptions) => void
}

/**
 * Makes an `it` whose tests each have the app, on a backend of its own, under the testing kit.
 *
 * **Shape** `const it = testApp(App, Memory.layer)`; the third argument takes what `Testing.layer` takes. A backend that
 * outlives a test is given as a function, so that each has a part of its own:
 * `() => Redis.layerVirtualTime({ url, prefix: crypto.randomUUID() })`.
 * **Errors** a test fails when its effect does.
 * **Example** docs/guides/testing.md
 * @category testing
 * @since 0.1.0
 */
export const testApp = <A, E, B, E2>(
  app: Layer.Layer<A, E, NoInfer<B> | Base | Kit>,
  backend: Layer.Layer<B | Base, E2> | (() => Layer.Layer<B | Base, E2>),
  options: TestAppOptions = {}
): TestApp<A | B | Base | Kit | Scope.Scope> => {
  const { seeds = [0], ...rest } = options
  const declare =
    (test: typeof it | typeof it.only): TestApp<A | B | Base | Kit | Scope.Scope>["only"] =>
    (title, body, testOptions = {}) => {
      for (const seed of seeds) {
        const named = seeds.length === 1 ? title : `${title} (seed ${seed})`
        test(named, typeof testOptions === "number" ? { timeout: testOptions } : testOptions, ({ signal }) => {
          const base = typeof backend === "function" ? backend() : backend
          const run = Effect.scoped(Effect.suspend(() => (Effect.isEffect(body) ? body : body())))
          const built = Layer.provideMerge(app, layer<B, E2, never>(base, { ...rest, seed }))
          return Effect.runPromise(Effect.provide(run, built), { signal })
        })
      }
    }
  return Object.assign(declare(it), { only: declare(it.only), skip: declare(it.skip) })
}
