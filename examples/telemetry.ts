// One trace from the caller to the job, metrics as a Prometheus text, and structured log lines. Runs offline.
//
//   node -C winterq-source examples/telemetry.ts
import { Effect, Exit, Layer, Logger, Option, References, Schema, Tracer } from "effect"
import { FetchHttpClient } from "effect/http"
import { Otlp } from "effect/observability"
import { Client, Snooze, Task, Telemetry, Worker } from "winterq"
import * as Memory from "winterq/memory"

class SendEmail extends Task.make("email.send", {
  payload: { to: Schema.String },
  success: Schema.String,
  queue: "mail"
}) {}

const SendEmailLive = Worker.handler(SendEmail, ({ to }, job) =>
  to === "later@example.org" && job.snoozes === 0
    ? Effect.fail(Snooze.for("10 millis"))
    : Effect.as(Effect.withSpan(Effect.void, "smtp"), `sent to ${to}`)
)

/** In production: traces, metrics and logs to an OpenTelemetry collector, with Effect's own exporter and no SDK. */
export const Exporter = Otlp.layerJson({
  baseUrl: "http://127.0.0.1:4318",
  resource: { serviceName: "mailer" }
}).pipe(Layer.provide(FetchHttpClient.layer))

// Here: spans and log lines are kept, to be printed at the end.
const spans: Array<Tracer.NativeSpan> = []
const lines: Array<string> = []
const Collector = Layer.mergeAll(
  Layer.succeed(Tracer.Tracer, {
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  }),
  Logger.layer([
    Logger.make(({ fiber, logLevel, message }) => {
      const { attempt, job_id, outcome } = fiber.getRef(References.CurrentLogAnnotations)
      lines.push(`${logLevel} ${String(message)}: ${String(job_id)} attempt ${String(attempt)} ${String(outcome)}`)
    })
  ])
)

const WorkerLive = Worker.layer({ tasks: [SendEmail], log: "all" }).pipe(Layer.provide(SendEmailLive))

const program = Effect.gen(function* () {
  const handles = yield* Effect.forEach(["ada@example.org", "later@example.org"], (to, i) =>
    Client.enqueue(SendEmail, { to }, { id: `mail-${i + 1}` })
  ).pipe(Effect.withSpan("POST /signup"))
  yield* Effect.forEach(handles, Client.awaitResult)
  // the worker hears that a result is stored a moment after whoever waits for it
  yield* Effect.sleep("100 millis")

  // a route of any HTTP server answers with this text; with Effect's own, PrometheusMetrics.layerHttp() mounts it
  return yield* Telemetry.prometheusText({ prefix: "mailer" })
})

const text = await Effect.runPromise(
  program.pipe(
    Effect.provide(
      Layer.mergeAll(Client.layer, WorkerLive, Telemetry.queueGauges({ queues: ["mail"], every: "20 millis" }))
    ),
    Effect.provide(Layer.mergeAll(Memory.layer, Telemetry.layer())),
    Effect.provide(Collector)
  )
)

/** A span and those below it; the parent of an attempt is known by its id only, as if it were of another process. */
const show = (span: Tracer.Span, indent: string): void => {
  const { attributes, kind, name, spanId, status } = span
  const job = attributes.get("messaging.message.id")
  const ended = status._tag === "Ended" && Exit.isSuccess(status.exit) ? "ok" : "failed"
  console.log(`${indent}${kind} ${name}${job === undefined ? "" : ` of ${String(job)}`}: ${ended}`)
  for (const other of spans) {
    if (Option.getOrUndefined(other.parent)?.spanId === spanId) show(other, `${indent}  `)
  }
}
for (const span of spans) if (Option.isNone(span.parent)) show(span, "")

for (const line of lines.toSorted()) console.log(line)

const shown = /^mailer_(?:jobs_|job_run_seconds_count|queue_jobs\{.*completed)/
for (const line of text.split("\n").toSorted()) if (shown.test(line)) console.log(line)

// Output:
// internal POST /signup: ok
//   producer send mail: ok
//     consumer process mail of mail-1: ok
//       internal smtp: ok
//   producer send mail: ok
//     consumer process mail of mail-2: ok
//     consumer process mail of mail-2: ok
//       internal smtp: ok
// Info job processed: mail-1 attempt 1 completed
// Info job processed: mail-2 attempt 1 completed
// Info job processed: mail-2 attempt 1 snoozed
// mailer_job_run_seconds_count{queue="mail",kind="email.send"} 3
// mailer_jobs_enqueued_total{queue="mail",kind="email.send"} 2
// mailer_jobs_finished_total{queue="mail",kind="email.send",outcome="completed"} 2
// mailer_jobs_finished_total{queue="mail",kind="email.send",outcome="snoozed"} 1
// mailer_jobs_started_total{queue="mail",kind="email.send"} 3
// mailer_queue_jobs{queue="mail",state="completed"} 2
