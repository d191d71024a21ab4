import type { Contender } from "../lib/Contender.mts"

const effectMq: Contender = {
  guarantees:
    "at least once: a lock of 30 s, renewed every 15 s, stalled jobs found every 30 s, ends fenced; one attempt unless " +
    "asked; nothing kept of completed jobs; on Effect 4.0.0-rc.115, since its Redis store does not load on 4.1",
  modes: ["plain", "kept", "results", "unique", "priorities"],
  remarks: {
    memory: "not measured: its time per job grows with the number of jobs",
    workflows: "not measured: a flow of its fans out from a running job"
  },
  usualRounds: 2,
  share: 0.25,
  open: async (target, mode) => {
    const { open } = await import("../peers/effect-mq/open.mts")
    return open(target, mode)
  }
}

export default effectMq
