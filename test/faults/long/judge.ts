import type { Job } from "winterq"
import type { Entry } from "../support/Ledger.ts"
import { leaseMillis } from "./fleet.ts"

/** What was found at the end of a run. */
export interface Verdict {
  readonly figures: Readonly<Record<string, number>>
  /** Each breaks the promise. */
  readonly violations: ReadonlyArray<string>
}

/** A job as Redis has it in the end; nothing when it is not stored. */
export type Final = Pick<Job, "state" | "attempt" | "rescues" | "snoozes" | "deadReason"> | undefined

interface History {
  note: string
  accepted: boolean
  refused: boolean
  unknown: boolean
  outcome: string
  readonly runs: Map<number, Run>
}

interface Run {
  readonly fence: number
  readonly startedAt: number
  readonly attempt: number
  readonly proc: string
  end: Entry | undefined
}

const newHistory = (note = ""): History => ({
  note,
  accepted: false,
  refused: false,
  unknown: false,
  outcome: "",
  runs: new Map()
})

const gather = (entries: ReadonlyArray<Entry>) => {
  const jobs = new Map<string, History>()
  const workflows = new Map<string, History>()
  const violations: Array<string> = []
  for (const entry of entries) {
    if (entry.op === "enqueue" || entry.op === "workflow") {
      const all = entry.op === "enqueue" ? jobs : workflows
      const history = all.get(entry.job) ?? newHistory(entry.note)
      all.set(entry.job, history)
      if (entry.phase === "info") history.unknown = true
      if (entry.phase === "fail") history.refused = true
      if (entry.phase === "ok") {
        history.accepted = true
        history.outcome = entry.note ?? ""
      }
    } else if (entry.op === "run") {
      const history = jobs.get(entry.job) ?? newHistory("member")
      jobs.set(entry.job, history)
      const fence = entry.fence!
      const run = history.runs.get(fence)
      if (entry.phase === "invoke") {
        if (run !== undefined) violations.push(`${entry.job} was started twice with token ${fence}`)
        history.runs.set(fence, {
          fence,
          startedAt: entry.t,
          attempt: entry.attempt!,
          proc: entry.proc,
          end: undefined
        })
      } else if (run === undefined) violations.push(`${entry.job} ended with token ${fence}, with which none started`)
      else if (run.end?.phase !== "ok") run.end = entry
    }
  }
  return { jobs, workflows, violations }
}

/** Whether an attempt was given up in a way that makes the next one right. */
const handsOn = (run: Run): boolean => run.end?.phase === "fail"

/** Tokens grow by 1024 in a millisecond of the server's clock, and no faster than jobs are claimed. */
const claimedAt = ({ fence }: Run): number => fence / 1024

/** `slackMillis`: how much the clock of this machine was set back and forth, and a little more for full milliseconds. */
const checkRuns = (
  id: string,
  { note, runs, unknown }: History,
  slackMillis: number,
  say: (problem: string) => void
) => {
  const written = [...runs.values()]
  const ordered = written.toSorted((a, b) => a.fence - b.fence)
  for (const [i, run] of written.entries()) {
    if (run !== ordered[i]) say(`${id}: a run was started after one that had its lease later`)
  }
  let repeats = 0
  let crashes = 0
  let anew = 0
  for (const [i, run] of ordered.entries()) {
    const before = ordered[i - 1]
    if (before === undefined) continue
    if (handsOn(before)) continue
    // nothing is kept of it, so a caller who does not know whether it was stored stores it anew
    if (note === "chore" && unknown && run.attempt === 1) {
      anew++
      continue
    }
    // it died, or its end was not accepted: then its lease has run out first
    if (before.end === undefined) crashes++
    else repeats++
    const gap = claimedAt(run) - claimedAt(before)
    if (gap < leaseMillis - slackMillis)
      say(
        `${id}: claimed again after ${Math.round(gap)} ms, while a lease is ${leaseMillis} ms: ${note}, ${JSON.stringify([before, run])}`
      )
  }
  return {
    repeats,
    crashes,
    anew,
    first: ordered[0],
    count: ordered.length,
    ends: ordered.filter((run) => run.end?.phase === "ok")
  }
}

/** The steps of workflows by number, with those that come before. */
const edges: Readonly<Record<string, ReadonlyArray<readonly [parents: ReadonlyArray<number>, child: number]>>> = {
  chain: [
    [[0], 1],
    [[1], 2]
  ],
  chord: [[[0, 1, 2, 3], 4]]
}

const mayDie: Readonly<Record<string, ReadonlyArray<string | undefined>>> = {
  // its last attempt may be one that is killed
  fail: ["exhausted", "crashed"],
  exit: ["crashed"]
}

