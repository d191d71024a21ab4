import { randomBytes } from "node:crypto"
import { Console, Effect, Layer, Option, Redacted, Schema } from "effect"
import { Client, Encryption, JobStore, Task, Worker } from "winterq"
import * as Memory from "winterq/memory"

class Charge extends Task.make("card.charge", {
  payload: { card: Schema.String, cents: Schema.Int },
  success: Schema.String
}) {}

// in production: Config.Redacted("QUEUE_KEY_2026"), from `openssl rand -base64 32`
const secret = () => Redacted.make(randomBytes(32).toString("base64"))
const keys = { "2025": secret(), "2026": secret() }
const uniqueSecret = secret()

const ChargeLive = Worker.handler(Charge, ({ card, cents }) =>
  Effect.as(Console.log(`charging ${card}`), `charged ${cents} cents`)
)

const program = Effect.gen(function* () {
  const backend = yield* Layer.build(Memory.layer)
  const Plain = Layer.succeedContext(backend)
  const before = Encryption.layer({ keys, current: "2025", uniqueSecret }).pipe(Layer.provideMerge(Plain))
  const after = Encryption.layer({ keys, current: "2026", uniqueSecret }).pipe(Layer.provideMerge(Plain))
  const show = (id: string) =>
    JobStore.use((store) => Effect.map(store.get("default", id), (job) => Option.getOrThrow(job).payload))

  const payload = { card: "4111 1111 1111 1111", cents: 1250 }
  const handle = yield* Effect.provide(
    Client.enqueue(Charge, payload, { id: "charge-1" }),
    Client.layer.pipe(Layer.provide(before))
  )

  const stored = yield* Effect.provide(show(handle.id), Plain)
  yield* Console.log(`stored: ${stored.slice(0, 9)}...`)
  yield* Console.log(`with the keys: ${yield* Effect.provide(show(handle.id), after)}`)

  // a worker of the new year reads what the old one wrote
  const result = yield* Client.awaitResult(handle).pipe(
    Effect.provide(Client.layer),
    Effect.provide(Worker.layer({ tasks: [Charge] }).pipe(Layer.provide(ChargeLive))),
    Effect.provide(after)
  )
  yield* Console.log(result)
}).pipe(Effect.scoped)

await Effect.runPromise(program)

// Output:
// stored: wq1.2025....
// with the keys: {"card":"4111 1111 1111 1111","cents":1250}
// charging 4111 1111 1111 1111
// charged 1250 cents
