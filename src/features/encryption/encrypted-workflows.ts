import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { StoreError } from "../../ports/StoreError.ts"
import { type Start, type WorkflowRecord, WorkflowStore } from "../../ports/WorkflowStore.ts"
import type { Place } from "./Keyring.ts"
import { type Sealed, whyNot } from "./Sealed.ts"

type Store = WorkflowStore["Service"]

const nodePlace = (workflow: string, node: number, kind: string): Place => ["node", workflow, node, kind]

const outcomePlace = (workflow: string, node: number): Place => ["outcome", workflow, node]

const stopPlace = (workflow: string): Place => ["stop", workflow]

const openRecord = (sealed: Sealed, record: WorkflowRecord): WorkflowRecord =>
  record.reason === undefined ? record : { ...record, reason: sealed.text(record.reason, stopPlace(record.id)) }

/** A node to be started. Without its key it stays where it is for somebody who has it. */
const openStart = (sealed: Sealed, workflow: string, start: Start): Effect.Effect<Start, StoreError> => {
  const { job, member } = start
  const opened = sealed.open(job.payload, nodePlace(workflow, member.node, job.kind))
  if (opened._tag === "NoKey") {
    return Effect.fail(
      new StoreError({
        operation: "advance",
        reason: "rejected",
        retryable: true,
        cause: new Error(`node ${member.node} of workflow ${workflow} cannot be started ${whyNot(opened)}`)
      })
    )
  }
  // one that was changed is started as it is, and its job dies as undecodable
  const payload = opened._tag === "Opened" ? opened.text : whyNot(opened)
  return Effect.succeed({ ...start, job: { ...job, payload } })
}

export const encryptedWorkflows = (store: Store, sealed: Sealed): Store => {
  const { keyring } = sealed
  return WorkflowStore.of({
    ...store,
    create: (workflow) =>
      store.create({
        ...workflow,
        // it is made from the payloads, and would let anybody check a guess
        fingerprint: keyring.blind(workflow.fingerprint, "fingerprint"),
        nodes: workflow.nodes.map((node, number) => {
          if (node.job === undefined) return node
          const { job, queue } = node.job
          const payload = keyring.seal(job.payload, nodePlace(workflow.id, number, job.kind))
          return { ...node, job: { queue, job: { ...job, payload } } }
        })
      }),
    advance: Effect.fnUntraced(function* ({ endings, id, stop, ...request }) {
      const advance = yield* store.advance({
        ...request,
        id,
        endings: endings.map(({ ended, member, sequence }) => ({
          member,
          sequence,
          ended: ended._tag === "Redriven" ? ended : sealed.sealEnded(ended, outcomePlace(id, member.node))
        })),
        ...(stop === undefined ? {} : { stop: { ...stop, reason: keyring.sealText(stop.reason, stopPlace(id)) } })
      })
      if (Option.isNone(advance)) return advance
      const starts = yield* Effect.forEach(advance.value.starts, (start) => openStart(sealed, id, start))
      return Option.some({ ...advance.value, starts })
    }),
    outcomes: (id, nodes) =>
      Effect.map(store.outcomes(id, nodes), (ends) =>
        ends.map((ended, i) => ended && sealed.openEnded(ended, outcomePlace(id, nodes[i]!)))
      ),
    get: (id) =>
      Effect.map(
        store.get(id),
        Option.map((record) => openRecord(sealed, record))
      ),
    list: (request) =>
      Effect.map(store.list(request), (page) => ({
        ...page,
        workflows: page.workflows.map((record) => openRecord(sealed, record))
      }))
  })
}
