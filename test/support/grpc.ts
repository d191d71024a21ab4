import { randomUUID } from "node:crypto"
import { create, fromBinary, toBinary } from "@bufbuild/protobuf"
import type { DescMessage, DescMethod, MessageInitShape, MessageShape } from "@bufbuild/protobuf"
import * as grpc from "@grpc/grpc-js"
import { service as healthService } from "grpc-health-check"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import { CurrentLogAnnotations } from "effect/References"
import * as Schedule from "effect/Schedule"
import * as Memory from "winterq/memory"
import * as Redis from "winterq/redis"
import { QueueService } from "../../src/grpc/gen/winter/v1/queue_service_pb.ts"
import type { RedisUnsuitable } from "../../src/backends/redis/RedisUnsuitable.ts"
import { GrpcServer, type ServerOptions } from "../../src/grpc/index.ts"
import type { Capabilities } from "../../src/ports/Capabilities.ts"
import type { Ports as CallPorts } from "../../src/grpc/Ports.ts"
import { redisUrl } from "./redis-url.ts"

/** A line of the log, as far as tests look at it. */
export interface Line {
  readonly level: string
  readonly message: ReadonlyArray<unknown>
  readonly annotations: Readonly<Record<string, unknown>>
  readonly text: string
}

interface KeptLog {
  readonly lines: ReadonlyArray<Line>
  readonly layer: Layer.Layer<never>
}

/** Keeps the lines of whoever logs under it. */
const keptLog = (): KeptLog => {
  const lines: Array<Line> = []
  const logger = Logger.make(({ cause, fiber, logLevel, message }) => {
    lines.push({
      level: logLevel,
      message: Array.isArray(message) ? message : [message],
      annotations: fiber.getRef(CurrentLogAnnotations),
      text: [message, cause].flat().map(String).join(" ")
    })
  })
  return { lines, layer: Logger.layer([logger]) }
}

const redis = () => Redis.layer({ url: redisUrl(), prefix: `grpc-${randomUUID().slice(0, 8)}` })

type Ports = CallPorts | Capabilities

/** The backends that a server is tested on, each with jobs of its own. */
export const backends = [
  ["memory", (): Backend => Memory.layer],
  ["redis", (): Backend => redis()]
] as const

export type Backend = Layer.Layer<Ports, RedisUnsuitable>

/** A server on a free port until the scope closes; answers with the ports behind it. */
export const serve = Effect.fnUntraced(function* (backend: Backend, options: ServerOptions = {}) {
  const log = keptLog()
  const layer = GrpcServer.layer({ port: 0, sweep: "100 millis", ...options }).pipe(Layer.provideMerge(backend))
  const services = yield* Layer.build(layer.pipe(Layer.provideMerge(log.layer)))
  return { address: Context.get(services, GrpcServer).address, services, log: log.lines }
})

export type Served = Effect.Success<ReturnType<typeof serve>>

/** Why a call failed. */
export class CallFailed extends Error {
  readonly code: string
  readonly details: string
  readonly metadata: grpc.Metadata
  constructor(error: grpc.ServiceError) {
    super(error.message)
    this.code = grpc.status[error.code]
    this.details = error.details
    this.metadata = error.metadata
  }
}

export interface CallOptions {
  readonly metadata?: Readonly<Record<string, string>>
  readonly deadlineMillis?: number
}

interface Method<I extends DescMessage, O extends DescMessage> extends DescMethod {
  readonly input: I
  readonly output: O
}

const metadataOf = ({ metadata = {} }: CallOptions): grpc.Metadata => {
  const all = new grpc.Metadata()
  for (const [name, value] of Object.entries(metadata)) all.set(name, value)
  return all
}

const optionsOf = ({ deadlineMillis }: CallOptions): grpc.CallOptions =>
  deadlineMillis === undefined ? {} : { deadline: Date.now() + deadlineMillis }

