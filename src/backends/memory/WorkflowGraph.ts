import type { Ended, EpochMillis, Member } from "../../domain/Job.ts"
import { type NodeState, type WorkflowState } from "../../domain/Workflow.ts"
import { memberJobId } from "../../domain/workflow-graph.ts"
import type { MemberEnding } from "../../ports/JobStore.ts"
import type { NewNode, NewWorkflow, NodeRecord, Start, StopCause, WorkflowRecord } from "../../ports/WorkflowStore.ts"

/** A node as it stands. `waiting`: not started; `stopped`: the workflow cancelled it, or did not start it. */
interface Node {
  readonly given: NewNode
  status: "waiting" | "open" | "completed" | "failed" | "cancelled" | "stopped"
  generation: number
  /** How often the workflow had been stopped when the job started, or was redriven. */
  stops: number
  /** Of the latest ending that was told: an earlier one is of no concern any more. */
  sequence: number
  /** Parents that have not ended. */
  left: number
  /** Whether it has set its children free, which it does once, however often it ends. */
  released: boolean
  outcome: Ended | undefined
}

type Told = Pick<MemberEnding, "member" | "ended" | "sequence">

/** One workflow: which of its nodes have ended, and which are next. Every step may be repeated. */
export class WorkflowGraph {
  readonly given: NewWorkflow
  readonly createdAt: EpochMillis
  readonly deadlineAt: EpochMillis | undefined
  readonly nodes: ReadonlyArray<Node>
  /** Nodes whose jobs have not ended. */
  readonly open = new Set<number>()
  /** Of those, the ones that are still to be enqueued. */
  readonly starts = new Set<number>()
  readonly stopped = new Set<number>()
  /** In the order in which they failed. */
  readonly failures = new Set<number>()
  state: WorkflowState = "running"
  stopCause: StopCause | undefined
  reason: string | undefined
  completed = 0
  endedAt: EpochMillis | undefined
  /** How often it was stopped. */
  #stops = 0
  /** Set free by the call under way. */
  #fresh: Array<number> = []

  constructor(given: NewWorkflow, now: EpochMillis) {
    this.given = given
    this.createdAt = now
    this.deadlineAt = given.deadlineMillis === undefined ? undefined : now + given.deadlineMillis
    this.nodes = given.nodes.map((node) => ({
      given: node,
      status: "waiting",
      generation: now,
      stops: 0,
      sequence: 0,
      left: node.parents.length,
      released: false,
      outcome: undefined
    }))
    for (const [number, node] of this.nodes.entries()) if (node.left === 0) this.#start(number, node, now)
  }

