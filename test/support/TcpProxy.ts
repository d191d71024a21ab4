import { connect, createServer, type Socket } from "node:net"
import * as Effect from "effect/Effect"

interface Pair {
  readonly inner: Socket
  readonly outer: Socket
  /** What the client sent first. */
  said: string
}

/** Stands between a client and a server, and can go silent. */
export interface TcpProxy {
  readonly url: string
  /**
   * Stops forwarding both ways without closing anything, for the connections there are and that match; new ones work.
   * Answers how many.
   */
  readonly freeze: (matches?: (said: string) => boolean) => number
  /** Closes the connections there are, and new ones at once, until it is mended. */
  readonly cut: () => void
  readonly mend: () => void
}

/** A proxy to a port of this machine, closed with the scope. */
export const tcpProxy = (port: number) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.callback<{ readonly proxy: TcpProxy; readonly close: () => void }>((resume) => {
        const pairs = new Set<Pair>()
        let isCut = false
        const server = createServer((outer) => {
          if (isCut) {
            outer.destroy()
            return
          }
          const inner = connect(port, "127.0.0.1")
          const pair = { inner, outer, said: "" }
          pairs.add(pair)
          outer.on("data", (data) => {
            pair.said += data.toString("latin1")
          })
          outer.pipe(inner)
          inner.pipe(outer)
          for (const socket of [inner, outer]) {
            socket.on("error", () => undefined)
            socket.on("close", () => {
              pairs.delete(pair)
              outer.destroy()
              inner.destroy()
            })
          }
        })
        const freeze: TcpProxy["freeze"] = (matches = () => true) => {
          let frozen = 0
          for (const { inner, outer, said } of pairs) {
            if (!matches(said)) continue
            frozen++
            outer.unpipe(inner)
            inner.unpipe(outer)
            outer.removeAllListeners("data")
            outer.pause()
            inner.pause()
          }
          return frozen
        }
        const closeAll = (): void => {
          for (const { inner, outer } of pairs) {
            inner.destroy()
            outer.destroy()
          }
        }
        const cut = (): void => {
          isCut = true
          closeAll()
        }
        const mend = (): void => {
          isCut = false
        }
        server.listen(0, "127.0.0.1", () => {
          const address = server.address()
          const own = typeof address === "object" && address !== null ? address.port : 0
          resume(
            Effect.succeed({
              proxy: { url: `redis://127.0.0.1:${own}`, freeze, cut, mend },
              close: () => {
                closeAll()
                server.close()
              }
            })
          )
        })
      }),
      ({ close }) => Effect.sync(close)
    ),
    ({ proxy }) => proxy
  )
