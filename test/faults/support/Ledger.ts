import { appendFileSync, closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"

/** What happened, as one process saw it. `info`: nobody knows whether it took effect. */
export interface Entry {
  /** Epoch milliseconds. */
  readonly t: number
  readonly proc: string
  readonly op: "enqueue" | "workflow" | "run" | "say"
  readonly phase: "invoke" | "ok" | "fail" | "info"
  readonly job: string
  /** Token of the attempt. */
  readonly fence?: number
  readonly attempt?: number
  readonly note?: string
}

/** An append-only file beside Redis: what handlers did, whatever became of their processes. */
export class Ledger {
  readonly file: string
  private readonly descriptor: number

  constructor(file: string) {
    this.file = file
    // one write call per line, so that lines of several processes do not mix
    this.descriptor = openSync(file, "a")
  }

  add(entry: Omit<Entry, "t" | "proc">): void {
    writeSync(this.descriptor, `${JSON.stringify({ t: Date.now(), proc: String(process.pid), ...entry })}\n`)
  }

  entries(): ReadonlyArray<Entry> {
    const lines = readFileSync(this.file, "utf8").split("\n")
    // the last line may be half there
    return lines.slice(0, -1).map((line) => JSON.parse(line) as Entry)
  }

  of(job: string, op: Entry["op"] = "run"): ReadonlyArray<Entry> {
    return this.entries().filter((entry) => entry.job === job && entry.op === op)
  }

  starts(job: string): ReadonlyArray<Entry> {
    return this.of(job).filter(({ phase }) => phase === "invoke")
  }

  ends(job: string): ReadonlyArray<Entry> {
    return this.of(job).filter(({ phase }) => phase === "ok")
  }

  /** What was written of the job that runs a node of a workflow, whatever its generation. */
  ofNode(workflow: string, node: number, phase: Entry["phase"]): ReadonlyArray<Entry> {
    const prefix = `${workflow}.${node}.`
    return this.entries().filter((entry) => entry.op === "run" && entry.phase === phase && entry.job.startsWith(prefix))
  }

  /** Whether a process has said this. */
  said(note: string): boolean {
    return this.entries().some((entry) => entry.op === "say" && entry.note === note)
  }

  close(): void {
    closeSync(this.descriptor)
  }
}

/** A ledger of a test's own, removed with the scope. */
export const freshLedger = Effect.acquireRelease(
  Effect.sync(() => {
    const folder = mkdtempSync(join(tmpdir(), "winterq-ledger-"))
    const file = join(folder, "ledger.jsonl")
    appendFileSync(file, "")
    return { folder, ledger: new Ledger(file) }
  }),
  ({ folder, ledger }) =>
    Effect.sync(() => {
      ledger.close()
      rmSync(folder, { recursive: true, force: true })
    })
).pipe(Effect.map(({ ledger }) => ledger))
