import type { Target } from "./Contender.mts"
import type { CommandUses } from "./redis-probe.mts"

/** What a child process is asked to measure. */
export interface MeasurementRequest {
  readonly scenario: string
  readonly contender: string
  readonly target: Target
  readonly jobs: number
  /** Where to write a CPU profile of the measured part; none when left out. */
  readonly profile?: string
}

/** What it answers. */
export interface Measurement {
  /** How many jobs the measured part was about. */
  readonly jobs: number
  readonly values: Readonly<Record<string, number>>
  /** CPU time of the client process and of Redis over the measured part, in microseconds a job. */
  readonly clientMicrosPerJob: number
  readonly redisMicrosPerJob: number
  /** Cores that anything else on the machine kept busy meanwhile; figures count when it is close to 0. */
  readonly otherCores: number
  readonly commands: CommandUses
}

export type MeasurementReply = { readonly measurement: Measurement } | { readonly error: string }
