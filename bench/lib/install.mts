import { execFileSync } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

const folder = new URL("../", import.meta.url)

const readJson = (path: string) => {
  const file = new URL(path, folder)
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined
}

const pinned = (): Record<string, string> => readJson("package.json").dependencies

const versionOf = (name: string): string =>
  (readJson(`node_modules/${name}/package.json`) ?? readJson(`../node_modules/${name}/package.json`))?.version

/** The installed versions of what is measured and of what it runs on. */
export const versions = (): Readonly<Record<string, string>> =>
  Object.fromEntries([...Object.keys(pinned()), "effect"].map((name) => [name, versionOf(name)]))

/** Installs the peers as the lock file has them, unless they are there. No install script is needed or run. */
export const installPeers = () => {
  const isThere = ([name, version]: [string, string]) =>
    version.startsWith("file:")
      ? existsSync(new URL(`node_modules/${name}/package.json`, folder))
      : readJson(`node_modules/${name}/package.json`)?.version === version
  if (Object.entries(pinned()).every(isThere)) return
  execFileSync("npm", ["ci", "--prefix", fileURLToPath(folder), "--ignore-scripts", "--no-audit", "--no-fund"], {
    stdio: ["ignore", 2, 2]
  })
}
