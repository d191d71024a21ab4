import * as Effect from "effect/Effect"
import type { Settings } from "../config/Config.ts"
import { queueOf } from "../domain/queue-entries.ts"
import type { QueueDefaults, ServerOptions } from "../grpc/index.ts"
import { readBeside } from "./settings.ts"

type Tls = NonNullable<ServerOptions["tls"]>

const tlsOf = Effect.fnUntraced(function* (files: NonNullable<Settings["server"]["tlsFiles"]>) {
  const [cert, key] = yield* Effect.all([readBeside(files.cert), readBeside(files.key)])
  const clientCa = files.clientCa === undefined ? {} : { clientCa: yield* readBeside(files.clientCa) }
  const tls: Tls = { cert, key, ...clientCa }
  return tls
})

const defaultsOf = ({ queues }: Settings): Readonly<Record<string, QueueDefaults>> =>
  Object.fromEntries(
    queues.map(({ backoff, maxAttempts, name, priority }) => [
      name,
      {
        ...(backoff === undefined ? {} : { backoff }),
        ...(maxAttempts === undefined ? {} : { maxAttempts }),
        ...(priority === undefined ? {} : { priority })
      }
    ])
  )

/** What the configuration says of the server of the wire protocol. */
export const grpcOptions = Effect.fnUntraced(function* (settings: Settings) {
  const { drainMillis, host, leaseMillis, maxDeadlineMillis, maxMessageBytes, port, tlsFiles, tokens } = settings.server
  const { deadMillis, maxDead, maxFinished } = settings.retention
  const { sweepMillis } = settings.workers
  const options: ServerOptions = {
    port,
    queues: settings.queues.map(queueOf),
    queueDefaults: defaultsOf(settings),
    retention: {
      ...(deadMillis === undefined ? {} : { dead: deadMillis }),
      ...(maxDead === undefined ? {} : { maxDead }),
      ...(maxFinished === undefined ? {} : { maxFinished })
    },
    ...(host === undefined ? {} : { host }),
    ...(tlsFiles === undefined ? {} : { tls: yield* tlsOf(tlsFiles) }),
    ...(tokens.length === 0 ? {} : { tokens }),
    ...(maxMessageBytes === undefined ? {} : { maxMessageBytes }),
    ...(maxDeadlineMillis === undefined ? {} : { maxDeadline: maxDeadlineMillis }),
    ...(drainMillis === undefined ? {} : { drain: drainMillis }),
    ...(leaseMillis === undefined ? {} : { leaseDuration: leaseMillis }),
    ...(sweepMillis === undefined ? {} : { sweep: sweepMillis })
  }
  return options
})
