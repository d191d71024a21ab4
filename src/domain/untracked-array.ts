// of those that hold objects from the start: a first one would make another kind of array of it, which takes longer
const empty: Array<never> = [{} as never]
empty.length = 0

/**
 * An empty array that V8 does not watch. It may take what one literal makes for old from the start, when those of a young
 * program have lived long; all that such an array ever held would survive the collections of young objects (decision 16).
 */
export const untrackedArray = <A>(): Array<A> => empty.slice()
