import { createServer, type Server } from "node:http"
import { isIPv6 } from "node:net"
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as NetAddress from "effect/net/NetAddress"
import * as PrometheusMetrics from "effect/observability/PrometheusMetrics"
import * as Layer from "effect/Layer"
import * as Health from "../features/health/Health.ts"
import { CannotListen } from "./errors.ts"
import type { HttpOptions } from "./http-options.ts"

/** How far a process has come; only itself knows. */
export interface Phase {
  now: "starting" | "up" | "stopping"
}

/** How long requests may still take when everything else has stopped. */
const lastMillis = 500

/** Between the beginning of a request and its end. Probes have no body. */
const requestMillis = 10_000

const reasonOf = (verdict: Extract<Health.Verdict, { ok: false }>): string => {
  const { detail, reason } = verdict
  if (reason === "store") return `redis: ${detail}`
  return reason === "loop" ? `ended: ${detail}` : reason
}

const answerOf = (verdict: Health.Verdict) =>
  verdict.ok
    ? HttpServerResponse.jsonUnsafe({ status: "ok" })
    : HttpServerResponse.jsonUnsafe({ status: "unavailable", reason: reasonOf(verdict) }, { status: 503 })

const starting: Health.Verdict = { ok: false, reason: "starting" }
const stopping: Health.Verdict = { ok: false, reason: "stopping" }

const routes = (phase: Phase) =>
  Layer.mergeAll(
    PrometheusMetrics.layerHttp({ path: "/metrics" }),
    HttpRouter.add(
      "GET",
      "/livez",
      Effect.suspend(() => Effect.map(phase.now === "stopping" ? Effect.succeed(stopping) : Health.live, answerOf))
    ),
    HttpRouter.add(
      "GET",
      "/readyz",
      Effect.suspend(() => {
        if (phase.now === "up") return Effect.map(Health.ready, answerOf)
        return Effect.succeed(answerOf(phase.now === "starting" ? starting : stopping))
      })
    )
  )

/** Frees the port, and cuts off whoever still holds a connection: nobody may hold up the end of the process. */
const close = (server: Server) =>
  Effect.callback<void>((resume) => {
    server.close(() => resume(Effect.void))
  }).pipe(Effect.timeoutOption(lastMillis), Effect.andThen(Effect.sync(() => server.closeAllConnections())))

const problems: Readonly<Record<string, string>> = {
  EADDRINUSE: "the port is in use",
  EADDRNOTAVAIL: "it is no address of this machine",
  EACCES: "this user may not use the port",
  ENOTFOUND: "there is no such host"
}

const problemOf = (cause: unknown): string => {
  const { code = "", message = String(cause) } = cause as { readonly code?: string; readonly message?: string }
  return problems[code] ?? message
}

const listening = ({ host, port }: HttpOptions) =>
  Layer.effect(
    HttpServer.HttpServer,
    Effect.gen(function* () {
      const server = createServer({ requestTimeout: requestMillis, headersTimeout: requestMillis })
      const served = yield* NodeHttpServer.make(() => server, { host, port, disablePreemptiveShutdown: true })
      yield* Effect.addFinalizer(() => close(server))
      yield* Effect.logInfo(`/metrics, /livez and /readyz are on ${NetAddress.formatSocketAddress(served.address)}`)
      return served
    }).pipe(
      Effect.mapError(({ cause }) => {
        const address = `${isIPv6(host) ? `[${host}]` : host}:${port}`
        return new CannotListen({ address, problem: problemOf(cause) })
      })
    )
  )

/** Serves metrics and probes for as long as the layer lives. */
export const endpoint = (options: HttpOptions, phase: Phase): Layer.Layer<never, CannotListen> =>
  HttpRouter.serve(routes(phase), { disableLogger: true, disableListenLog: true }).pipe(
    Layer.provide(listening(options))
  )
