import { create, fromBinary, toBinary } from "@bufbuild/protobuf"
import type { DescMessage, DescMethod, MessageInitShape, MessageShape } from "@bufbuild/protobuf"
import type {
  Metadata,
  MethodDefinition,
  sendUnaryData,
  ServerDuplexStream,
  ServerUnaryCall,
  ServerWritableStream,
  UntypedHandleCall
} from "@grpc/grpc-js"
import type { ServerHttp2Stream } from "node:http2"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import type { Ports } from "./Ports.ts"
import { type ApiError, OutOfTime } from "./errors.ts"
import { hasAnswerArrived } from "./Delivery.ts"
import { callInfoOf } from "./observe-calls.ts"
import { statusOf } from "./status.ts"

/** What a handler may know of its call besides the request. */
export interface Call {
  readonly metadata: Metadata
  /** Whether nobody waits for the answer any more. */
  readonly isGone: () => boolean
  readonly stream: ServerHttp2Stream | undefined
}

/** What is answered, and what to do when the answer does not arrive. */
export interface Reply<O extends DescMessage> {
  readonly message: MessageInitShape<O>
  readonly onLost?: Effect.Effect<void>
}

/** A call as grpc-js takes it. */
export interface Entry {
  readonly definition: MethodDefinition<unknown, unknown>
  readonly handle: UntypedHandleCall
}

interface Method<I extends DescMessage, O extends DescMessage> extends DescMethod {
  readonly input: I
  readonly output: O
}

export interface BidiCall<I extends DescMessage, O extends DescMessage> extends Call {
  readonly wire: ServerDuplexStream<MessageShape<I>, MessageInitShape<O>>
}

const definitionOf = <I extends DescMessage, O extends DescMessage>(
  method: Method<I, O>
): MethodDefinition<unknown, unknown> => ({
  path: `/${method.parent.typeName}/${method.name}`,
  requestStream: method.methodKind === "bidi_streaming" || method.methodKind === "client_streaming",
  responseStream: method.methodKind === "bidi_streaming" || method.methodKind === "server_streaming",
  requestDeserialize: (bytes) => fromBinary(method.input, bytes),
  requestSerialize: (message) => Buffer.from(toBinary(method.input, message as MessageShape<I>)),
  responseSerialize: (message) =>
    Buffer.from(toBinary(method.output, create(method.output, message as MessageInitShape<O>))),
  responseDeserialize: (bytes) => fromBinary(method.output, bytes)
})

/** `EnqueueBatch` as its errors call it. */
const verbOf = (method: DescMethod): string => method.name.replaceAll(/(?<=[a-z])[A-Z]/g, " $&").toLowerCase()

/** Runs the calls of one server as effects. */
export class Calls {
  readonly #run: <A, E>(effect: Effect.Effect<A, E, Ports>) => Fiber.Fiber<A, E>
  readonly #maxMillis: number
  readonly #running = new Set<Fiber.Fiber<unknown, unknown>>()
  /** Set once the server takes no more calls. */
  stopping = false

  constructor(services: Context.Context<Ports>, maxMillis: number) {
    this.#run = Effect.runForkWith(services)
    this.#maxMillis = maxMillis
  }

