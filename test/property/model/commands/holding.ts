import { assert } from "@effect/vitest"
import * as Store from "../../../../src/ports/JobStore.ts"
import { canPick, command, countLate, type Pick, pickToken, show } from "./command.ts"

export const extend = ([picks, leaseMillis]: readonly [ReadonlyArray<Pick>, number]) =>
  command(
    `extend ${show(picks)} by ${leaseMillis}`,
    async (model, real) => {
      const leases = picks.map((pick) => pickToken(model, pick))
      const late = countLate(model, leases)
      const request = { queue: real.queue, worker: "w1", leases, leaseMillis }
      const statuses = await real.ask(
        Store.JobStore.use((store) => store.extendLeases(request)),
        "extend",
        request
      )
      assert.deepStrictEqual(statuses, model.extend(leases, leaseMillis))
      for (const status of statuses) real.tally(`extended ${status}`)
      real.tally("extended after the lease", late)
      return leases.map(({ jobId }) => jobId)
    },
    (model) => picks.every((pick) => canPick(model, pick))
  )

export interface Notes {
  readonly progress?: string
  /** `ahead` counts from the lines that the attempt has added: behind it is a repetition, before it is a gap. */
  readonly logs?: { readonly ahead: number; readonly lines: ReadonlyArray<string> }
}

/** Sent `times` times, as when replies are lost. */
export const annotate = ([pick, { logs, progress }, times]: readonly [Pick, Notes, number]) =>
  command(
    `annotate ${show(pick)} ${show({ progress, logs })} ${times}`,
    async (model, real) => {
      const held = pickToken(model, pick)
      const from = Math.max(0, model.logged(held) + (logs?.ahead ?? 0))
      const added = logs && { from, lines: logs.lines }
      const notes = { ...(progress === undefined ? {} : { progress }), ...(added === undefined ? {} : { logs: added }) }
      const request = { queue: real.queue, ...held, ...notes }
      for (let i = 0; i < times; i++) {
        const reply = await real.ask(
          Store.JobStore.use((store) => store.annotate(request)),
          "annotate",
          request
        )
        const before = model.logged(held)
        assert.strictEqual(reply, model.annotate(held, progress, added))
        const fresh = model.logged(held) - before
        real.tally(`annotated ${reply}`)
        if (reply && progress !== undefined) real.tally("progress")
        if (fresh > 0) real.tally("lines added")
        if (reply && fresh < (logs?.lines.length ?? 0)) real.tally("lines repeated")
        if (model.jobs.get(held.jobId)?.log.lines.length === 100) real.tally("log is full")
      }
      return [held.jobId]
    },
    (model) => canPick(model, pick)
  )
