import { assert } from "@effect/vitest"
import * as Store from "../../../../src/ports/JobStore.ts"
import { QueueControl } from "../../../../src/ports/QueueControl.ts"
import type { JobId } from "../../../../src/domain/Job.ts"
import type { Entries } from "../Entry.ts"
import type { Model } from "../Model.ts"
import { seenEnd } from "../Real.ts"
import { canPick, command, type Pick, pickToken, show } from "./command.ts"

/** The n-th job of those stored, put off, or watched, or the job of a token. */
export type JobPick = { readonly among: "stored" | "put off" | "watched"; readonly n: number } | Pick

const candidates = (model: Readonly<Model>, among: "stored" | "put off" | "watched"): Entries => {
  if (among === "put off") return model.in("scheduled", "retry")
  const stored = [...model.jobs.values()]
  return among === "stored" ? stored : stored.filter(({ watchers }) => watchers.size > 0)
}

const canPickJob = (model: Readonly<Model>, pick: JobPick) =>
  "among" in pick ? candidates(model, pick.among).length > 0 : canPick(model, pick)

const pickJob = (model: Model, pick: JobPick): JobId => {
  if (!("among" in pick)) return pickToken(model, pick).jobId
  const entries = candidates(model, pick.among)
  return entries[pick.n % entries.length]!.job.id
}

export const cancel = ([pick, reason]: readonly [JobPick, string]) =>
  command(
    `cancel ${show(pick)} ${show(reason)}`,
    async (model, real) => {
      const jobId = pickJob(model, pick)
      const before = model.jobs.get(jobId)?.job.state
      const request = { queue: real.queue, jobId, reason }
      const reply = await real.ask(
        Store.JobStore.use((store) => store.cancel(request)),
        "cancel",
        request
      )
      assert.strictEqual(reply, model.cancel(jobId, reason))
      real.tally(`cancel of ${before ?? "none"}: ${reply}`)
      return [jobId]
    },
    (model) => canPickJob(model, pick)
  )

export const runNow = (picks: ReadonlyArray<JobPick>) =>
  command(
    `run now ${show(picks)}`,
    async (model, real) => {
      const ids = picks.filter((pick) => canPickJob(model, pick)).map((pick) => pickJob(model, pick))
      const call = QueueControl.use((control) => control.runNow(real.queue, ids))
      const moved = await real.ask(call, "runNow", ids)
      assert.deepStrictEqual(moved, model.runNow(ids))
      real.tally("run now", moved.length)
      real.tally("run now, left alone", ids.length - moved.length)
      return ids
    },
    (model) => picks.some((pick) => canPickJob(model, pick))
  )

/** Some watches of one job, each sent as often as it says. */
export const watch = ([pick, times]: readonly [JobPick, ReadonlyArray<number>]) =>
  command(
    `watch ${show(pick)} ${show(times)}`,
    async (model, real) => {
      const jobId = pickJob(model, pick)
      for (const sent of times) {
        const ref = real.nextRef()
        for (let i = 0; i < sent; i++) {
          const request = { queue: real.queue, jobId, watcher: real.queue, ref }
          const reply = await real.ask(
            Store.JobStore.use((store) => store.watch(request)),
            "watch",
            request
          )
          const seen = reply._tag === "Ended" ? { ...reply, ended: seenEnd(reply.ended) } : reply
          assert.deepStrictEqual(seen, model.watch(jobId, ref))
          real.tally(reply._tag === "Ended" ? `watched ${reply.ended._tag}` : reply._tag)
          if (reply._tag === "Ended" && "expired" in reply.ended && reply.ended.expired) real.tally("watched expired")
        }
      }
      return [jobId]
    },
    (model) => canPickJob(model, pick)
  )

export const unwatch = ([pick, back]: readonly [JobPick, number]) =>
  command(
    `unwatch ${show(pick)} the ${back} before the last`,
    async (model, real) => {
      const jobId = pickJob(model, pick)
      const refs = [...(model.jobs.get(jobId)?.watchers ?? [])]
      const ref = refs.at(-1 - (back % Math.max(1, refs.length))) ?? 1_000_000
      const request = { queue: real.queue, jobId, watcher: real.queue, ref }
      await real.ask(
        Store.JobStore.use((store) => store.unwatch(request)),
        "unwatch",
        request
      )
      model.unwatch(jobId, ref)
      if (refs.length > 0) real.tally("unwatched")
      return [jobId]
    },
    (model) => canPickJob(model, pick)
  )
