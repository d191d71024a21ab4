import type { ServerInterceptingCallInterface } from "@grpc/grpc-js"
import type { Http2Session, ServerHttp2Stream } from "node:http2"
import * as Effect from "effect/Effect"

/**
 * The stream under a call. grpc-js has no public way to it; without one an answer that was written counts as delivered.
 */
export const streamOf = (call: ServerInterceptingCallInterface): ServerHttp2Stream | undefined =>
  "stream" in call && typeof call.stream === "object" && call.stream !== null
    ? (call.stream as ServerHttp2Stream)
    : undefined

type Answer = (arrived: boolean) => void

/** One ping at a time; whoever asks meanwhile is answered by the next one, which is sent after what they wrote. */
interface Pings {
  asking: Array<Answer>
  inFlight: boolean
}

const pingsOf = new WeakMap<Http2Session, Pings>()

const ping = (session: Http2Session, pings: Pings): void => {
  const asked = pings.asking
  if (asked.length === 0) return
  pings.asking = []
  pings.inFlight = true
  const answer = (arrived: boolean) => {
    if (!pings.inFlight) return
    pings.inFlight = false
    session.off("close", gone)
    for (const tell of asked) tell(arrived)
    ping(session, pings)
  }
  const gone = () => answer(false)
  if (session.destroyed) return answer(false)
  session.once("close", gone)
  // a session that takes no more pings at the moment is alive
  if (!session.ping((error) => answer(error === null))) answer(true)
}

const askSession = (session: Http2Session | undefined, answer: Answer): void => {
  if (session === undefined || session.destroyed) return answer(false)
  let pings = pingsOf.get(session)
  if (pings === undefined) {
    pings = { asking: [], inFlight: false }
    pingsOf.set(session, pings)
  }
  pings.asking.push(answer)
  if (!pings.inFlight) ping(session, pings)
}

/**
 * Whether what was written on a stream has reached the other side: its answer to a ping comes after everything that was
 * sent before the ping. A connection that has broken off answers no.
 */
export const hasArrived = (stream: ServerHttp2Stream): Effect.Effect<boolean> =>
  Effect.callback<boolean>((resume) => askSession(stream.session, (arrived) => resume(Effect.succeed(arrived))))

/** The same for an answer that ends its stream, once it has been handed over whole. Ask right after writing it. */
export const hasAnswerArrived = (stream: ServerHttp2Stream): Effect.Effect<boolean> => {
  // a stream that has ended does not know its session any more
  const { session } = stream
  return Effect.callback<boolean>((resume) => {
    const ended = () => {
      // the client cancelled it, or the connection broke off, before it was sent whole
      if (stream.rstCode !== 0) resume(Effect.succeed(false))
      else askSession(session, (arrived) => resume(Effect.succeed(arrived)))
    }
    if (stream.destroyed) ended()
    else stream.once("close", ended)
  })
}
