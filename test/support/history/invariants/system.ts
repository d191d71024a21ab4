import type { Calls } from "../History.ts"
import { type Digest, type JobFacts, memberOf, wasStored } from "../Digest.ts"
import { type Findings, invariant } from "../Finding.ts"
import { countersTell } from "./queues.ts"

type Created = Calls["create"]["args"][0]

const membersOf = (digest: Digest): ReadonlyMap<string, ReadonlyArray<JobFacts>> => {
  const members = new Map<string, Array<JobFacts>>()
  for (const job of digest.jobs) {
    const member = job.placings[0]?.job.member
    if (member !== undefined) members.set(member.workflow, [...(members.get(member.workflow) ?? []), job])
  }
  return members
}

/** A node's parents that are jobs, through joins. */
const jobParents = ({ nodes }: Created, node: number): ReadonlyArray<number> =>
  nodes[node]!.parents.flatMap((parent) =>
    nodes[parent]!.job === undefined ? jobParents({ nodes } as Created, parent) : [parent]
  )

const checkStarts = (created: Created, jobs: ReadonlyArray<JobFacts>, findings: Findings): void => {
  const ofNode = (node: number) => jobs.filter((job) => job.placings[0]?.job.member?.node === node)
  for (const job of jobs) {
    const member = memberOf(job)
    if (member === undefined) continue
    const placed = job.placings.find(({ outcome }) => outcome?._tag === "Enqueued")!
    for (const parent of jobParents(created, member.node)) {
      const parents = ofNode(parent)
      const hasEnded = parents.some(({ cancels, endings, placings }) =>
        created.policy === "continue"
          ? endings.some(({ span }) => span.from < placed.span.until) ||
            cancels.some(({ outcome }) => outcome === "requested") ||
            placings.some((placing) => placing.job.expires !== undefined || placing.outcome?._tag === "Existing")
          : endings.some(({ span, state }) => state === "completed" && span.from < placed.span.until) ||
            parents.some((one) => one.settlings.some(({ outcome }) => outcome === undefined))
      )
      findings.expect(
        hasEnded,
        () => `node ${member.node} of ${created.id} was enqueued before its parent ${parent} had ended`,
        job.name
      )
    }
  }
  for (let node = 0; node < created.nodes.length; node++) {
    const byGeneration = Map.groupBy(ofNode(node).filter(wasStored), (job) => job.placings[0]!.job.member!.generation)
    for (const [generation, same] of byGeneration) {
      findings.expect(
        same.length === 1,
        () => `node ${node} of ${created.id} ran as ${same.length} jobs of generation ${generation}`
      )
      const completions = same.flatMap(({ endings }) => endings.filter(({ state }) => state === "completed"))
      findings.expect(
        completions.length <= 1,
        () => `generation ${generation} of node ${node} of ${created.id} completed ${completions.length} times`
      )
    }
  }
}

/** I12: a step runs when its parents allow, once; nothing that a workflow stops goes on. */
export const workflows = invariant("I12", "workflows", "no workflow was started", (digest, findings) => {
  const members = membersOf(digest)
  const views = new Map(digest.history.final.workflows.map((view) => [view.record.id, view]))
  const isHealed = digest.history.events.some(({ _tag }) => _tag === "Drained")
  for (const call of digest.calls) {
    if (call.op !== "create" || (call.reply as Calls["create"]["reply"] | undefined)?._tag !== "Created") continue
    const [created] = call.args as Calls["create"]["args"]
    const jobs = members.get(created.id) ?? []
    checkStarts(created, jobs, findings)
    const view = views.get(created.id)
    findings.expect(view !== undefined, () => `workflow ${created.id} was created, and is not stored`)
    if (view === undefined || !isHealed) continue
    const { nodes, record } = view
    findings.expect(record.state !== "running", () => `workflow ${created.id} never ended: ${JSON.stringify(nodes)}`)
    if (record.state === "running") continue
    for (const { jobId, node, queue, state } of nodes) {
      if (queue === undefined || jobId === undefined) continue
      const job = digest.queues.get(queue)?.jobs.get(jobId)
      const found = digest.queues.get(queue)?.view?.jobs[jobId]
      const isLive = found !== undefined && !/^(?:completed|cancelled|dead)$/.test(found.state)
      findings.expect(!isLive, () => `workflow ${created.id} has ended, and its job ${jobId} is ${found?.state}`)
      if (state === "completed") {
        const didComplete = job?.endings.some((ending) => ending.state === "completed") === true
        findings.expect(
          didComplete || created.nodes[node]?.job === undefined,
          () => `node ${node} of ${created.id} counts as completed, and its job did not complete`
        )
      }
    }
    if (record.state === "completed" && created.policy !== "continue") {
      const missing = nodes.filter(({ state }) => state !== "completed").map(({ node }) => node)
      findings.expect(
        missing.length === 0,
        () => `workflow ${created.id} completed without nodes ${missing.join(", ")}`
      )
    }
  }
})

