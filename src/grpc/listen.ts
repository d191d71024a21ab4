import { isIPv6 } from "node:net"
import { type Server, ServerCredentials } from "@grpc/grpc-js"
import * as Effect from "effect/Effect"
import { describe } from "../domain/describe.ts"
import { ListenError } from "./errors.ts"
import type { Settings } from "./options.ts"

const bytes = (pem: string | Uint8Array): Buffer => (typeof pem === "string" ? Buffer.from(pem) : Buffer.from(pem))

const credentials = (tls: Settings["tls"]): ServerCredentials => {
  if (tls === undefined) return ServerCredentials.createInsecure()
  const { cert, clientCa, key } = tls
  return ServerCredentials.createSsl(
    clientCa === undefined ? null : bytes(clientCa),
    [{ cert_chain: bytes(cert), private_key: bytes(key) }],
    clientCa !== undefined
  )
}

const isLoopback = (host: string): boolean => host === "localhost" || host === "::1" || host.startsWith("127.")

/** Says loudly what an open door means. */
export const warnOfOpenDoor = ({ host, tls, tokens }: Settings): Effect.Effect<void> => {
  if (isLoopback(host)) return Effect.void
  const admits = tokens.length > 0 || tls?.clientCa !== undefined
  if (!admits) {
    return Effect.logWarning(
      `anybody who reaches ${host} can read, run and delete jobs: set tokens, or tls.clientCa, or listen on 127.0.0.1`
    )
  }
  return tls === undefined
    ? Effect.logWarning(`tokens and payloads cross the network to ${host} as plain text: set tls`)
    : Effect.void
}

/** Opens the port; answers `host:port`. */
export const listen = (server: Server, { host, port, tls }: Settings): Effect.Effect<string, ListenError> => {
  const named = isIPv6(host) ? `[${host}]` : host
  const fail = (cause: unknown) => new ListenError({ address: `${named}:${port}`, problem: describe(cause) })
  return Effect.flatMap(Effect.try({ try: () => credentials(tls), catch: fail }), (creds) =>
    Effect.callback<string, ListenError>((resume) => {
      server.bindAsync(`${named}:${port}`, creds, (error, bound) => {
        resume(error === null ? Effect.succeed(`${named}:${bound}`) : Effect.fail(fail(error)))
      })
    }).pipe(Effect.catchDefect((defect) => Effect.fail(fail(defect))))
  )
}
