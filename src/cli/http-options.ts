import * as Effect from "effect/Effect"
import * as Flag from "effect/cli/Flag"
import * as Option from "effect/Option"
import type { Settings } from "../config/Config.ts"
import { BadUsage } from "./errors.ts"
import { portFlag } from "./flags.ts"

/** Where metrics and probes are served. */
export interface HttpOptions {
  readonly host: string
  readonly port: number
}

/** What `winter worker` and `winter server` take for it. */
export const httpFlags = {
  httpHost: Flag.String("http-host").pipe(
    Flag.withDescription("Where to serve metrics and probes (127.0.0.1)"),
    Flag.optional
  ),
  httpPort: portFlag("http-port").pipe(
    Flag.withDescription("Serve /metrics, /livez and /readyz on this port, 0 for a free one (off)"),
    Flag.optional
  )
}

interface Given {
  readonly httpHost: Option.Option<string>
  readonly httpPort: Option.Option<number>
}

/** Nothing unless a port is given. Like the wire protocol, it is not open to other machines unless told to be. */
export const httpOptions = ({ httpHost, httpPort }: Given, { server }: Settings) => {
  const port = Option.getOrElse(httpPort, () => server.httpPort)
  if (port !== undefined) {
    const host = Option.getOrElse(httpHost, () => server.httpHost) ?? "127.0.0.1"
    return Effect.succeed<HttpOptions | undefined>({ host, port })
  }
  return Option.isSome(httpHost)
    ? Effect.fail(new BadUsage({ why: "http-host needs http-port, or server.http_port in the configuration" }))
    : Effect.succeed<HttpOptions | undefined>(undefined)
}
