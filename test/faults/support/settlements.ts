import { scripts } from "../../../src/backends/redis/scripts/index.ts"
import { type Call, runs } from "../../support/RespProxy.ts"

/** Whether an exchange has settlements: more than the sha, the count of keys, the keys, and seven arguments of a claim. */
export const hasSettlements = ({ args }: Call): boolean => args.length > 2 + scripts.exchange.keys.length + 7

/** An exchange that tells how an attempt ended. */
export const settles = (call: Call): boolean => runs("exchange")(call) && hasSettlements(call)
