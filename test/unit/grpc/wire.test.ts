import { execFileSync } from "node:child_process"
import { join } from "node:path"
import { createFileRegistry, fromBinary, type FileRegistry } from "@bufbuild/protobuf"
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt"
import { assert, describe, it } from "vitest"

const root = join(import.meta.dirname, "../../..")

const registryOf = (folder: string): FileRegistry =>
  createFileRegistry(
    fromBinary(
      FileDescriptorSetSchema,
      execFileSync(join(root, "node_modules/.bin/buf"), ["build", folder, "--as-file-descriptor-set", "-o", "-"], {
        cwd: root
      })
    )
  )

/** Every call and field, in a line each. */
const lines = (registry: FileRegistry): ReadonlyArray<string> => {
  const all: Array<string> = []
  const service = registry.getService("winter.v1.QueueService")!
  for (const { input, methodKind, name, output } of service.methods) {
    all.push(`rpc ${name} ${methodKind} ${input.typeName} ${output.typeName}`)
    for (const message of [input, output, registry.getMessage("winter.v1.Job")!]) {
      for (const field of message.fields) {
        const type = field.fieldKind === "scalar" ? `scalar ${field.scalar}` : field.fieldKind
        all.push(`${message.typeName}.${field.name} = ${field.number} ${type}`)
      }
    }
  }
  return all
}

describe("the wire", () => {
  it("keeps every name, number and type of the first seven calls", () => {
    const now = lines(registryOf("proto"))
    const first = lines(registryOf("test/integration/grpc"))

    assert.includeMembers([...now], [...first])
    assert.isAbove(first.length, 50)
  })
})
