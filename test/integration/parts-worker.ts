// A process of its own for tests: works on parts and says which, until it is killed.
import { writeSync } from "node:fs"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redis from "winterq/redis"
import { workOnParts } from "./parts.ts"

const [url, prefix] = process.argv.slice(2) as [string, string]

// a timer holds the process; effects alone do not
setInterval(() => undefined, 1 << 30)
// written at once: what a killed process has buffered is lost
Effect.runFork(
  Layer.launch(workOnParts((what) => writeSync(1, `${what}\n`)).pipe(Layer.provide(Redis.layer({ url, prefix }))))
)
