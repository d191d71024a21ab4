import type { ConfigInvalid } from "../config/Config.ts"
import type { InvalidInput } from "../domain/limits.ts"
import type {
  InvalidPayload,
  InvalidResult,
  JobCancelled,
  JobDead,
  JobExpired,
  JobMissing,
  PayloadTooLarge
} from "../features/client/Client.ts"
import type { ScheduleMissing, ScheduleUnreadable } from "../features/schedules/Schedules.ts"
import type { ListenError } from "../grpc/index.ts"
import type { StoreError } from "../ports/StoreError.ts"
import type {
  BadFile,
  BadUsage,
  CannotListen,
  ChecksFailed,
  ConnectionFailed,
  NotConfirmed,
  NotFound,
  NotPossible,
  PartlyDone,
  TookTooLong
} from "./errors.ts"

/** Every way in which a command fails. */
export type CommandError =
  | BadFile
  | BadUsage
  | CannotListen
  | ChecksFailed
  | ConfigInvalid
  | ConnectionFailed
  | InvalidInput
  | InvalidPayload
  | InvalidResult
  | JobCancelled
  | JobDead
  | JobExpired
  | JobMissing
  | ListenError
  | NotConfirmed
  | NotFound
  | NotPossible
  | PartlyDone
  | PayloadTooLarge
  | ScheduleMissing
  | ScheduleUnreadable
  | StoreError
  | TookTooLong

/** Exit codes; docs/guides/cli.md explains them. */
export const exitCodes = {
  ok: 0,
  /** It was understood and did not come out well. */
  failed: 1,
  /** Flags, arguments or configuration make no sense. */
  usage: 2,
  /** What was named is not there. */
  notFound: 3,
  /** Redis cannot be reached or used. */
  unavailable: 4,
  /** A confirmation was needed and not given. */
  notConfirmed: 5,
  /** Some was done and some was not. */
  partly: 6,
  interrupted: 130
} as const

/** The exit code of every error; one that is not listed does not compile. */
export const codeOf = {
  BadFile: exitCodes.usage,
  BadUsage: exitCodes.usage,
  CannotListen: exitCodes.failed,
  ChecksFailed: exitCodes.failed,
  ConfigInvalid: exitCodes.usage,
  ConnectionFailed: exitCodes.unavailable,
  InvalidInput: exitCodes.usage,
  InvalidPayload: exitCodes.usage,
  InvalidResult: exitCodes.failed,
  JobCancelled: exitCodes.failed,
  JobDead: exitCodes.failed,
  JobExpired: exitCodes.failed,
  JobMissing: exitCodes.notFound,
  ListenError: exitCodes.failed,
  NotConfirmed: exitCodes.notConfirmed,
  NotFound: exitCodes.notFound,
  NotPossible: exitCodes.failed,
  PartlyDone: exitCodes.partly,
  PayloadTooLarge: exitCodes.usage,
  ScheduleMissing: exitCodes.notFound,
  ScheduleUnreadable: exitCodes.failed,
  StoreError: exitCodes.unavailable,
  TookTooLong: exitCodes.failed
} as const satisfies Record<CommandError["_tag"], number>