/** Holds what processes wrote down against what Redis has in the end, job by job. */
export const judge = (
  entries: ReadonlyArray<Entry>,
  finals: ReadonlyMap<string, Final>,
  workflowStates: ReadonlyMap<string, string>,
  slackMillis: number
): Verdict => {
  const { jobs, violations, workflows } = gather(entries)
  const say = (problem: string) => void violations.push(problem)
  const figures: Record<string, number> = {
    accepted: 0,
    "accepted, after an unknown outcome": 0,
    duplicates: 0,
    "refused for want of memory": 0,
    unknown: 0,
    "unknown, and run": 0,
    workflows: 0,
    completed: 0,
    dead: 0,
    attempts: 0,
    "run again after a crash": 0,
    "run again after a lost settlement": 0,
    "stored anew by a caller who did not know": 0,
    lost: 0,
    unexpected: 0
  }
  const add = (name: string, by = 1) => {
    figures[name] = (figures[name] ?? 0) + by
  }

  for (const [id, history] of jobs) {
    const { accepted, note, outcome, refused, unknown } = history
    const isMember = note === "member"
    const seen = checkRuns(id, history, slackMillis, say)
    add("attempts", seen.count)
    add("run again after a crash", seen.crashes)
    add("run again after a lost settlement", seen.repeats)
    add("stored anew by a caller who did not know", seen.anew)
    if (refused) add("refused for want of memory")
    if (isMember && ![...workflows.keys()].some((workflow) => id.startsWith(`${workflow}.`))) {
      add("unexpected")
      say(`${id} ran and was never enqueued`)
    }
    if (outcome === "duplicate") {
      add("duplicates")
      if (seen.count > 0 && !unknown) say(`${id} was answered as a duplicate, and ran`)
      continue
    }
    if (outcome === "conflict") say(`${id} was answered as a conflict with itself`)
    if (!accepted && !isMember) {
      add("unknown")
      if (seen.count > 0) add("unknown, and run")
    }
    if (accepted) add("accepted")
    if (accepted && unknown) add("accepted, after an unknown outcome")
    if (!accepted && !isMember && seen.count === 0) continue

    const final = finals.get(id)
    const isKept = note !== "chore"
    if (final === undefined) {
      if (isKept || seen.ends.length === 0) {
        add("lost")
        say(`${id} (${note}) is lost: not stored, ${seen.count} runs, ${seen.ends.length} ended`)
      } else add("completed")
      continue
    }
    if (final.state === "dead") {
      add("dead")
      if (mayDie[note]?.includes(final.deadReason) !== true) say(`${id} (${note}) is dead: ${final.deadReason}`)
    } else if (final.state === "completed") {
      add("completed")
      if (seen.ends.length === 0) say(`${id} is completed, and no handler ended`)
    } else {
      add("lost")
      say(`${id} (${note}) has not ended: ${final.state}`)
    }
    const released = [...history.runs.values()].filter((run) => run.end?.note === "interrupted").length
    if (seen.count > final.attempt + final.snoozes + released) {
      say(`${id} was started ${seen.count} times in ${final.attempt} attempts and ${final.snoozes} snoozes`)
    }
  }

  for (const [id, { accepted, note }] of workflows) {
    if (!accepted) continue
    add("workflows")
    const state = workflowStates.get(id)
    if (state !== "completed") say(`workflow ${id} (${note}) is ${state ?? "not stored"}`)
    const nodes = new Map<number, string>()
    for (const [jobId] of jobs) {
      if (!jobId.startsWith(`${id}.`)) continue
      const node = Number(jobId.slice(id.length + 1).split(".")[0])
      if (nodes.has(node)) say(`workflow ${id}: node ${node} ran as ${nodes.get(node)} and as ${jobId}`)
      nodes.set(node, jobId)
    }
    // a step starts when all before it have ended
    for (const [parents, child] of edges[note]!) {
      const started = [...(jobs.get(nodes.get(child) ?? "")?.runs.values() ?? [])][0]
      if (started === undefined) say(`workflow ${id}: step ${child} never ran`)
      for (const parent of parents) {
        const runs = [...(jobs.get(nodes.get(parent) ?? "")?.runs.values() ?? [])]
        // one that was held up beyond its lease ends long after another has ended in its place
        const endedAt = Math.min(...runs.flatMap(({ end }) => (end?.phase === "ok" ? [end.t] : [])))
        if (endedAt === Infinity) say(`workflow ${id}: step ${parent} never ended`)
        else if (started !== undefined && started.startedAt < endedAt) {
          say(`workflow ${id}: step ${child} ran before ${parent} had ended`)
        }
      }
    }
  }
  return { figures, violations }
}
