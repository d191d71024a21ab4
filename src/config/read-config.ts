import * as Cause from "effect/Cause"
import * as Exit from "effect/Exit"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument } from "yaml"
import { ConfigFile, conflictsOf } from "./ConfigFile.ts"
import { ConfigInvalid, type ConfigProblem } from "./ConfigInvalid.ts"
import { keyVariables, type Lookup, type Names, type Override, overridesOf, variablesFor } from "./environment.ts"
import { nearest } from "./nearest.ts"
import { type Settings, settingsOf } from "./Settings.ts"

type Path = ReadonlyArray<PropertyKey>
type Mutable = { [name: string]: unknown }

const isObject = (value: unknown): value is Mutable =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const decode = Schema.decodeUnknownExit(ConfigFile)

/** Keys of the file that may stand where one was not understood. */
const siblingsOf = (path: Path): ReadonlyArray<string> => {
  const above = path
    .slice(0, -1)
    .map((part, i) => (i === 1 && ["queues", "cron"].includes(String(path[0])) ? "*" : part))
  return [
    ...new Set(
      [...keyVariables.map((key) => key.path), ["cron", "*", "name"]]
        .filter((known) => known.length > above.length && above.every((part, i) => known[i] === part))
        .map((known) => known[above.length]!)
    )
  ]
}

const unknownKey = (path: Path): string => {
  const known = siblingsOf(path)
  const meant = nearest(String(path.at(-1)), known)
  return meant === undefined ? `unknown key; known are ${known.join(", ")}` : `unknown key; did you mean ${meant}?`
}

const format = SchemaIssue.makeFormatterStandardSchemaV1({
  leafHook: (issue) => {
    if (issue._tag === "UnexpectedKey") return unexpected
    return issue._tag === "MissingKey" ? "is missing" : SchemaIssue.defaultLeafHook(issue)
  }
})
/** Stands for what only the path can tell. */
const unexpected = "unknown key"

/** Empty sections and values count as left out, as everywhere in YAML. */
const withoutNulls = (value: unknown, path: Path): unknown => {
  if (path[0] === "cron" && path[2] === "payload") return value
  if (Array.isArray(value)) return value.map((item, i) => withoutNulls(item, [...path, i]))
  if (!isObject(value)) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) => {
      const isQueue = path.length === 1 && path[0] === "queues"
      const isPayload = path.length === 2 && path[0] === "cron" && key === "payload"
      if (inner === null && !isPayload) return isQueue ? [[key, {}]] : []
      return [[key, withoutNulls(inner, [...path, key])]]
    })
  )
}

const namesOf = (file: unknown): Names => {
  const root = isObject(file) ? file : {}
  const cron: ReadonlyArray<unknown> = Array.isArray(root["cron"]) ? root["cron"] : []
  return {
    queues: isObject(root["queues"]) ? Object.keys(root["queues"]) : [],
    cron: cron.map((entry) => (isObject(entry) && typeof entry["name"] === "string" ? entry["name"] : ""))
  }
}

const put = (root: Mutable, { path, value }: Override): void => {
  let at: any = root
  for (const part of path.slice(0, -1)) {
    if (typeof at[part] !== "object" || at[part] === null) at[part] = {}
    at = at[part]
  }
  at[path.at(-1)!] = value
}

/** The file with the values of the environment in place. */
const overlaid = (file: unknown, overrides: ReadonlyArray<Override>): unknown => {
  if (!isObject(file)) return file
  const root = structuredClone(file)
  const sets = (key: string) => overrides.some(({ path }) => path.join(".") === key)
  // an address of the environment is not to lose against a URL of the file
  if (sets("redis.addr") && !sets("redis.url") && isObject(root["redis"])) delete root["redis"]["url"]
  for (const override of overrides) put(root, override)
  return root
}

