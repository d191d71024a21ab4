import * as Effect from "effect/Effect"
import * as Command from "effect/cli/Command"
import { Backend } from "../Backend.ts"
import { show } from "../output.ts"
import { settings } from "../settings.ts"

const print = Command.make("print", {}, () =>
  Effect.gen(function* () {
    const { redis } = yield* settings
    const backend = yield* Backend
    const users = yield* backend.aclUsers(redis.prefix)
    yield* show({ users }, (ui) =>
      users
        .map(
          ({ name, purpose, rules }) => `${ui.dim(`# ${purpose}`)}\nACL SETUSER ${name} on >PASSWORD ${rules.join(" ")}`
        )
        .join("\n\n")
    )
  })
).pipe(Command.withDescription("Print Redis users with the least rights, for producers, workers and operators"))

export const acl = Command.make("acl").pipe(
  Command.withDescription("Rights in Redis"),
  Command.withSubcommands([print])
)
