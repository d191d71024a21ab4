import { execFile } from "node:child_process"
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { basename, join } from "node:path"
import { promisify } from "node:util"

const run = promisify(execFile)

interface Found {
  /** A Python that has grpcio and its tools; absent when there is none. */
  readonly python: string | undefined
  /** Why there is none, for the titles of tests that are skipped; empty when there is one. */
  readonly why: string
}

/** Looks at `WINTERQ_TEST_PYTHON`, then at what is installed. */
export const findPython = async (): Promise<Found> => {
  for (const python of [process.env["WINTERQ_TEST_PYTHON"], "python3", "/usr/bin/python3"]) {
    if (python === undefined) continue
    const works = await run(python, ["-c", "import grpc, grpc_tools.protoc"]).then(
      () => true,
      () => false
    )
    if (works) return { python, why: "" }
  }
  return { python: undefined, why: " (skipped: no python3 with grpcio and grpcio-tools)" }
}

/** Generates Python stubs of a proto file into a folder of their own. */
export const pythonStubs = async (python: string, proto: string, as = basename(proto)) => {
  const folder = await mkdtemp(join(tmpdir(), "winterq-stubs-"))
  // tools of old distributions know no `optional`, which changes nothing on the wire
  const text = (await readFile(proto, "utf8")).replaceAll(/^( *)optional /gm, "$1")
  await writeFile(join(folder, as), text)
  await run(python, [
    "-m",
    "grpc_tools.protoc",
    `-I${folder}`,
    `--python_out=${folder}`,
    `--grpc_python_out=${folder}`,
    as
  ])
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) }
}