  get running(): ReadonlyArray<Fiber.Fiber<unknown, unknown>> {
    return [...this.#running]
  }

  #start(program: Effect.Effect<void, never, Ports>): Fiber.Fiber<void> {
    const fiber = this.#run(program)
    this.#running.add(fiber)
    fiber.addObserver(() => this.#running.delete(fiber))
    return fiber
  }

  /** A call that is answered by an effect, which is interrupted when the client gives up. */
  unary<I extends DescMessage, O extends DescMessage>(
    method: Method<I, O>,
    handler: (request: MessageShape<I>, call: Call) => Effect.Effect<MessageInitShape<O>, ApiError, Ports>
  ): Entry {
    return this.claiming(method, (request, call) =>
      handler(request, call).pipe(
        Effect.timeoutOrElse({ duration: this.#maxMillis, orElse: () => Effect.fail(new OutOfTime()) }),
        Effect.interruptible,
        Effect.map((message) => ({ message }))
      )
    )
  }

  /**
   * A call whose answer must not be lost unnoticed. Its handler is not interruptible except where it says so, and what it
   * wants done with a lost answer is done when the client has gone before it was sent, or does not get it.
   */
  claiming<I extends DescMessage, O extends DescMessage>(
    method: Method<I, O>,
    handler: (request: MessageShape<I>, call: Call) => Effect.Effect<Reply<O>, ApiError, Ports>
  ): Entry {
    const verb = verbOf(method)
    const handle = (
      wire: ServerUnaryCall<MessageShape<I>, MessageInitShape<O>>,
      respond: sendUnaryData<MessageInitShape<O>>
    ) => {
      const info = callInfoOf(wire.metadata)
      const stream = info?.stream
      const isGone = () => wire.cancelled || stream?.destroyed === true
      const call: Call = { metadata: wire.metadata, isGone, stream }
      const program = Effect.gen({ self: this }, function* () {
        const exit = yield* Effect.exit(Effect.suspend(() => handler(wire.request, call)))
        if (Exit.isFailure(exit)) {
          if (info !== undefined) info.problem = exit.cause
          respond(statusOf(verb, exit.cause, this.stopping))
          return
        }
        const { message, onLost } = exit.value
        if (onLost === undefined) return respond(null, message)
        if (isGone()) return yield* onLost
        respond(null, message)
        if (stream === undefined || (yield* hasAnswerArrived(stream))) return
        // sessions are closed by a server that stops, maybe before they can tell
        if (!this.stopping) yield* onLost
      })
      const fiber = this.#start(Effect.uninterruptible(program))
      wire.on("cancelled", () => fiber.interruptUnsafe())
    }
    return { definition: definitionOf(method), handle: handle as UntypedHandleCall }
  }

  /** A call that both sides write to until the effect ends. */
  bidi<I extends DescMessage, O extends DescMessage>(
    method: Method<I, O>,
    handler: (call: BidiCall<I, O>) => Effect.Effect<void, ApiError, Ports>
  ): Entry {
    const handle = (wire: ServerDuplexStream<MessageShape<I>, MessageInitShape<O>>) =>
      this.#writing(method, wire, (call) => handler({ ...call, wire }))
    return { definition: definitionOf(method), handle: handle as UntypedHandleCall }
  }

  /** A call that is answered by as many messages as there are, read no faster than the client takes them. */
  streaming<I extends DescMessage, O extends DescMessage>(
    method: Method<I, O>,
    handler: (request: MessageShape<I>) => Stream.Stream<MessageInitShape<O>, ApiError, Ports>
  ): Entry {
    const handle = (wire: ServerWritableStream<MessageShape<I>, MessageInitShape<O>>) => {
      const write = (message: MessageInitShape<O>) =>
        Effect.callback<void>((resume) => {
          wire.write(message, () => resume(Effect.void))
        })
      this.#writing(method, wire, () => Effect.interruptible(Stream.runForEach(handler(wire.request), write)))
    }
    return { definition: definitionOf(method), handle: handle as UntypedHandleCall }
  }

  #writing<I, O>(
    method: DescMethod,
    wire: ServerDuplexStream<I, O> | ServerWritableStream<I, O>,
    handler: (call: Call) => Effect.Effect<void, ApiError, Ports>
  ): void {
    const verb = verbOf(method)
    const info = callInfoOf(wire.metadata)
    const stream = info?.stream
    // told by `cancelled` as well
    wire.on("error", () => undefined)
    const isGone = () => wire.cancelled || stream?.destroyed === true
    const call: Call = { metadata: wire.metadata, isGone, stream }
    const program = Effect.exit(Effect.suspend(() => handler(call))).pipe(
      Effect.map((exit) => {
        if (Exit.isSuccess(exit)) return wire.end()
        if (info !== undefined) info.problem = exit.cause
        return wire.emit("error", statusOf(verb, exit.cause, this.stopping))
      }),
      Effect.asVoid
    )
    const fiber = this.#start(Effect.uninterruptible(program))
    wire.on("cancelled", () => fiber.interruptUnsafe())
  }
}