const lineOf = (document: Document, counter: LineCounter, path: Path): number => {
  let node: unknown = document.contents
  let offset = 0
  for (const part of path) {
    if (isAlias(node)) node = node.resolve(document)
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => String(isScalar(key) ? key.value : key) === String(part))
      if (pair === undefined) break
      offset = isScalar(pair.key) ? (pair.key.range?.[0] ?? offset) : offset
      node = pair.value
    } else if (isSeq(node)) {
      const item: unknown = node.items[Number(part)]
      if (isMap(item) || isScalar(item)) offset = item.range?.[0] ?? offset
      node = item
    } else break
  }
  return counter.linePos(offset).line
}

const shownPath = (path: Path): string =>
  path.map((part, i) => (typeof part === "number" ? `[${part}]` : `${i === 0 ? "" : "."}${String(part)}`)).join("")

/** A configuration text, parsed. */
export interface ConfigText {
  readonly source: string
  readonly file: unknown
  readonly problems: ReadonlyArray<ConfigProblem>
  readonly lineOf: (path: Path) => number
  /** The variables of the environment that can set something. */
  readonly variables: ReadonlyArray<string>
}

/** Parses YAML. `source` is what problems are told of: the name of the file. */
export const parseConfig = (source: string, text: string): ConfigText => {
  const counter = new LineCounter()
  const document = parseDocument(text, { lineCounter: counter, merge: true, prettyErrors: false })
  const problems = document.errors.map(({ code, message, pos }): ConfigProblem => ({
    source,
    line: counter.linePos(pos[0]).line,
    key: "",
    message: code === "DUPLICATE_KEY" ? "the same key stands here twice" : message
  }))
  const read = problems.length > 0 ? Result.succeed<unknown>({}) : Result.try((): unknown => document.toJS())
  const file = Result.isSuccess(read) ? withoutNulls(read.success ?? {}, []) : {}
  return {
    source,
    file,
    problems: Result.isSuccess(read)
      ? problems
      : [
          { source, line: 1, key: "", message: read.failure instanceof Error ? read.failure.message : "cannot be read" }
        ],
    lineOf: (path) => lineOf(document, counter, path),
    variables: variablesFor(namesOf(file))
  }
}

/** A file without content: only defaults and the environment. */
export const noConfig: ConfigText = parseConfig("defaults", "")

/**
 * Checks a configuration and fills in its defaults. The environment takes precedence over the file.
 *
 * **Errors** `ConfigInvalid` with everything that is wrong, each with its line or variable.
 */
export const readConfig = (text: ConfigText, lookup: Lookup): Result.Result<Settings, ConfigInvalid> => {
  const { file, lineOf: line, problems: unreadable, source } = text
  if (unreadable.length > 0) return Result.fail(new ConfigInvalid({ problems: unreadable }))
  const overrides = overridesOf(lookup, namesOf(file))
  const value = overlaid(file, overrides)
  const problemAt = (path: Path, message: string): ConfigProblem => {
    const key = shownPath(path)
    const override = overrides.find((one) => shownPath(one.path) === key)
    return override === undefined
      ? { source, line: line(path), key, message }
      : { source: override.variable, key: "", message }
  }
  const exit = decode(value, { errors: "all", onExcessProperty: "error" })
  const misfits = Exit.isFailure(exit) ? issuesOf(Cause.squash(exit.cause)) : []
  const problems = [
    ...misfits.map(({ message, path }) => problemAt(path, message === unexpected ? unknownKey(path) : message)),
    ...(isObject(value) ? conflictsOf(value).map(({ message, path }) => problemAt(path, message)) : [])
  ].toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0))
  return Exit.isSuccess(exit) && problems.length === 0
    ? Result.succeed(settingsOf(exit.value))
    : Result.fail(new ConfigInvalid({ problems }))
}

const issuesOf = (error: unknown): ReadonlyArray<{ readonly path: Path; readonly message: string }> =>
  Schema.isSchemaError(error)
    ? format(error.issue).issues.map(({ message, path = [] }) => ({
        message,
        path: path.map((part) => (typeof part === "object" ? part.key : part))
      }))
    : [{ path: [], message: String(error) }]
