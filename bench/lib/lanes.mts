/** Calls `work` for each item, `lanes` calls at once. */
export const inLanes = async <A,>(items: ReadonlyArray<A>, lanes: number, work: (item: A) => Promise<void>) => {
  let next = 0
  const lane = async () => {
    while (next < items.length) await work(items[next++]!)
  }
  await Promise.all(Array.from({ length: lanes }, lane))
}
