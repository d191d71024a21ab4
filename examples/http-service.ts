// An HTTP service that hands its slow work to a queue: one endpoint enqueues and answers at once, another tells how far
// the job is. The worker lives in the same process here; elsewhere it needs nothing but the same backend.
//
//   node -C winterq-source examples/http-service.ts
import * as NodeHttpServer from "@effect/platform-node/NodeHttpServer"
import { Console, Effect, Layer, References, Schema } from "effect"
import {
  FetchHttpClient,
  HttpBody,
  HttpClient,
  HttpRouter,
  HttpServer,
  HttpServerRequest,
  HttpServerResponse
} from "effect/http"
import { createServer } from "node:http"
import { Client, Inspector, Task, Worker } from "winterq"
import * as Memory from "winterq/memory"

class Report extends Task.make("report", {
  payload: { month: Schema.String },
  success: Schema.Struct({ pages: Schema.Int }),
  queue: "reports"
}) {}

const ReportLive = Worker.handler(Report, ({ month }) => Effect.succeed({ pages: month.length }))

const Routes = HttpRouter.use(
  Effect.fn(function* (router) {
    yield* router.add(
      "POST",
      "/reports",
      Effect.gen(function* () {
        const payload = yield* HttpServerRequest.schemaBodyJson(Report.payload)
        // a client that repeats its request gets the same job
        const { id, outcome } = yield* Client.enqueue(Report, payload, { id: `report-${payload.month}` })
        return HttpServerResponse.jsonUnsafe({ id, outcome }, { status: outcome === "enqueued" ? 202 : 200 })
      })
    )
    yield* router.add(
      "GET",
      "/reports/:id",
      Effect.gen(function* () {
        const { id = "" } = yield* HttpRouter.params
        const found = yield* Inspector.job(Report.queue, id)
        if (found._tag === "None") return HttpServerResponse.jsonUnsafe({ error: "no such report" }, { status: 404 })
        const { result, state } = found.value.job
        return HttpServerResponse.jsonUnsafe({ state, result: result === undefined ? null : JSON.parse(result) })
      })
    )
  })
)

const WorkerLive = Worker.layer({ tasks: [Report] }).pipe(Layer.provide(ReportLive))

const AppLive = Layer.mergeAll(HttpRouter.serve(Routes), WorkerLive).pipe(
  Layer.provideMerge(NodeHttpServer.layer(createServer, { port: 0 })),
  Layer.provideMerge(Client.layer),
  Layer.provideMerge(Memory.layer)
)

/** What a browser or another service would do. */
const visit = Effect.gen(function* () {
  const { address } = yield* HttpServer.HttpServer
  const base = address._tag === "UnixPathAddress" ? "" : `http://127.0.0.1:${address.port}`
  const say = (response: { readonly status: number; readonly json: Effect.Effect<unknown, unknown> }) =>
    Effect.flatMap(response.json, (body) => Console.log(response.status, JSON.stringify(body)))
  const post = HttpClient.post(`${base}/reports`, { body: HttpBody.jsonUnsafe({ month: "2026-11" }) })

  yield* Effect.flatMap(post, say)
  yield* Client.awaitResult({ id: "report-2026-11", queue: Report.queue, task: Report })
  yield* Effect.flatMap(post, say)
  yield* Effect.flatMap(HttpClient.get(`${base}/reports/report-2026-11`), say)
  yield* Effect.flatMap(HttpClient.get(`${base}/reports/unknown`), say)
})

await Effect.runPromise(
  visit.pipe(
    Effect.provide(AppLive.pipe(Layer.provideMerge(FetchHttpClient.layer))),
    Effect.provideService(References.MinimumLogLevel, "Warn")
  )
)

// Output:
// 202 {"id":"report-2026-11","outcome":"enqueued"}
// 200 {"id":"report-2026-11","outcome":"existing"}
// 200 {"state":"completed","result":{"pages":7}}
// 404 {"error":"no such report"}
