const cr = 13
const lf = 10

/** Where the line that starts at `at` ends, its CR LF included; nothing while it has not arrived. */
const lineEnd = (bytes: Buffer, at: number): number | undefined => {
  for (let found = bytes.indexOf(cr, at); found !== -1; found = bytes.indexOf(cr, found + 1)) {
    if (found + 1 >= bytes.length) return undefined
    if (bytes[found + 1] === lf) return found + 2
  }
  return undefined
}

/** How many values follow the head of an aggregate, per value that it counts. */
const parts: Readonly<Record<string, number>> = { "*": 1, "~": 1, ">": 1, "%": 2, "|": 2 }

/** Where the value that starts at `at` ends, in RESP2 or RESP3; nothing while it has not arrived as a whole. */
const frameEnd = (bytes: Buffer, at: number): number | undefined => {
  const line = lineEnd(bytes, at)
  if (line === undefined) return undefined
  const type = String.fromCharCode(bytes[at]!)
  const size = Number(bytes.toString("latin1", at + 1, line - 2))
  if (type === "$" || type === "!" || type === "=") {
    const end = size < 0 ? line : line + size + 2
    return end <= bytes.length ? end : undefined
  }
  const each = parts[type]
  if (each === undefined) return line
  let end: number | undefined = line
  for (let i = 0; i < size * each && end !== undefined; i++) end = frameEnd(bytes, end)
  // an attribute goes before the value that it belongs to
  return end !== undefined && type === "|" ? frameEnd(bytes, end) : end
}

/** Cuts a stream of bytes into whole RESP values, as bytes. */
export class RespFrames {
  private waiting: Buffer = Buffer.alloc(0)

  push(chunk: Buffer): ReadonlyArray<Buffer> {
    this.waiting = this.waiting.length === 0 ? chunk : Buffer.concat([this.waiting, chunk])
    const frames: Array<Buffer> = []
    let at = 0
    while (at < this.waiting.length) {
      const end = frameEnd(this.waiting, at)
      if (end === undefined) break
      frames.push(this.waiting.subarray(at, end))
      at = end
    }
    this.waiting = this.waiting.subarray(at)
    return frames
  }
}

/** The words of a command, which is an array of bulk strings, or a line. */
export const wordsOf = (frame: Buffer): ReadonlyArray<string> => {
  if (frame[0] !== 42) return frame.toString("latin1").trim().split(/\s+/)
  const words: Array<string> = []
  let at = lineEnd(frame, 0)!
  while (at < frame.length) {
    const start = lineEnd(frame, at)!
    const size = Number(frame.toString("latin1", at + 1, start - 2))
    words.push(frame.toString("utf8", start, start + size))
    at = start + size + 2
  }
  return words
}

/** Whether a server sends this without having been asked: a push of RESP3, or a message to a subscriber of RESP2. */
export const isPush = (frame: Buffer): boolean =>
  frame[0] === 62 || /^\*[34]\r\n\$\d+\r\n[ps]?message\r\n/.test(frame.toString("latin1", 0, 32))
