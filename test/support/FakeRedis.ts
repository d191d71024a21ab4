import { createServer, type Socket } from "node:net"
import * as Effect from "effect/Effect"

/** What a server says to one command, in RESP; `undefined` says nothing at all. */
export type Answer = (command: string, args: ReadonlyArray<string>) => string | undefined

export const bulk = (text: string): string => `$${Buffer.byteLength(text)}\r\n${text}\r\n`

/** Takes whole commands off the front of what has arrived: arrays of bulk strings. */
const takeCommand = (text: string): { readonly parts: ReadonlyArray<string>; readonly rest: string } | undefined => {
  const head = /^\*(\d+)\r\n/.exec(text)
  if (head === null) return undefined
  let at = head[0].length
  const parts: Array<string> = []
  for (let i = 0; i < Number(head[1]); i++) {
    const size = /^\$(\d+)\r\n/.exec(text.slice(at))
    if (size === null) return undefined
    at += size[0].length
    if (text.length < at + Number(size[1]) + 2) return undefined
    parts.push(text.slice(at, at + Number(size[1])))
    at += Number(size[1]) + 2
  }
  return { parts, rest: text.slice(at) }
}

/** A server that is not Redis but talks like one: for versions and refusals that no real server here has. */
export const fakeRedis = (answer: Answer) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly url: string; readonly close: () => void }>((resume) => {
      const sockets = new Set<Socket>()
      const server = createServer((socket) => {
        sockets.add(socket)
        socket.on("close", () => sockets.delete(socket))
        socket.on("error", () => undefined)
        let waiting = ""
        socket.on("data", (data) => {
          waiting += data.toString("latin1")
          for (let found = takeCommand(waiting); found !== undefined; found = takeCommand(waiting)) {
            waiting = found.rest
            const [command = "", ...args] = found.parts
            const reply = answer(command.toUpperCase(), args)
            if (reply !== undefined) socket.write(reply)
          }
        })
      })
      server.listen(0, "127.0.0.1", () => {
        const address = server.address()
        const port = typeof address === "object" && address !== null ? address.port : 0
        resume(
          Effect.succeed({
            url: `redis://127.0.0.1:${port}`,
            close: () => {
              for (const socket of sockets) socket.destroy()
              server.close()
            }
          })
        )
      })
    }),
    ({ close }) => Effect.sync(close)
  )