  /** Whether it ends, or has ended, by somebody's will. */
  get #isOver(): boolean {
    return this.stopCause === "cancelled" || this.stopCause === "deadline"
  }

  /** Whether nothing revives it. */
  get #isFinal(): boolean {
    return this.#isOver || this.state === "completed"
  }

  #start(number: number, node: Node, generation: number): void {
    node.status = "open"
    node.generation = generation
    node.stops = this.#stops
    node.sequence = 0
    this.open.add(number)
    this.starts.add(number)
    this.#fresh.push(number)
  }

  #withhold(number: number, node: Node): void {
    node.status = "stopped"
    this.open.delete(number)
    this.starts.delete(number)
    this.stopped.add(number)
  }

  /** Sets free the children of a node that has ended. */
  #release(number: number): void {
    const ended = [number]
    for (let parent = ended.pop(); parent !== undefined; parent = ended.pop()) {
      const { given, released } = this.nodes[parent]!
      this.nodes[parent]!.released = true
      for (const child of released ? [] : given.children) {
        const node = this.nodes[child]!
        node.left--
        if (node.left > 0) continue
        if (node.given.job === undefined) {
          node.status = "completed"
          ended.push(child)
        } else if (this.stopCause !== undefined) this.#withhold(child, node)
        else this.#start(child, node, node.generation)
      }
    }
  }

  /** Nodes that were handed out to be started stay so: whether their jobs are stored is for them who stop it to settle. */
  #stop(cause: StopCause, reason: string | undefined): void {
    this.stopCause = cause
    this.reason = reason
    this.#stops++
    for (const number of this.#fresh) if (this.starts.has(number)) this.#withhold(number, this.nodes[number]!)
    this.#fresh = []
  }

  /** Goes on after a redrive: what was stopped on account of the failure is run anew. */
  #revive(): void {
    this.state = "running"
    this.endedAt = undefined
    this.stopCause = undefined
    this.reason = undefined
    for (const number of this.stopped) {
      this.stopped.delete(number)
      this.#start(number, this.nodes[number]!, this.nodes[number]!.generation + 1)
    }
  }

  /** Takes in how a member ended. Answers false when that was known, or is of no concern any more. */
  #take({ ended, member, sequence }: Told): boolean {
    const node = this.nodes[member.node]
    if (node?.given.job === undefined || member.generation !== node.generation || sequence < node.sequence) return false
    if (node.status === "waiting") return false
    const isNews = sequence > node.sequence
    node.sequence = sequence
    const hadFailed = node.status === "failed" || node.status === "cancelled"
    switch (ended._tag) {
      case "Redriven":
        if (node.status !== "failed" || !isNews || this.#isFinal) return false
        this.failures.delete(member.node)
        node.outcome = undefined
        node.status = "open"
        node.stops = this.#stops
        this.open.add(member.node)
        this.#revive()
        return true
      case "Completed":
        if (node.status === "completed") return false
        this.open.delete(member.node)
        this.starts.delete(member.node)
        this.failures.delete(member.node)
        node.status = "completed"
        node.outcome = ended
        this.completed++
        if (hadFailed && !this.#isFinal) this.#revive()
        this.#release(member.node)
        return true
      case "Dead":
      case "Cancelled": {
        if (hadFailed && isNews) {
          // it was redriven in between, and failed again
          node.status = ended._tag === "Dead" ? "failed" : "cancelled"
          node.outcome = ended
          return true
        }
        if (node.status !== "open") return false
        this.open.delete(member.node)
        this.starts.delete(member.node)
        if (ended._tag === "Cancelled" && this.stopCause !== undefined) {
          this.#withhold(member.node, node)
          return true
        }
        if (ended._tag === "Cancelled" && node.stops < this.#stops) {
          // by a stop that a redrive has taken back since
          this.#start(member.node, node, node.generation + 1)
          return true
        }
        node.status = ended._tag === "Dead" ? "failed" : "cancelled"
        node.outcome = ended
        this.failures.add(member.node)
        if (this.given.policy === "continue") this.#release(member.node)
        else if (this.given.policy === "stop" && this.stopCause === undefined) this.#stop("failure", undefined)
        return true
      }
    }
  }

  #end(now: EpochMillis): boolean {
    if (this.state !== "running" || this.open.size > 0) return false
    const hasFailed = this.stopCause !== undefined || (this.failures.size > 0 && this.given.policy !== "continue")
    this.state = this.stopCause === "cancelled" ? "cancelled" : hasFailed ? "failed" : "completed"
    this.endedAt = now
    return true
  }

  advance(
    endings: ReadonlyArray<Told>,
    drive: boolean,
    stop: { readonly cause: "cancelled" | "deadline"; readonly reason: string } | undefined,
    limit: number,
    now: EpochMillis
  ) {
    this.#fresh = []
    const was = this.stopCause
    let repeated = drive
    for (const told of endings) {
      // an ending that took another one's place: what that one led to may not have been carried out
      const hadEnded = (this.nodes[told.member.node]?.sequence ?? 0) > 0
      if (!this.#take(told) || hadEnded) repeated = true
    }
    if (this.state === "running" && !this.#isOver) {
      if (stop !== undefined) this.#stop(stop.cause, stop.reason)
      else if (this.deadlineAt !== undefined && this.deadlineAt <= now) this.#stop("deadline", undefined)
    }
    const stops = this.stopCause !== undefined && (repeated || was !== this.stopCause)
    const ended = this.#end(now)
    const numbers = repeated || stops ? [...this.starts] : this.#fresh.filter((number) => this.starts.has(number))
    return {
      ended,
      reply: {
        state: this.state,
        now,
        starts: numbers.slice(0, limit).map((number) => this.#startOf(number)),
        more: numbers.length > limit,
        stop: stops && this.state === "running"
      }
    }
  }

  #startOf(number: number): Start {
    const { generation, given } = this.nodes[number]!
    return { ...given.job!, member: { workflow: this.given.id, node: number, generation } }
  }

  confirm(started: ReadonlyArray<Member>): void {
    for (const { generation, node } of started) {
      if (this.nodes[node]?.generation === generation) this.starts.delete(node)
    }
  }

  openJobs(from: number, limit: number) {
    const open = this.stopCause === undefined ? [] : [...this.open]
    const page = open.filter((number) => number >= from).toSorted((a, b) => a - b)
    const jobs = page.slice(0, limit).map((number) => ({
      queue: this.nodes[number]!.given.job!.queue,
      jobId: memberJobId(this.given.id, number, this.nodes[number]!.generation)
    }))
    return { jobs, cursor: page.length > limit ? String(page[limit]) : undefined }
  }

  read(): WorkflowRecord {
    const total = this.nodes.filter(({ given }) => given.job !== undefined).length
    const rest = total - this.open.size - this.completed - this.failures.size - this.stopped.size
    const isRunning = this.state === "running"
    return {
      id: this.given.id,
      name: this.given.name,
      state: this.state,
      policy: this.given.policy,
      total,
      waiting: isRunning ? rest : 0,
      open: this.open.size,
      completed: this.completed,
      failed: this.failures.size,
      stopped: this.stopped.size + (isRunning ? 0 : rest),
      createdAt: this.createdAt,
      ...(this.endedAt === undefined ? {} : { endedAt: this.endedAt }),
      ...(this.deadlineAt === undefined ? {} : { deadlineAt: this.deadlineAt }),
      ...(this.stopCause === undefined ? {} : { stopCause: this.stopCause }),
      ...(this.reason === undefined ? {} : { reason: this.reason }),
      ...(this.failures.size === 0 ? {} : { failedNode: [...this.failures][0]! })
    }
  }

  readNodes(from: number, limit: number): ReadonlyArray<NodeRecord> {
    return this.nodes.slice(from, from + limit).map(({ generation, given, status }, i): NodeRecord => {
      const node = from + i
      const state: NodeState = status === "waiting" && this.state !== "running" ? "skipped" : status
      if (given.job === undefined) return { node, state, parents: given.parents }
      const { job, queue } = given.job
      const hasJob = status !== "waiting"
      return {
        node,
        kind: job.kind,
        queue,
        ...(hasJob ? { jobId: memberJobId(this.given.id, node, generation) } : {}),
        state,
        parents: given.parents
      }
    })
  }

  /** When its time is over; never while it runs. */
  get expiresAt(): EpochMillis {
    if (this.endedAt === undefined) return Infinity
    return this.endedAt + (this.state === "failed" ? this.given.retainFailedMillis : this.given.retainMillis)
  }
}
