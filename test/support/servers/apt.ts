import { execFile } from "node:child_process"
import { access, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { promisify } from "node:util"

const run = promisify(execFile)

const keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"

const isThere = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false
  )

/** Where this Debian gets its own packages from, as apt says. */
const mirror = async (): Promise<string> => {
  const release = await readFile("/etc/os-release", "utf8").catch(() => "")
  const value = (name: string) => new RegExp(`^${name}="?([^"\n]*)"?$`, "m").exec(release)?.[1]
  if (value("ID") !== "debian") throw new Error(`this is ${value("ID") ?? "some system"}, and not Debian`)
  const codename = value("VERSION_CODENAME")
  const format = "$(REPO_URI) $(RELEASE) $(COMPONENT)"
  const { stdout } = await run("apt-get", ["indextargets", "--format", format, "Created-By: Packages"])
  const sources = stdout.split("\n").map((line) => line.split(" "))
  const own = sources.find(([, suite, component]) => suite === codename && component === "main")
  if (own?.[0] === undefined) throw new Error(`apt has no source for ${codename} main`)
  return own[0]
}

/** An apt that knows one suite and no installed package, and keeps all of its state in a folder. */
const privateApt = async (folder: string, suite: string) => {
  for (const name of ["state", "lists/partial", "archives/partial"]) {
    await mkdir(join(folder, name), { recursive: true })
  }
  const signed = (await isThere(keyring)) ? `[signed-by=${keyring}] ` : ""
  await writeFile(join(folder, "sources.list"), `deb ${signed}${await mirror()} ${suite} main\n`)
  await writeFile(join(folder, "status"), "")
  const settings = {
    "Dir::State": join(folder, "state"),
    "Dir::State::lists": join(folder, "lists"),
    "Dir::State::status": join(folder, "status"),
    "Dir::Cache": folder,
    "Dir::Cache::archives": join(folder, "archives"),
    "Dir::Etc::sourcelist": join(folder, "sources.list"),
    "Dir::Etc::sourceparts": "-",
    "Dir::Etc::preferences": "-",
    "Dir::Etc::preferencesparts": "-",
    "Acquire::Languages": "none",
    "Acquire::Retries": "2",
    // otherwise a mirror that cannot be reached is no error
    "APT::Update::Error-Mode": "any",
    // its unprivileged user may not read a folder of ours
    "APT::Sandbox::User": ""
  }
  const options = Object.entries(settings).flatMap(([name, value]) => ["-o", `${name}=${value}`])
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C" }
  return (...args: ReadonlyArray<string>) =>
    run("apt-get", [...options, ...args], { env, timeout: 300_000, maxBuffer: 64 * 1024 * 1024 }).catch(
      ({ message, stderr }: Error & { readonly stderr?: string }) => {
        const said = (stderr ?? "").split("\n").filter((line) => line.startsWith("E: "))
        throw new Error(`apt-get ${args[0]}: ${said.join(" ") || message}`)
      }
    )
}

/** The programs and libraries of a package and of all that it needs, beside those of the system. */
export interface Unpacked {
  readonly root: string
  /** The loader that belongs to the libraries. */
  readonly loader: string
  readonly libraries: ReadonlyArray<string>
}

const find = async (folder: string, matches: (name: string) => boolean): Promise<ReadonlyArray<string>> => {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries.filter(({ name }) => matches(name)).map(({ name, parentPath }) => join(parentPath, name))
}

/**
 * Fetches a package of a Debian suite from the mirror this system uses, and unpacks it into a folder with everything
 * it depends on. Nothing is installed, and the system's own apt is not changed.
 */
export const unpack = async (name: string, suite: string, folder: string): Promise<Unpacked> => {
  const root = join(folder, "root")
  const done = join(folder, "done")
  if (!(await isThere(done))) {
    await rm(folder, { recursive: true, force: true })
    await mkdir(root, { recursive: true })
    const work = join(folder, "apt")
    const apt = await privateApt(work, suite)
    await apt("update")
    await apt("install", "--yes", "--download-only", "--no-install-recommends", name)
    for (const archive of await find(join(work, "archives"), (file) => file.endsWith(".deb"))) {
      await run("dpkg", ["-x", archive, root], { timeout: 60_000 })
    }
    await rm(work, { recursive: true, force: true })
    await writeFile(done, `${name} of ${suite}\n`)
  }
  const [loader] = await find(join(root, "usr/lib"), (file) => /^ld-linux.*\.so\.\d+$/.test(file)).then(async (found) =>
    found.length > 0 ? found : find(root, (file) => /^ld-linux.*\.so\.\d+$/.test(file))
  )
  if (loader === undefined) throw new Error(`no loader among the packages of ${name}`)
  const libraries = await find(root, (file) => /\.so\.\d/.test(file))
  return { root, loader, libraries: [...new Set(libraries.map((file) => join(file, "..")))] }
}
