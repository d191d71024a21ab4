import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import type { RedisSettings } from "../config/Config.ts"
import type { Ports } from "../ports/Ports.ts"
import type { ConnectionFailed } from "./errors.ts"

/** The texts of the files that TLS needs. */
export interface TlsTexts {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
}

/** A user of the server with the rights that its part of a system needs. */
export interface AclUser {
  readonly name: string
  readonly purpose: string
  readonly rules: ReadonlyArray<string>
}

/** Connects to where the jobs are. Only main.ts knows which backend that is. */
export class Backend extends Context.Service<
  Backend,
  {
    readonly layer: (settings: RedisSettings, tls: TlsTexts) => Layer.Layer<Ports, ConnectionFailed>
    /** Users of the server with the least rights. */
    readonly aclUsers: (prefix: string) => Effect.Effect<ReadonlyArray<AclUser>>
  }
>()("winterq/cli/Backend") {}
