import { execFile } from "node:child_process"
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"

const root = join(import.meta.dirname, "../..")

interface Row {
  readonly from: string
  readonly may: ReadonlyArray<string>
  readonly mayNot: ReadonlyArray<string>
}

/** Who may import whom. A file of each folder, and what it may and may not import. */
const table: ReadonlyArray<Row> = [
  {
    from: "src/index.ts",
    may: ["./domain/Job.ts", "./ports/JobStore.ts", "./features/client/Client.ts"],
    mayNot: ["./backends/memory/index.ts", "./testing/index.ts", "ioredis", "winterq/memory", "effect"]
  },
  {
    from: "src/domain/Job.ts",
    may: ["./limits.ts", "effect/Schema", "effect/Data", "effect/Result", "effect/Option", "effect/Duration"],
    mayNot: [
      ...["../ports/JobStore.ts", "../features/client/Client.ts", "../backends/memory/index.ts", "../index.ts"],
      ...["effect", "effect/Effect", "effect/Layer", "effect/Context", "effect/Clock", "effect/Random"],
      ...["node:crypto", "ioredis", "cron-parser"]
    ]
  },
  {
    from: "src/domain/Cron.ts",
    may: ["./Job.ts", "cron-parser", "effect/Schema"],
    mayNot: ["../ports/JobStore.ts", "effect/Effect", "node:fs", "ioredis"]
  },
  {
    from: "src/ports/JobStore.ts",
    may: ["./StoreError.ts", "../domain/Job.ts", "effect/Effect", "effect/Context"],
    mayNot: [
      ...["../features/client/Client.ts", "../backends/redis/index.ts", "../testing/index.ts", "../index.ts"],
      ...["ioredis", "node:fs", "effect"]
    ]
  },
  {
    from: "src/features/worker/Worker.ts",
    may: ["./claim-loop.ts", "../client/Client.ts", "../../ports/JobStore.ts", "../../domain/Job.ts", "effect/Effect"],
    mayNot: [
      ...["../client/prepare.ts", "../client/inner/Client.ts", "../../features/client/prepare.ts"],
      ...["../../backends/memory/index.ts", "../../testing/index.ts", "../../index.ts"],
      ...["ioredis", "winterq/redis", "effect"]
    ]
  },
  {
    from: "src/backends/memory/store.ts",
    may: ["./lifecycle.ts", "../../ports/JobStore.ts", "../../domain/Job.ts", "effect/Effect"],
    mayNot: [
      "../../features/client/Client.ts",
      "../redis/keys.ts",
      "../../testing/index.ts",
      "../../index.ts",
      "ioredis"
    ]
  },
  {
    from: "src/backends/redis/scripts/index.ts",
    may: ["./sources.gen.ts", "../keys.ts", "../../../ports/JobStore.ts", "ioredis", "effect/Effect"],
    mayNot: ["../../../features/client/Client.ts", "../../memory/index.ts", "../../../index.ts", "effect"]
  },
  {
    from: "src/grpc/handlers/jobs.ts",
    may: [
      ...["../status.ts", "../../features/client/Client.ts", "../../ports/JobStore.ts", "../../domain/Job.ts"],
      ...["@grpc/grpc-js", "@bufbuild/protobuf", "node:http2", "effect/Effect"]
    ],
    mayNot: [
      ...["../../features/client/prepare.ts", "../../backends/redis/index.ts", "../../testing/index.ts"],
      ...["../../index.ts", "ioredis", "winterq/redis", "effect"]
    ]
  },
  {
    from: "src/config/Config.ts",
    may: ["./ConfigFile.ts", "../domain/limits.ts", "effect/Schema", "yaml"],
    mayNot: [
      "../ports/JobStore.ts",
      "../features/client/Client.ts",
      "../cli/flags.ts",
      "../index.ts",
      "node:fs",
      "effect"
    ]
  },
  {
    from: "src/cli/commands/status.ts",
    may: ["../output.ts", "../../features/inspector/Inspector.ts", "../../ports/JobStore.ts", "effect/cli/Command"],
    mayNot: ["../../backends/redis/index.ts", "../../testing/index.ts", "../../index.ts", "ioredis", "yaml", "effect"]
  },
  {
    from: "src/cli/run.ts",
    may: ["./root.ts", "../backends/redis/index.ts", "@effect/platform-node/NodeRuntime", "effect/Effect"],
    mayNot: ["../backends/memory/index.ts", "../index.ts", "ioredis", "effect"]
  },
  {
    from: "src/testing/index.ts",
    may: ["../domain/Job.ts", "../ports/JobStore.ts", "../features/worker/Worker.ts", "fast-check"],
    mayNot: ["../backends/memory/index.ts", "ioredis", "winterq/memory", "vitest", "@effect/vitest"]
  },
  {
    from: "src/testing/vitest.ts",
    may: ["../ports/JobStore.ts", "./layer.ts", "vitest"],
    mayNot: ["../backends/memory/index.ts", "winterq/memory"]
  },
  {
    from: "src/testing/contract/lease.ts",
    may: ["../../ports/JobStore.ts", "../../features/worker/Worker.ts", "@effect/vitest"],
    mayNot: [
      ...["../../backends/memory/index.ts", "../../../src/ports/JobStore.ts", "../../index.ts"],
      ...["winterq", "winterq/memory", "winterq/redis", "ioredis", "effect"]
    ]
  },
  {
    from: "examples/demo.ts",
    may: ["winterq", "winterq/redis", "effect", "node:util"],
    mayNot: ["../src/index.ts", "../dist/index.js"]
  },
  {
    from: "bench/contenders/winterq.mts",
    may: ["winterq", "../lib/redis.mts"],
    mayNot: ["../../src/index.ts", "../../dist/index.js"]
  }
]

