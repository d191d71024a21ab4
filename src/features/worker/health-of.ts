import type { Status } from "../health/Health.ts"
import { millisOf, type WorkerState } from "./WorkerState.ts"

const storeProblemOf = (
  { serving, settings }: WorkerState,
  agoMillis: number | undefined
): Status["storeProblem"] | undefined => {
  if (serving.length === 0) return undefined
  const problems = serving.map((lane) => lane.unanswered ?? lane.unextended)
  if (problems.every((problem) => problem !== undefined)) return problems[0]
  // a heartbeat, also of an idle worker, is answered at least twice in this time
  return agoMillis !== undefined && agoMillis > settings.leaseMillis ? "silent" : undefined
}

/** What a worker says of itself. */
export const healthOf = (state: WorkerState): Status => {
  const { answeredNanos } = state
  const ago = answeredNanos === undefined ? undefined : millisOf(state.monotonicNanos() - answeredNanos)
  const problem = storeProblemOf(state, ago)
  return {
    id: state.id,
    queues: state.serving.map(({ queue }) => queue),
    stopping: state.ending,
    quiet: state.stopping && !state.ending,
    // those that end with it are not missed
    endedLoops: state.ending ? [] : state.loops.ended,
    ...(ago === undefined ? {} : { answeredMillisAgo: ago }),
    ...(problem === undefined ? {} : { storeProblem: problem })
  }
}
