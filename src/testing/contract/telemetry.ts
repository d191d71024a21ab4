import { assert } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Tracer from "effect/Tracer"
import { Cancel, SkipRetry, Snooze } from "../../domain/Steering.ts"
import { Client } from "../../features/client/Client.ts"
import * as Telemetry from "../../features/telemetry/Telemetry.ts"
import type { JobInfo } from "../../features/worker/Worker.ts"
import { contract } from "./contract.ts"
import { listeningTracer, seriesOf } from "./observing-support.ts"
import { job, release } from "./support.ts"
import type { TestQueue } from "./TestQueue.ts"
import { advanceUntil, Echo, enqueue, eventually, isIn, work } from "./worker-support.ts"

const succeed = ({ text }: { readonly text: string }) => Effect.succeed(text)

const headersOf = (queue: TestQueue, id: string) => Effect.map(queue.read(id), ({ headers }) => headers)

const foreign = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" }
const traceparent = `00-${foreign.traceId}-${foreign.spanId}-01`

const traced = (id: string, headers: Readonly<Record<string, string>> = { traceparent }) =>
  job(id, { kind: Echo.kind, payload: `{"text":"${id}"}`, headers })

const parentOf = (span: Tracer.Span) => Option.getOrUndefined(span.parent)?.spanId

