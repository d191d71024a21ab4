import { pathToFileURL } from "node:url"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Path from "effect/Path"
import type { AnyTask } from "../domain/Task.ts"
import type { Client } from "../features/client/Client.ts"
import { Worker, type WorkerOptions } from "../features/worker/Worker.ts"
import type { Workflows } from "../features/workflows/Workflows.ts"
import type { Ports } from "../ports/Ports.ts"
import { BadFile } from "./errors.ts"

/** What a module can be made into: it needs nothing but what the command line provides. */
export type WorkerLayer = Layer.Layer<never, unknown, Ports | Client | Workflows>

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null

/** `{ tasks, handlers, ... }`: options of a worker, and the layer of its handlers. */
const workerOf = ({ handlers, ...options }: Record<string, unknown>): WorkerLayer =>
  Worker.layer(options as unknown as WorkerOptions<ReadonlyArray<AnyTask>>).pipe(
    Layer.provide(handlers as Layer.Layer<never, unknown, Ports | Client | Workflows>)
  ) as WorkerLayer

const described =
  "export default a Layer that runs a worker, or { tasks: [...], handlers: Layer, ...options of Worker.layer }"

const layerOf = (exported: unknown): WorkerLayer | undefined => {
  if (Layer.isLayer(exported)) return exported as WorkerLayer
  if (!isObject(exported)) return undefined
  const { handlers, tasks } = exported
  return Array.isArray(tasks) && Layer.isLayer(handlers) ? workerOf(exported) : undefined
}

const reasonOf = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? `${error.name}: ${error.message}`) : String(error)

/** Whether it is the module itself that is not there, and not one that it imports. */
const isMissing = (error: unknown, url: string): boolean =>
  isObject(error) && error["code"] === "ERR_MODULE_NOT_FOUND" && error["url"] === url

/** Loads a user's module and makes a worker of it. TypeScript is run as it is. */
export const loadWorker = Effect.fnUntraced(function* (file: string) {
  const path = yield* Path.Path
  const url = pathToFileURL(path.resolve(file)).href
  const module = yield* Effect.tryPromise({
    try: () => import(url) as Promise<{ readonly default?: unknown }>,
    catch: (error) =>
      new BadFile({
        file,
        why: `cannot be loaded: ${isMissing(error, url) ? "there is no such file" : reasonOf(error)}`
      })
  })
  const layer = layerOf(module.default)
  if (layer === undefined) return yield* new BadFile({ file, why: `has nothing to run: ${described}` })
  return layer
})
