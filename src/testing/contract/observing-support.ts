import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import type * as LogLevel from "effect/LogLevel"
import * as Metric from "effect/Metric"
import * as References from "effect/References"
import * as Tracer from "effect/Tracer"

/** A log line, as a logger sees it. */
interface Line {
  readonly level: LogLevel.LogLevel
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

/** A logger that keeps what it is given. */
export const listeningLogger = () => {
  const lines: Array<Line> = []
  const logger = Logger.make(({ fiber, logLevel, message }) => {
    const text = Array.isArray(message) ? message.join(" ") : String(message)
    lines.push({ level: logLevel, message: text, fields: fiber.getRef(References.CurrentLogAnnotations) })
  })
  const about = (part: string) => lines.filter(({ message }) => message.includes(part))
  return { lines, about, layer: Layer.mergeAll(Logger.layer([logger])) }
}

/** A tracer that keeps its spans. */
export const listeningTracer = () => {
  const spans: Array<Tracer.NativeSpan> = []
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    }
  })
  return { spans, named: (name: string) => spans.filter((span) => span.name === name), tracer }
}

/** Series and their values, as `name{label=value}`; of a histogram its count. */
export const seriesOf = (registry: Metric.MetricRegistry) =>
  Effect.map(Effect.provideService(Metric.snapshot, Metric.MetricRegistry, registry), (metrics) =>
    Object.fromEntries(
      metrics.map(({ attributes, id, state }) => {
        const labels = Object.entries(attributes ?? {})
          .filter(([name]) => name !== "queue")
          .map(([name, value]) => `${name}=${value}`)
        const value = "count" in state ? state.count : "value" in state ? state.value : undefined
        return [`${id}{${labels.toSorted().join(",")}}`, Number(value)]
      })
    )
  )
