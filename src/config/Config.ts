export { ConfigInvalid, type ConfigProblem } from "./ConfigInvalid.ts"
export { addressProblem } from "./ConfigFile.ts"
export { parseDuration } from "./duration.ts"
export { keyVariables, type Lookup, variableOf } from "./environment.ts"
export { type ConfigText, noConfig, parseConfig, readConfig } from "./read-config.ts"
export {
  type CronSettings,
  type LogLevel,
  type QueueSettings,
  type RedisSettings,
  type RetentionSettings,
  type ServerSettings,
  type Settings,
  urlOf,
  type WorkerSettings
} from "./Settings.ts"
