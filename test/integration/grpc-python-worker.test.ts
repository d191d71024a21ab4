import { execFile } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { promisify } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { QueueService } from "../../src/grpc/gen/winter/v1/queue_service_pb.ts"
import { backends, connect, json, serve } from "../support/grpc.ts"
import { findPython, pythonStubs } from "../support/python.ts"

const root = join(import.meta.dirname, "../..")
const file = join(root, "examples/python-worker/worker.py")
const proto = join(root, "proto/winter/v1/queue_service.proto")
const run = promisify(execFile)
const { python, why } = await findPython()

const expected = (): ReadonlyArray<string> =>
  readFileSync(file, "utf8").split("\n# Output:\n")[1]!.trim().replaceAll(/^# /gm, "").split("\n")

describe("the worker in Python", () => {
  for (const [backend, layer] of backends) {
    it.live.skipIf(python === undefined)(`prints what it says, on ${backend}${why}`, () =>
      Effect.gen(function* () {
        const { address } = yield* serve(layer(), { tokens: [Redacted.make("secret")] })
        const client = yield* connect(address)
        const metadata = { authorization: "Bearer secret" }
        const texts = { one: "hello world", two: "", three: "five words are in this" }
        const jobs = Object.entries(texts).map(([jobId, text]) => ({
          ...{ kind: "count", jobId, maxRetries: 2 },
          payload: json(JSON.stringify({ text }))
        }))
        yield* client.call(QueueService.method.enqueueBatch, { queue: "reports", jobs }, { metadata })

        const printed = yield* Effect.acquireUseRelease(
          Effect.promise(() => pythonStubs(python!, proto)),
          ({ folder }) =>
            Effect.promise(() =>
              run(python!, [file, address, "secret"], { timeout: 40_000, env: { ...process.env, PYTHONPATH: folder } })
            ),
          ({ remove }) => Effect.promise(remove)
        )

        assert.deepStrictEqual(printed.stdout.trim().split("\n"), expected())
      }).pipe(Effect.scoped)
    )
  }
})
