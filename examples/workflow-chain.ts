// A chain: each step starts when the one before has completed, and can read what it gave.
//
//   node -C winterq-source examples/workflow-chain.ts
import { Console, Effect, Layer, Schema } from "effect"
import { Task, Worker, Workflow, Workflows } from "winterq"
import * as Memory from "winterq/memory"

class Charge extends Task.make("order.charge", {
  payload: { order: Schema.String, cents: Schema.Int },
  success: Schema.Struct({ receipt: Schema.String })
}) {}

class Ship extends Task.make("order.ship", {
  payload: { order: Schema.String },
  success: Schema.Struct({ parcel: Schema.String }),
  queue: "warehouse"
}) {}

class Thank extends Task.make("order.thank", { payload: { to: Schema.String }, success: Schema.String }) {}

const HandlersLive = Layer.mergeAll(
  Worker.handler(Charge, ({ cents, order }) =>
    Effect.as(Console.log(`charge ${cents} cents`), { receipt: `receipt of ${order}` })
  ),
  Worker.handler(Ship, ({ order }, job) =>
    Effect.gen(function* () {
      const [charge] = yield* Workflows.parentResults(Charge, job)
      yield* Console.log(`ship, paid by ${charge?.receipt}`)
      return { parcel: `parcel for ${order}` }
    })
  ),
  Worker.handler(Thank, ({ to }, job) =>
    Effect.map(Workflows.parentResults(Ship, job), ([shipped]) => `${to}, ${shipped?.parcel} is on its way`)
  )
)

const program = Effect.gen(function* () {
  const handle = yield* Workflows.start(
    Workflow.chain(
      Workflow.job(Charge, { order: "A1", cents: 1999 }),
      Workflow.job(Ship, { order: "A1" }),
      Workflow.job(Thank, { to: "Ada" })
    ),
    // starting it again changes nothing while it is kept
    { id: "order-A1", name: "order" }
  )
  yield* Console.log(yield* Workflows.awaitResult(handle))
  const again = yield* Workflows.start(handle.workflow, { id: "order-A1", name: "order" })
  yield* Console.log(`again: ${again.outcome}`)
})

const WorkerLive = Worker.layer({ tasks: [Charge, Ship, Thank] }).pipe(Layer.provide(HandlersLive))

await Effect.runPromise(
  program.pipe(Effect.provide(Layer.mergeAll(Workflows.layer, WorkerLive).pipe(Layer.provideMerge(Memory.layer))))
)

// Output:
// charge 1999 cents
// ship, paid by receipt of A1
// Ada, parcel for A1 is on its way
// again: existing