/** I13: a tick of a schedule gives one job at most. */
export const ticks = invariant("I13", "one job a tick", "no schedule ticked", (digest, findings) => {
  const first = new Map<string, string>()
  const taken = new Map<string, number>()
  for (const call of digest.calls) {
    if (call.op !== "tick" || call.reply === undefined || call.reply === "moved") continue
    const [{ expected, fire, name, queue, version }] = call.args as Calls["tick"]["args"]
    const tick = `${name}, version ${version}, at ${expected}`
    const times = (taken.get(tick) ?? 0) + 1
    taken.set(tick, times)
    findings.expect(times === 1, () => `the tick of ${tick} was carried out ${times} times`)
    findings.expect(expected <= call.answeredAt, () => `the tick of ${tick} was carried out before its time`)
    if (call.reply !== "fired" || fire === undefined) continue
    // one that comes again, since its schedule was changed after the store's clock had gone back, finds its job
    const placings = digest.queues.get(queue)?.jobs.get(fire.job.id)?.placings ?? []
    const stored = placings.filter(({ outcome }) => outcome?._tag === "Enqueued").length
    findings.expect(stored <= 1, () => `the tick of ${tick} stored ${stored} jobs`, `${queue}/${fire.job.id}`)
  }
  for (const event of digest.history.events) {
    if (event._tag !== "Ticked") continue
    const tick = `${event.schedule} at ${event.instant}`
    const job = `${event.queue}/${event.jobId}`
    const known = first.get(tick)
    findings.expect(known === undefined || known === job, () => `the tick of ${tick} has two jobs`, job, known ?? job)
    first.set(tick, job)
    const facts = digest.queues.get(event.queue)?.jobs.get(event.jobId)
    const runs = facts === undefined ? 0 : facts.placings.filter(({ outcome }) => outcome?._tag === "Enqueued").length
    findings.expect(runs <= 1, () => `the tick of ${tick} was stored ${runs} times`, job)
  }
})

/** Calls of one process within a second of its time, beyond which it can only be spinning. */
const spinning = 2000

/** I16: nothing happens in silence, nothing breaks unseen, nobody spins. */
export const nothingSilent = invariant("I16", "nothing is silent", "no call was made", (digest, findings) => {
  for (const queue of digest.queues.values()) countersTell(queue, findings)
  const perSecond = new Map<string, number>()
  for (const event of digest.history.events) {
    if (event._tag === "Problem") findings.expect(false, () => `${event.process}: ${event.message}`)
    if (event._tag === "Told") {
      const known = digest.queues.get(event.queue)?.jobs.get(event.jobId)
      findings.expect(
        known !== undefined,
        () => `${event.process} tells of a job that nobody knows`,
        `${event.queue}/${event.jobId}`
      )
    }
    if (event._tag !== "Called") continue
    const second = `${event.process} ${Math.floor(event.at / 1000)}`
    const calls = (perSecond.get(second) ?? 0) + 1
    perSecond.set(second, calls)
    if (calls === spinning) findings.expect(false, () => `${event.process} made ${spinning} calls within a second`)
    else findings.checked++
  }
})

/** I17: while a store is not fit to be written to, nobody writes. */
export const failClosed = invariant("I17", "fail closed", "no store was ever unsuitable", (digest, findings) => {
  const unfit = new Map<string, string>()
  const made = new Map<number, string>()
  for (const event of digest.history.events) {
    if (event._tag === "Unsuitable") {
      if (event.reason === undefined) unfit.delete(event.process)
      else {
        unfit.set(event.process, event.reason)
        findings.checked++
      }
    } else if (event._tag === "Called") {
      const reason = unfit.get(event.process)
      if (reason !== undefined) made.set(event.call, reason)
    } else if (event._tag === "Answered") {
      const reason = made.get(event.call)
      if (reason !== undefined)
        findings.expect(false, () => `${event.process}: ${event.op} was carried out on a store that is ${reason}`)
    }
  }
})
