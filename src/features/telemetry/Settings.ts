import * as Context from "effect/Context"

/** What a worker or a client tells of its jobs. */
export interface Settings {
  readonly metrics: boolean
  readonly tracing: "auto" | "always" | "off"
  readonly producer: "parent" | "link"
}

/** Read once, when a worker or a client is built. Without `Telemetry.layer` nothing is measured, and traces are followed. */
export const Settings = Context.Reference<Settings>("winterq/features/telemetry/Settings", {
  defaultValue: () => ({ metrics: false, tracing: "auto", producer: "parent" })
})