/** A client of every call, closed with the scope. Failures are `CallFailed`. */
export const connect = (
  address: string,
  credentials = grpc.credentials.createInsecure(),
  options: grpc.ClientOptions = {}
) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => new grpc.Client(address, credentials, options)),
      (client) => Effect.sync(() => client.close())
    ),
    (client) => {
      const path = (method: DescMethod) => `/${method.parent.typeName}/${method.name}`
      const call = <I extends DescMessage, O extends DescMessage>(
        method: Method<I, O>,
        request: MessageInitShape<I>,
        callOptions: CallOptions = {}
      ) =>
        Effect.callback<MessageShape<O>, CallFailed>((resume) => {
          const made = client.makeUnaryRequest(
            path(method),
            (message: MessageInitShape<I>) => Buffer.from(toBinary(method.input, create(method.input, message))),
            (bytes) => fromBinary(method.output, bytes),
            request,
            metadataOf(callOptions),
            optionsOf(callOptions),
            (error, answer) => resume(error === null ? Effect.succeed(answer!) : Effect.fail(new CallFailed(error)))
          )
          return Effect.sync(() => made.cancel())
        })
      const bidi = <I extends DescMessage, O extends DescMessage>(
        method: Method<I, O>,
        callOptions: CallOptions = {}
      ) =>
        client.makeBidiStreamRequest(
          path(method),
          (message: MessageInitShape<I>) => Buffer.from(toBinary(method.input, create(method.input, message))),
          (bytes) => fromBinary(method.output, bytes),
          metadataOf(callOptions),
          optionsOf(callOptions)
        )
      const all = <I extends DescMessage, O extends DescMessage>(method: Method<I, O>, request: MessageInitShape<I>) =>
        Effect.callback<ReadonlyArray<MessageShape<O>>, CallFailed>((resume) => {
          const messages: Array<MessageShape<O>> = []
          const made = client.makeServerStreamRequest(
            path(method),
            (message: MessageInitShape<I>) => Buffer.from(toBinary(method.input, create(method.input, message))),
            (bytes) => fromBinary(method.output, bytes),
            request
          )
          made.on("data", (message: MessageShape<O>) => messages.push(message))
          made.on("end", () => resume(Effect.succeed(messages)))
          made.on("error", (error: grpc.ServiceError) => resume(Effect.fail(new CallFailed(error))))
          return Effect.sync(() => made.cancel())
        })
      const { method } = QueueService
      return {
        client,
        call,
        all,
        enqueue: (request: MessageInitShape<typeof method.enqueue.input>, o?: CallOptions) =>
          call(method.enqueue, { kind: "test", payload: json("1"), ...request }, o),
        dequeue: (request: MessageInitShape<typeof method.dequeue.input>, o?: CallOptions) =>
          call(method.dequeue, { workerId: "w", timeoutMs: 5000n, ...request }, o),
        getJob: (jobId: string) => Effect.map(call(method.getJob, { jobId }), ({ job }) => job!),
        stats: (queue: string) => call(method.queueStats, { queue }),
        stream: (o?: CallOptions) => bidi(method.dequeueStream, o)
      }
    }
  )

/** What a server's health check answers: a status, or the code of a refusal. */
export const healthOf = (client: grpc.Client, service: string) =>
  Effect.callback<string>((resume) => {
    const { path, requestSerialize, responseDeserialize } = healthService["Check"]!
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, { service }, (error, answer) =>
      resume(Effect.succeed(error === null ? (answer as { status: string }).status : grpc.status[error.code]))
    )
  })

export const json = (text: string): Uint8Array => new TextEncoder().encode(text)

/** Looks until it is so; fails after half a minute. */
export const until = <A, E, R>(look: Effect.Effect<A, E, R>, isSo: (seen: A) => boolean): Effect.Effect<A, E, R> =>
  look.pipe(
    Effect.repeat({ until: isSo, schedule: fast }),
    Effect.timeoutOrElse({ duration: "30 seconds", orElse: () => Effect.die(new Error("it never was so")) })
  )

const fast = Schedule.spaced("10 millis")