/** Per file of src, a line that must be reported, by which rule. */
const banned: ReadonlyArray<readonly [file: string, rule: string, code: string]> = [
  ["src/domain/now.ts", "no-restricted-properties", "export const now = () => Date.now()"],
  ["src/ports/random.ts", "no-restricted-properties", "export const random = () => Math.random()"],
  ["src/features/x/env.ts", "no-process-env", "export const env = () => process.env"],
  ["src/features/x/timer.ts", "no-restricted-globals", "export const wait = () => setTimeout(() => {}, 1)"],
  ["src/backends/memory/promise.ts", "no-async-await", "export const none = async () => {}"],
  ["src/backends/redis/failure.ts", "no-try", "export const parse = () => { try { JSON.parse('') } finally {} }"],
  ["src/features/x/old.ts", "no-function-in-assignment", "export const set = (o) => { o.f = () => o }"],
  ["src/backends/redis/one.ts", "no-cycle", 'export * from "./two.ts"'],
  ["src/backends/redis/two.ts", "no-cycle", 'export * from "./one.ts"'],
  ["src/features/x/long.ts", "max-lines", "export {}\n".repeat(501)],
  ["test/unit/long.test.ts", "max-lines", "export {}\n".repeat(601)]
]

interface Finding {
  readonly code: string
  readonly message: string
  readonly filename: string
}

let folder: string
let findings: ReadonlyArray<Finding>

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "winterq-lint-"))
  const write = async (file: string, text: string) => {
    await mkdir(dirname(join(folder, file)), { recursive: true })
    await writeFile(join(folder, file), text)
  }
  await mkdir(join(folder, "scripts"))
  await cp(join(root, "scripts/oxlint-plugin.mjs"), join(folder, "scripts/oxlint-plugin.mjs"))
  // the table needs no types, and the fixtures import what is not there
  const config = await readFile(join(root, ".oxlintrc.json"), "utf8")
  await write(".oxlintrc.json", config.replace('"typeAware": true', '"typeAware": false'))
  for (const { from, may, mayNot } of table) {
    await write(from, [...may, ...mayNot].map((module) => `import type {} from "${module}"\n`).join(""))
  }
  for (const [file, , code] of banned) await write(file, `${code}\n`)
  findings = await new Promise((resolve, reject) => {
    const command = join(root, "node_modules/oxlint/bin/oxlint")
    execFile(process.execPath, [command, "--format=json"], { cwd: folder, timeout: 30_000 }, (_, out, err) => {
      if (out.startsWith("{")) resolve((JSON.parse(out) as { diagnostics: ReadonlyArray<Finding> }).diagnostics)
      else reject(new Error(`oxlint gave no findings: ${out}${err}`))
    })
  })
})

afterAll(() => rm(folder, { recursive: true, force: true }))

const reported = (file: string, rule: string): ReadonlyArray<string> =>
  findings.filter(({ code, filename }) => filename === file && code.endsWith(`(${rule})`)).map(({ message }) => message)

describe("the import table", () => {
  for (const { from, mayNot } of table) {
    it(`${from} imports what its row allows and nothing else`, () => {
      const refused = reported(from, "no-restricted-imports").map((message) => /^'(.*?)'/.exec(message)?.[1])

      assert.deepStrictEqual(refused.toSorted(), [...mayNot].toSorted())
    })
  }
})

describe("the bans", () => {
  for (const [file, rule] of banned) {
    it(`${file} is refused by ${rule}`, () => {
      const messages = reported(file, rule)

      assert.lengthOf(messages, 1)
    })
  }
})
