import { type Metadata, type ServerInterceptor, ServerInterceptingCall, status } from "@grpc/grpc-js"
import type { ServerHttp2Stream } from "node:http2"
import type * as Cause from "effect/Cause"
import { streamOf } from "./Delivery.ts"

/** What is known of a call from its first to its last moment. */
export interface CallInfo {
  /** `/package.Service/Method` */
  readonly path: string
  readonly startedAt: number
  readonly deadline: number
  readonly stream: ServerHttp2Stream | undefined
  /** Why it failed; for the log alone. */
  problem: Cause.Cause<unknown> | undefined
}

/** What interceptor and handler of a call both have is its metadata. */
const infos = new WeakMap<Metadata, CallInfo>()

export const callInfoOf = (metadata: Metadata): CallInfo | undefined => infos.get(metadata)

const statusHeader = "grpc-status"

/** The code that was sent, as far as one was. */
const sentCode = (stream: ServerHttp2Stream | undefined): number | undefined => {
  const sent = stream?.sentTrailers?.[statusHeader] ?? stream?.sentHeaders?.[statusHeader]
  return sent === undefined ? undefined : Number(sent)
}

export interface Observing {
  readonly now: () => number
  /** Whether the metadata of a call lets it in. */
  readonly admits: (path: string, metadata: Metadata) => boolean
  /** Told once of every call, when it is over, however it ended. */
  readonly ended: (info: CallInfo, code: number) => void
}

/** Stands around every call: admits it, and tells how it ended. */
export const observeCalls =
  ({ admits, ended, now }: Observing): ServerInterceptor =>
  (method, call) => {
    const deadline = call.getDeadline()
    const info: CallInfo = {
      path: method.path,
      startedAt: now(),
      deadline: typeof deadline === "number" ? deadline : deadline.getTime(),
      stream: streamOf(call),
      problem: undefined
    }
    let code: number | undefined
    let isOver = false
    return new ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, next) => {
            infos.set(metadata, info)
            if (admits(method.path, metadata)) return next(metadata)
            code = status.UNAUTHENTICATED
            return call.sendStatus({ code: status.UNAUTHENTICATED, details: "a valid bearer token is required" })
          },
          // comes at the end of every call, also of one that was answered
          onCancel: () => {
            if (isOver) return
            isOver = true
            const late = now() >= info.deadline ? status.DEADLINE_EXCEEDED : status.CANCELLED
            ended(info, sentCode(info.stream) ?? code ?? late)
          }
        }),
      sendStatus: (sent, next) => {
        code = sent.code ?? status.UNKNOWN
        next(sent)
      }
    })
  }
