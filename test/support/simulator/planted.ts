import { execFile } from "node:child_process"
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"

/** A bug as it could have been made: other text at places of `src` that occur once. */
interface Planted {
  readonly name: string
  /** One of the invariants that must break. */
  readonly breaks: string
  /** Few seeds are enough, so that every run of the tests can afford it. */
  readonly quick?: true
  readonly edits: ReadonlyArray<readonly [file: string, from: string, to: string]>
}

const memory = (file: string) => `backends/memory/${file}.ts`

export const planted: ReadonlyArray<Planted> = [
  {
    name: "a settlement is accepted without looking at its token",
    breaks: "I5",
    quick: true,
    edits: [
      [memory("lifecycle"), "settlement.token === 0 || record.token !== settlement.token", "settlement.token === 0"]
    ]
  },
  {
    name: "a rescue does not renew the token",
    breaks: "I7",
    quick: true,
    edits: [
      [memory("lifecycle"), "    record.token = 0\n", ""],
      [memory("store"), "record.token = queue.nextToken(now)", "record.token ||= queue.nextToken(now)"]
    ]
  },
  {
    name: "a join counts endings instead of remembering who ended",
    breaks: "I12",
    quick: true,
    edits: [
      [memory("WorkflowGraph"), 'if (node.status === "completed") return false', ""],
      [memory("WorkflowGraph"), "released ? [] : given.children", "given.children"]
    ]
  },
  {
    name: "a settlement is applied twice",
    breaks: "I7",
    quick: true,
    edits: [
      [
        memory("lifecycle"),
        'if (record.state !== "active") return "repeated"',
        'if (record.state === "completed") {\n    queue.counters.completed++\n    queue.tellEnded(record, now)\n    return "settled"\n  }\n  if (record.state !== "active") return "repeated"'
      ]
    ]
  },
  {
    name: "one claim is handed to two workers",
    breaks: "I7",
    quick: true,
    edits: [
      [memory("store"), "queue.claims.get(worker)", 'queue.claims.get("")'],
      [memory("store"), "queue.claims.set(worker,", 'queue.claims.set("",']
    ]
  },
  {
    name: "an enqueue is answered and not stored",
    breaks: "I1",
    quick: true,
    edits: [[memory("store"), "  queue.add(record)\n", "  if (queue.jobs.size % 7 !== 6) queue.add(record)\n"]]
  },
  {
    name: "a lease is taken back before it ends",
    breaks: "I6",
    edits: [[memory("lifecycle"), "expired.score > now)", "expired.score > now + 500)"]]
  },
  {
    name: "a lease that is taken back is not told",
    breaks: "I6",
    edits: [[memory("lifecycle"), "      rescued.push(record.new.id)\n", ""]]
  },
  {
    name: "a job that kills its workers is tried for ever",
    breaks: "I2",
    edits: [[memory("lifecycle"), 'next.state === "dead") {\n      bury', "record.attempt > 1000) {\n      bury"]]
  },
  {
    name: "a job is completed before its handler runs",
    breaks: "I2",
    edits: [
      [
        "features/worker/run-attempt.ts",
        '  attempt.phase = "running"\n',
        '  attempt.phase = "running"\n  lane.outgoing.push({ _tag: "Complete", ...held })\n'
      ]
    ]
  },
  {
    name: "pruning does not look at the state",
    breaks: "I1",
    edits: [
      [
        memory("store"),
        "[completed, cancelled]) drop(index, (expiry)",
        "[completed, cancelled, queue.indexes.retry]) drop(index, (expiry)"
      ]
    ]
  },
  {
    name: "a dead job keeps its unique key",
    breaks: "I11",
    edits: [
      [
        memory("lifecycle"),
        "  queue.freeKey(record)\n  record.cancelRequested = undefined\n  record.deadReason",
        "  record.cancelRequested = undefined\n  record.deadReason"
      ]
    ]
  },
  {
    name: "a limit on active jobs is not looked at",
    breaks: "I10",
    edits: [
      [
        memory("store"),
        "Math.max(0, (queue.maxActive ?? Infinity) - queue.indexes.active.size)",
        "queue.maxActive ?? Infinity"
      ]
    ]
  },
  {
    name: "a start takes no token of its rate",
    breaks: "I10",
    edits: [
      [memory("PendingIndex"), "bucket.tokens = this.#tokens(kind, now) - 1", "bucket.tokens = this.#tokens(kind, now)"]
    ]
  },
  {
    name: "endings that nobody told are not handed out again",
    breaks: "I12",
    edits: [[memory("Outbox"), "entry.due <= now)", "entry.due < 0)"]]
  },
  {
    name: "the last enqueued goes first",
    breaks: "I9",
    edits: [[memory("QueueState"), "2 ** 40 + record.sequence", "2 ** 40 - record.sequence"]]
  },
  {
    name: "notes are written without looking at the token",
    breaks: "I5",
    edits: [[memory("holding"), "const record = held(queue, request)", "const record = queue.jobs.get(request.jobId)"]]
  },
  {
    name: "a lease is extended without looking at the token",
    breaks: "I5",
    edits: [[memory("holding"), "const record = held(queue, lease)", "const record = queue.jobs.get(lease.jobId)"]]
  },
  {
    name: "a member that has ended is forgotten at once",
    breaks: "I7",
    edits: [[memory("store"), "queue.outbox.knows(job.id, now)", "false"]]
  },
  {
    name: "a tick does not look at what its schedule expects",
    breaks: "I13",
    edits: [[memory("schedules"), " || found.next !== expected", ""]]
  },
  {
    name: "a stale settlement is refused in silence",
    breaks: "I16",
    edits: [[memory("lifecycle"), '    queue.counters.stale++\n    return "stale"', '    return "stale"']]
  },
  {
    name: "a job that ends is counted twice",
    breaks: "I8",
    edits: [[memory("lifecycle"), "queue.counters[state]++", "queue.counters[state] += 2"]]
  }
]

const root = join(import.meta.dirname, "../../..")

/** Edits that the sources do not hold once any more; such a bug must be planted anew. */
export const outdated = async (): Promise<ReadonlyArray<string>> => {
  const found: Array<string> = []
  for (const { edits, name } of planted) {
    for (const [file, from] of edits) {
      const text = await readFile(join(root, "src", file), "utf8")
      if (text.split(from).length !== 2) found.push(`${name}: ${file} does not hold this once: ${from}`)
    }
  }
  return found
}

/** Runs seeds on a copy of the sources that has the bug; answers what the simulator says, nothing when it finds none. */
export const findPlanted = async ({ edits }: Planted, runs: number): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), "winterq-planted-"))
  const copied = ["src", "test/support/history", "test/support/simulator", "scripts/simulate.mts", "package.json"]
  try {
    for (const path of copied) await cp(join(root, path), join(folder, path), { recursive: true })
    await symlink(join(root, "node_modules"), join(folder, "node_modules"))
    for (const [file, from, to] of edits) {
      const path = join(folder, "src", file)
      const text = await readFile(path, "utf8")
      if (text.split(from).length !== 2) throw new Error(`${file} does not hold this once: ${from}`)
      await writeFile(
        path,
        text.replace(from, () => to)
      )
    }
    return await new Promise<string>((resolve) => {
      const args = [join(folder, "scripts/simulate.mts"), "--stop", "--runs", String(runs)]
      execFile(process.execPath, args, { timeout: 300_000 }, (error, out, err) =>
        resolve(error === null ? "" : `${out}${err}`)
      )
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