export const telemetryContract = contract("telemetry", (it) => {
  it.effect("TRACE-1 TRACE-2 a job enqueued in a span carries the span of its enqueue", (queue) =>
    Effect.gen(function* () {
      const { named, spans, tracer } = listeningTracer()
      yield* enqueue(queue, Echo, { text: "" }, { id: "inside" }).pipe(
        Effect.withSpan("caller"),
        Effect.provideService(Tracer.Tracer, tracer)
      )

      const [caller] = named("caller")
      const [send] = named(`send ${queue.name}`)
      assert.lengthOf(spans, 2)
      assert.deepStrictEqual(yield* headersOf(queue, "inside"), {
        traceparent: `00-${caller!.traceId}-${send!.spanId}-01`
      })
      assert.deepInclude(send, { kind: "producer" })
      assert.strictEqual(parentOf(send!), caller!.spanId)
      assert.strictEqual(send!.status._tag, "Ended")
      assert.deepInclude(Object.fromEntries(send!.attributes), {
        "messaging.system": "winterq",
        "messaging.destination.name": queue.name,
        "messaging.operation.type": "send",
        "messaging.batch.message_count": 1
      })
    })
  )

  it.effect("TRACE-1 a job carries nothing when nobody would see its trace", (queue) =>
    Effect.gen(function* () {
      const { spans, tracer } = listeningTracer()
      const off = Client.layer.pipe(Layer.provide(Telemetry.layer({ tracing: "off" })))
      const untraced = [
        enqueue(queue, Echo, { text: "" }, { id: "no-span" }).pipe(Effect.provideService(Tracer.Tracer, tracer)),
        enqueue(queue, Echo, { text: "" }, { id: "no-tracer" }).pipe(Effect.withSpan("caller")),
        enqueue(queue, Echo, { text: "" }, { id: "unsampled" }).pipe(
          Effect.withSpan("caller", { sampled: false }),
          Effect.provideService(Tracer.Tracer, tracer)
        ),
        Client.enqueue(Echo, { text: "" }, { queue: queue.name, id: "off" }).pipe(
          Effect.provide(off),
          Effect.withSpan("caller"),
          Effect.provideService(Tracer.Tracer, tracer)
        )
      ]
      yield* Effect.all(untraced)

      const ids = ["no-span", "no-tracer", "unsampled", "off"]
      assert.deepStrictEqual(
        yield* Effect.forEach(ids, (id) => headersOf(queue, id)),
        ids.map(() => ({}))
      )
      assert.isFalse(spans.some(({ name }) => name.startsWith("send")))
    })
  )

  it.effect("TRACE-3 a traced job runs in a span that is a child of its enqueue's", (queue) =>
    Effect.gen(function* () {
      const { named, tracer } = listeningTracer()
      const inner = ({ text }: { readonly text: string }) => Effect.withSpan(Effect.succeed(text), "inner")
      yield* queue.enqueue(traced("one"))
      // a worker that is built in a span does not run its jobs in it
      yield* work(queue, Echo, inner).pipe(Effect.withSpan("main"), Effect.provideService(Tracer.Tracer, tracer))

      yield* advanceUntil(isIn(queue, "one", "none"))

      const [span] = named(`process ${queue.name}`)
      assert.deepInclude(span, { kind: "consumer", traceId: foreign.traceId, sampled: true })
      assert.strictEqual(parentOf(span!), foreign.spanId)
      assert.strictEqual(parentOf(named("inner")[0]!), span!.spanId)
      assert.deepInclude(Object.fromEntries(span!.attributes), {
        "messaging.system": "winterq",
        "messaging.destination.name": queue.name,
        "messaging.operation.type": "process",
        "messaging.message.id": "one",
        "winterq.job.kind": Echo.kind,
        "winterq.job.attempt": 1
      })
    })
  )

  it.effect("TRACE-3 with links, a traced job has a trace of its own", (queue) =>
    Effect.gen(function* () {
      const { named, tracer } = listeningTracer()
      yield* queue.enqueue(traced("one"))
      yield* work(queue, Echo, succeed).pipe(
        Effect.provide(Telemetry.layer({ producer: "link" })),
        Effect.provideService(Tracer.Tracer, tracer)
      )

      yield* advanceUntil(isIn(queue, "one", "none"))

      const [span] = named(`process ${queue.name}`)
      assert.notStrictEqual(span!.traceId, foreign.traceId)
      assert.isTrue(Option.isNone(span!.parent))
      assert.deepStrictEqual(
        span!.links.map((link) => [link.span.traceId, link.span.spanId]),
        [[foreign.traceId, foreign.spanId]]
      )
    })
  )

  it.effect("TRACE-4 an attempt has no span unless its job carries a trace or all are wanted", (queue) =>
    Effect.gen(function* () {
      const spansOf = (options: Telemetry.TelemetryOptions, ...ids: ReadonlyArray<string>) =>
        Effect.gen(function* () {
          const { spans, tracer } = listeningTracer()
          const broken = { traceparent: "00-what-ever-01" }
          yield* queue.enqueue(
            ...ids.map((id) => traced(id, id === "broken" ? broken : id === "traced" ? { traceparent } : {}))
          )
          yield* work(queue, Echo, succeed).pipe(
            Effect.provide(Telemetry.layer(options)),
            Effect.provideService(Tracer.Tracer, tracer)
          )
          yield* advanceUntil(Effect.map(queue.counters, ({ enqueued, removed }) => enqueued === removed))
          return spans.map((span) => span.attributes.get("messaging.message.id"))
        }).pipe(Effect.scoped)

      assert.deepStrictEqual(yield* spansOf({}, "plain", "broken", "traced"), ["traced"])
      assert.deepStrictEqual(yield* spansOf({ tracing: "always" }, "plain", "broken"), ["plain", "broken"])
      assert.deepStrictEqual(yield* spansOf({ tracing: "off" }, "plain", "traced"), [])
    })
  )

  it.effect("TRACE-5 a span ends as its attempt ends; to put off or call off is no error", (queue) =>
    Effect.gen(function* () {
      const { named, tracer } = listeningTracer()
      const endings: Record<string, () => Effect.Effect<string, unknown>> = {
        fails: () => Effect.fail(new TypeError("no")),
        snoozes: () => Effect.fail(Snooze.for("1 hour")),
        cancels: () => Effect.fail(new Cancel({ reason: "not wanted" })),
        skips: () => Effect.fail(new SkipRetry({ error: "hopeless" }))
      }
      yield* queue.enqueue(...Object.keys(endings).map((id) => traced(id)))
      yield* work(queue, Echo, ({ text }) => endings[text]!()).pipe(Effect.provideService(Tracer.Tracer, tracer))

      yield* advanceUntil(isIn(queue, "skips", "dead"))

      const told = named(`process ${queue.name}`)
        .slice(0, 4)
        .map(({ attributes, status }) => [
          attributes.get("messaging.message.id"),
          status._tag === "Ended" && status.exit._tag,
          attributes.get("error.type") ?? attributes.get("winterq.steering")
        ])
      assert.deepStrictEqual(told, [
        ["fails", "Failure", "TypeError"],
        ["snoozes", "Success", "Snooze"],
        ["cancels", "Success", "Cancel"],
        ["skips", "Failure", "SkipRetry"]
      ])
    })
  )

  it.effect(
    "TRACE-6 what a handler enqueues belongs to the trace of its job, also where nothing is collected",
    (queue) =>
      Effect.gen(function* () {
        const chain = ({ text }: { readonly text: string }) =>
          text === "first"
            ? Effect.as(Client.enqueue(Echo, { text: "second" }, { queue: queue.sibling.name, id: "second" }), text)
            : Effect.succeed(text)
        yield* queue.enqueue(traced("first", { traceparent, tracestate: "vendor=1" }))
        yield* work(queue, Echo, (payload) => Effect.provide(chain(payload), Client.layer))

        yield* advanceUntil(Effect.map(queue.sibling.depths, ({ pending }) => pending === 1))

        assert.deepStrictEqual(yield* headersOf(queue.sibling, "second"), { traceparent, tracestate: "vendor=1" })
      })
  )

  it.effect("METRIC-1 METRIC-2 a worker counts and times its attempts", (queue) =>
    Effect.gen(function* () {
      const registry: Metric.MetricRegistry = new Map()
      const run = ({ text }: { readonly text: string }, { attempt, snoozes }: JobInfo) => {
        if (text === "retry" && attempt === 1) return Effect.fail(new Error("once"))
        if (text === "dead") return Effect.fail(new SkipRetry({ error: "hopeless" }))
        if (text === "snooze" && snoozes === 0) return Effect.fail(Snooze.for("1 second"))
        return text === "wait" ? Effect.never : Effect.succeed(text)
      }
      yield* queue.enqueue(job("lost", { kind: Echo.kind, payload: `{"text":"complete"}` }))
      yield* queue.claim({ limit: 1, worker: "vanished", leaseMillis: 1000 })
      yield* queue.enqueue(job("stranger", { kind: "contract.stranger" }))
      yield* work(queue, Echo, run, { concurrency: 5 }).pipe(
        Effect.provide(Telemetry.layer()),
        Effect.provideService(Metric.MetricRegistry, registry)
      )
      for (const text of ["complete", "retry", "dead", "snooze"]) yield* enqueue(queue, Echo, { text }, { id: text })
      yield* advanceUntil(
        Effect.map(queue.counters, ({ completed, died, released }) => completed === 4 && died === 1 && released > 0)
      )
      yield* enqueue(queue, Echo, { text: "wait" }, { id: "wait" })
      const kind = `kind=${Echo.kind}`
      yield* eventually(Effect.map(seriesOf(registry), (series) => series[`jobs_started_total{${kind}}`] === 8))

      const series = yield* seriesOf(registry)
      assert.deepInclude(series, {
        [`jobs_started_total{${kind}}`]: 8,
        [`jobs_finished_total{${kind},outcome=completed}`]: 4,
        [`jobs_finished_total{${kind},outcome=retry}`]: 1,
        [`jobs_finished_total{${kind},outcome=dead}`]: 1,
        [`jobs_finished_total{${kind},outcome=snoozed}`]: 1,
        [`job_run_seconds{${kind}}`]: 7,
        [`job_wait_seconds{${kind}}`]: 5,
        "jobs_recovered_total{cause=lease_expired}": 1,
        "worker_slots{state=busy}": 1,
        "worker_slots{state=free}": 4
      })
      assert.isAtLeast(series["jobs_finished_total{kind=unknown,outcome=no_handler}"]!, 1)
    })
  )

  it.effect("METRIC-2 a worker counts lost leases and settlements that came too late", (queue) =>
    Effect.gen(function* () {
      const registry: Metric.MetricRegistry = new Map()
      const gate = yield* Deferred.make<string>()
      const started = yield* Deferred.make<number>()
      yield* work(
        queue,
        Echo,
        (_, { token }) => Effect.andThen(Deferred.succeed(started, token), Deferred.await(gate)),
        {
          concurrency: 1,
          log: false
        }
      ).pipe(Effect.provide(Telemetry.layer()), Effect.provideService(Metric.MetricRegistry, registry))
      const { id } = yield* enqueue(queue, Echo, { text: "" })
      const token = yield* Deferred.await(started)

      // somebody else ended the attempt, and a third has the job
      yield* queue.settle(release({ id, token }))
      yield* queue.claimOne({ worker: "another" })
      yield* Deferred.succeed(gate, "too late")
      yield* eventually(Effect.map(queue.counters, ({ stale }) => stale > 0))
      const counted = Effect.map(seriesOf(registry), (series) => series["job_stale_writes_total{}"] === 1)
      yield* eventually(Effect.andThen(queue.depths, counted))

      assert.deepInclude(yield* seriesOf(registry), {
        "job_leases_lost_total{}": 1,
        [`jobs_finished_total{kind=${Echo.kind},outcome=lease_lost}`]: 1
      })
    })
  )

  it.effect("METRIC-3 a client counts what it enqueues", (queue) =>
    Effect.gen(function* () {
      const registry: Metric.MetricRegistry = new Map()
      const CountingClient = Client.layer.pipe(Layer.provide(Telemetry.layer()))
      const one = (id: string) => Client.enqueue(Echo, { text: "" }, { queue: queue.name, id })
      yield* Effect.all([one("a"), one("b"), one("a")]).pipe(
        Effect.provide(CountingClient),
        Effect.provideService(Metric.MetricRegistry, registry)
      )

      assert.deepStrictEqual(yield* seriesOf(registry), {
        [`jobs_enqueued_total{kind=${Echo.kind}}`]: 2,
        [`enqueue_duplicates_total{kind=${Echo.kind}}`]: 1
      })
    })
  )

  it.effect("METRIC-4 gauges tell how many jobs a queue holds", (queue) =>
    Effect.gen(function* () {
      const registry: Metric.MetricRegistry = new Map()
      yield* queue.enqueue(job("a"), job("b"), job("c", { visible: { inMillis: 60_000 } }))
      yield* queue.pause
      yield* Layer.build(Telemetry.queueGauges({ queues: [queue.name], every: "10 seconds" })).pipe(
        Effect.provideService(Metric.MetricRegistry, registry)
      )
      const gauge = (name: string, value: number) =>
        Effect.map(Effect.andThen(queue.depths, seriesOf(registry)), (series) => series[name] === value)

      yield* eventually(gauge("queue_paused{}", 1))
      const first = yield* seriesOf(registry)
      yield* queue.resume
      yield* queue.claimOne()
      yield* advanceUntil(gauge("queue_paused{}", 0))

      assert.deepInclude(first, { "queue_jobs{state=pending}": 2, "queue_jobs{state=scheduled}": 1 })
      assert.deepInclude(yield* seriesOf(registry), { "queue_jobs{state=pending}": 1, "queue_jobs{state=active}": 1 })
    })
  )

  it.effect("METRIC-4 gauges follow the queues that an effect names", (queue) =>
    Effect.gen(function* () {
      const registry: Metric.MetricRegistry = new Map()
      yield* queue.enqueue(job("a"), job("b"))
      yield* queue.sibling.enqueue(job("c"))
      const named: Array<string> = []
      const queues = Effect.sync(() => named)
      yield* Layer.build(Telemetry.queueGauges({ queues, every: "10 seconds" })).pipe(
        Effect.provideService(Metric.MetricRegistry, registry)
      )
      const looked = (count: number) =>
        Effect.map(Metric.snapshot, (all) => {
          const gauges = all.filter(({ id }) => id === "queue_jobs")
          return gauges.filter(({ attributes }) => attributes?.["state"] === "pending").length === count
        }).pipe(Effect.provideService(Metric.MetricRegistry, registry), (seen) => Effect.andThen(queue.depths, seen))

      named.push(queue.sibling.name)
      yield* advanceUntil(looked(1))
      const first = yield* seriesOf(registry)
      named.push(queue.name)
      yield* advanceUntil(looked(2))

      assert.deepInclude(first, { "queue_jobs{state=pending}": 1 })
    })
  )

  it.effect("METRIC-5 without telemetry nothing is measured", (queue) =>
    Effect.gen(function* () {
      const registry: Metric.MetricRegistry = new Map()
      yield* Effect.gen(function* () {
        yield* work(queue, Echo, succeed)
        const { id } = yield* enqueue(queue, Echo, { text: "" })
        yield* advanceUntil(isIn(queue, id, "completed"))
      }).pipe(Effect.provideService(Metric.MetricRegistry, registry))

      assert.deepStrictEqual(yield* seriesOf(registry), {})
    })
  )
})
