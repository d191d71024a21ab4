import { arch, cpus, release, totalmem } from "node:os"

/** What the figures were taken on. */
export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly system: string
  readonly node: string
  readonly redis: string
  readonly versions: Readonly<Record<string, string>>
}

export const machineOf = (redis: string, versions: Readonly<Record<string, string>>): Machine => ({
  cpu: cpus()[0]?.model ?? "unknown",
  cores: cpus().length,
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  system: `${process.platform} ${release()} ${arch()}`,
  node: process.versions.node,
  redis,
  versions
})

export const machineText = (machine: Machine): string =>
  [
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.system}`,
    [
      `node ${machine.node}`,
      `redis ${machine.redis}`,
      ...Object.entries(machine.versions).map(([name, version]) => `${name} ${version}`)
    ].join(", ")
  ].join("\n")
