import { execFileSync } from "node:child_process"
import { existsSync, readFileSync } from "node:fs"
import { fileURLToPath } from "node:url"

const bench = new URL("../", import.meta.url)

/** What needs versions of its own of what the others share. */
const apart = new URL("peers/effect-mq/", bench)

const readJson = (folder: URL, path: string) => {
  const file = new URL(path, folder)
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined
}

const pinned = (folder: URL): Record<string, string> => readJson(folder, "package.json").dependencies

const versionOf = (folder: URL, name: string): string | undefined =>
  (readJson(folder, `node_modules/${name}/package.json`) ?? readJson(folder, `../node_modules/${name}/package.json`))
    ?.version

const versionsIn = (folder: URL, names: ReadonlyArray<string>) =>
  Object.fromEntries(names.map((name) => [name, versionOf(folder, name) ?? "?"]))

/** The installed versions of what is measured and of what it runs on. */
export const versions = (): Readonly<Record<string, string>> => ({
  ...versionsIn(bench, [...Object.keys(pinned(bench)), "effect"]),
  ...versionsIn(apart, ["effect-mq"])
})

/** Installs the peers as the lock files have them, unless they are there. No install script is needed or run. */
export const installPeers = () => {
  for (const folder of [bench, apart]) {
    const isThere = ([name, version]: [string, string]) =>
      version.startsWith("file:")
        ? existsSync(new URL(`node_modules/${name}/package.json`, folder))
        : readJson(folder, `node_modules/${name}/package.json`)?.version === version
    if (Object.entries(pinned(folder)).every(isThere)) continue
    execFileSync("npm", ["ci", "--prefix", fileURLToPath(folder), "--ignore-scripts", "--no-audit", "--no-fund"], {
      stdio: ["ignore", 2, 2]
    })
  }
}
