import { Server, status } from "@grpc/grpc-js"
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import { HealthImplementation } from "grpc-health-check"
import type { InvalidInput } from "../domain/limits.ts"
import * as Endings from "../features/client/Endings.ts"
import * as RawJobs from "../features/client/RawJobs.ts"
import { register, type Status } from "../features/health/Health.ts"
import { Loops } from "../features/loops/Loops.ts"
import { tickLoop } from "../features/schedules/Ticker.ts"
import { Workflows } from "../features/workflows/Workflows.ts"
import { Capabilities } from "../ports/Capabilities.ts"
import { JobIds } from "../ports/JobIds.ts"
import { JobStore } from "../ports/JobStore.ts"
import { Notices } from "../ports/Notices.ts"
import { QueueControl } from "../ports/QueueControl.ts"
import { Wakeups } from "../ports/Wakeups.ts"
import { admitTokens } from "./admit.ts"
import { Calls } from "./Calls.ts"
import { makeClaims } from "./Claims.ts"
import { Contact } from "./Contact.ts"
import type { ListenError } from "./errors.ts"
import { QueueService } from "./gen/winter/v1/queue_service_pb.ts"
import { makeHoldings } from "./Holdings.ts"
import { listen, warnOfOpenDoor } from "./listen.ts"
import { makeLobbies } from "./Lobby.ts"
import { maintain } from "./maintain.ts"
import { type CallInfo, observeCalls } from "./observe-calls.ts"
import { type ServerOptions, type Settings, settingsOf } from "./options.ts"
import type { Ports } from "./Ports.ts"
import { QueueNames } from "./QueueNames.ts"
import { queueService } from "./queue-service.ts"
import { addReflection } from "./reflection.ts"
import type { Station } from "./Station.ts"
import { tellWorkflows } from "./tell-workflows.ts"

export { ListenError } from "./errors.ts"
export type { QueueDefaults, ServerOptions, TlsOptions } from "./options.ts"

/** How long interrupted calls may take to give back what they hold. */
const lastMillis = 5000

/** Between two answers of the store at most, besides the time between two rounds. */
const silentMillis = 30_000

/** How long connections may take to close once their calls have ended. */
const closeMillis = 500

const tidyMillis = 60_000

const idlePingMillis = 30_000
const pingAnswerMillis = 10_000
const connectionGraceMillis = 10_000
const maxStreams = 1000

const serverOptions = ({ connectionMillis, maxMessageBytes }: Settings) => ({
  "grpc.max_receive_message_length": maxMessageBytes,
  "grpc.max_send_message_length": -1,
  "grpc.max_concurrent_streams": maxStreams,
  // a client that has vanished without a word is noticed by this
  "grpc.keepalive_time_ms": idlePingMillis,
  "grpc.keepalive_timeout_ms": pingAnswerMillis,
  ...(connectionMillis === undefined
    ? {}
    : { "grpc.max_connection_age_ms": connectionMillis, "grpc.max_connection_age_grace_ms": connectionGraceMillis })
})

// a code that was sent is a number of the wire
const ok: number = status.OK
const internal: number = status.INTERNAL

const messagesOf = (cause: Cause.Cause<unknown>): string =>
  Cause.prettyErrors(cause)
    .map(({ message }) => message)
    .join("; ")

/** One line for every call. */
const logCall = ({ path, problem, startedAt }: CallInfo, code: number, now: number): Effect.Effect<void> => {
  const annotations = { method: path, duration_ms: Math.round(now - startedAt), code: status[code] }
  const said = problem === undefined || Cause.hasInterruptsOnly(problem) ? [] : [problem]
  const level = code === ok ? Effect.logInfo : code === internal ? Effect.logError : Effect.logWarning
  // where it came from tells something only of a mistake here
  return level("grpc", ...(code === internal ? said : said.map(messagesOf))).pipe(Effect.annotateLogs(annotations))
}

const setHealth = (health: HealthImplementation, status: "SERVING" | "NOT_SERVING"): void => {
  for (const service of ["", QueueService.typeName]) health.setStatus(service, status)
}

/** Lets calls end in time, then ends them. */
const stop = (server: Server, station: Station, health: HealthImplementation, drainMillis: number) =>
  Effect.gen(function* () {
    setHealth(health, "NOT_SERVING")
    station.calls.stopping = true
    station.stopping.openUnsafe()
    const closed = Effect.callback<void>((resume) => {
      server.tryShutdown(() => resume(Effect.void))
    })
    // whoever watches health or asks for a description would stay for ever
    const idle = Effect.andThen(Fiber.awaitAll(station.calls.running), Effect.sleep(closeMillis))
    yield* Effect.raceFirst(closed, idle).pipe(
      Effect.timeoutOrElse({
        duration: drainMillis,
        orElse: () => Effect.logWarning(`calls still run after ${drainMillis} ms and are cut off`)
      })
    )
    server.forceShutdown()
    for (const fiber of station.calls.running) fiber.interruptUnsafe()
    yield* Effect.timeoutOption(Fiber.awaitAll(station.calls.running), lastMillis)
    yield* Effect.timeoutOption(station.claims.tidy(true), lastMillis)
  })

