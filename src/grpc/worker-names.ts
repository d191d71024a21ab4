import * as Result from "effect/Result"

/**
 * Under which names remote workers stand in the store. A claim's name says who holds the job, and scopes the numbers of
 * its claims; calls of one worker run side by side, through several servers. So each server claims for a worker under
 * names of its own, from which the worker's id can be read again.
 */

/** The store takes printable names without commas; a worker may call itself anything. */
export const encodeWorker = (workerId: string): string =>
  workerId.replace(/[^!-$&-+\--~]/gu, (char) => encodeURIComponent(char))

export const claimerName = (workerId: string, server: string, index: number): string =>
  `${encodeWorker(workerId)}/${server}${index === 0 ? "" : `.${index}`}`

/** Who claimed under a name, encoded; the name itself when it was not made here. */
export const holderOf = (name: string): string => {
  const slash = name.lastIndexOf("/")
  return slash < 0 ? name : name.slice(0, slash)
}

/** Who claimed under a name, as the worker calls itself. */
export const workerIdOf = (name: string): string =>
  Result.getOrElse(
    Result.try(() => decodeURIComponent(holderOf(name))),
    () => name
  )