/** What a server says of itself. */
const statusOf = (
  id: string,
  { calls, settings }: Station,
  { answeredAt, problem }: Contact,
  loops: Loops,
  now: number
): Status => {
  const ago = answeredAt === undefined ? undefined : now - answeredAt
  const isSilent = ago !== undefined && ago > silentMillis + 2 * settings.sweepMillis
  const storeProblem = problem ?? (isSilent ? "silent" : undefined)
  return {
    ...{ id, stopping: calls.stopping, quiet: false, endedLoops: calls.stopping ? [] : loops.ended },
    ...(ago === undefined ? {} : { answeredMillisAgo: ago }),
    ...(storeProblem === undefined ? {} : { storeProblem })
  }
}

/**
 * Serves `winter.v1.QueueService`: queues for producers and workers in any language. Keeps the queues in order as well,
 * so no other process is needed.
 *
 * **Shape** Any number of servers may stand side by side on one store; a client may send each call to another.
 * **Example** examples/grpc-server.ts
 * **Ref** docs/guides/grpc.md, proto/winter/v1/queue_service.proto
 * @category layers
 * @since 0.1.0
 */
export class GrpcServer extends Context.Service<
  GrpcServer,
  {
    /** Where it listens, as `host:port`. */
    readonly address: string
    /** Whether it gets on with the store and takes calls; `Health.ready` and `Health.live` are drawn from this. */
    readonly health: Effect.Effect<Status>
  }
>()("winterq/grpc/server/GrpcServer") {
  /**
   * Listens until the scope closes; then it takes no more calls, lets those that run end, and frees the port.
   *
   * **Errors** `InvalidInput` names an option that makes no sense; `ListenError`.
   */
  static readonly layer = (
    options: ServerOptions = {}
  ): Layer.Layer<GrpcServer, InvalidInput | ListenError, Ports | Capabilities> =>
    Layer.effect(GrpcServer, make(options))
}

const make = Effect.fnUntraced(function* (options: ServerOptions) {
  const settings = yield* settingsOf(options)
  const scope = yield* Effect.scope
  const loops = new Loops()
  const store = yield* tellWorkflows(loops)
  const services = Context.add(yield* Effect.context<Ports>(), JobStore, store)
  const control = yield* QueueControl
  const clock = yield* Clock.Clock
  const { backend, shared } = yield* Capabilities
  const ids = yield* JobIds
  const id = `grpc-${yield* ids.next}`
  const wallMillis = () => clock.currentTimeMillisUnsafe()
  const monotonicMillis = () => Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n)

  const station: Station = {
    calls: new Calls(services, settings.maxMillis),
    claims: makeClaims(store, control, id, monotonicMillis, scope),
    lobbies: makeLobbies(yield* Wakeups, scope),
    queues: new QueueNames(settings.queues),
    holdings: makeHoldings(control, settings.leaseMillis / 10, monotonicMillis),
    endings: yield* Endings.make(store, yield* Notices),
    enqueue: yield* RawJobs.make(store, settings.maxPayloadBytes),
    workflows: Context.get(
      yield* Layer.build(Workflows.layerWith(settings).pipe(Layer.provide(Layer.succeed(JobStore, store)))),
      Workflows
    ),
    stopping: Latch.makeUnsafe(false),
    settings
  }

  const run = Effect.runForkWith(services)
  const server = new Server({
    ...serverOptions(settings),
    interceptors: [
      observeCalls({
        now: wallMillis,
        admits: admitTokens(settings.tokens),
        ended: (info, code) => {
          if (code !== ok || settings.logCalls === "all") run(logCall(info, code, wallMillis()))
        }
      })
    ]
  })
  const { definition, handlers } = queueService(station)
  server.addService(definition, handlers)
  const health = new HealthImplementation({ "": "SERVING", [QueueService.typeName]: "SERVING" })
  health.addToServer(server)
  if (settings.reflection) addReflection(server)

  const contact = new Contact(monotonicMillis, (isThere) => {
    if (!station.calls.stopping) setHealth(health, isThere ? "SERVING" : "NOT_SERVING")
  })
  const status = Effect.sync(() => statusOf(id, station, contact, loops, monotonicMillis()))
  yield* register(status)
  yield* loops.fork("maintenance", maintain(settings, contact))
  if (settings.ticks !== false) yield* loops.fork("ticker", tickLoop(settings.ticks === true ? {} : settings.ticks))
  yield* loops.fork(
    "tidying",
    Effect.sync(station.holdings.tidy).pipe(
      Effect.andThen(station.claims.tidy(false)),
      Effect.andThen(Effect.sleep(tidyMillis)),
      Effect.forever
    )
  )
  yield* warnOfOpenDoor(settings)
  const address = yield* Effect.acquireRelease(listen(server, settings), () =>
    stop(server, station, health, settings.drainMillis)
  )
  yield* Effect.logInfo(`serving ${QueueService.typeName} on ${address}, ${shared ? "" : "this process's "}${backend}`)
  return GrpcServer.of({ address, health: status })
})
