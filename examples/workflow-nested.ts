// A nested graph: a release that builds and tests two packages side by side, publishes both, and announces them. One
// test dies, the workflow fails, and redriving the dead job revives it.
//
//   node -C winterq-source examples/workflow-nested.ts
import { Console, Effect, Layer, Option, References, Schema } from "effect"
import { DeadLetterStore, Task, Worker, Workflow, Workflows } from "winterq"
import * as Memory from "winterq/memory"

class Run extends Task.make("release.run", {
  payload: { step: Schema.String },
  success: Schema.String,
  maxAttempts: 1
}) {}

class Announce extends Task.make("release.announce", { payload: { version: Schema.String }, success: Schema.String }) {}

let isFlaky = true

const HandlersLive = Layer.mergeAll(
  Worker.handler(Run, ({ step }) =>
    Effect.suspend(() => {
      if (step === "test api" && isFlaky) return Effect.die(new Error("the network was down"))
      return Effect.succeed(step)
    })
  ),
  Worker.handler(Announce, ({ version }, job) =>
    Effect.map(Workflows.parentResults(Run, job), (published) => `${version}: ${published.join(", ")}`)
  )
)

const run = (step: string) => Workflow.job(Run, { step })

const release = Workflow.chain(
  run("install"),
  Workflow.group([
    Workflow.chain(run("build web"), run("test web")),
    Workflow.chain(run("build api"), Workflow.group([run("test api"), run("lint api")]))
  ]),
  Workflow.group([run("publish web"), run("publish api")]),
  Workflow.job(Announce, { version: "1.2.0" })
)

const tree = (id: string) =>
  Effect.flatMap(Workflows.nodes(id), (nodes) =>
    Console.log(
      nodes.map(({ node, parents, state }) => `${node}${parents.length > 0 ? `<${parents}` : ""} ${state}`).join(" | ")
    )
  )

const program = Effect.gen(function* () {
  const handle = yield* Workflows.start(release, { onFailure: "finish", deadline: "1 hour" })
  const failed = Option.getOrThrow(yield* Workflows.awaitEnd(handle.id))
  yield* Console.log(`${failed.state} at node ${failed.failedNode}: ${failed.completed} of ${failed.total} completed`)
  yield* tree(handle.id)

  isFlaky = false
  const deadLetters = yield* DeadLetterStore
  yield* deadLetters.redrive(Run.queue, { oldest: 1 })
  yield* Workflows.get(handle.id).pipe(
    Effect.repeat({ until: (found) => Option.getOrThrow(found).state === "completed" })
  )
  yield* Console.log(yield* Workflows.awaitResult(handle))
})

const WorkerLive = Worker.layer({ tasks: [Run, Announce], concurrency: 1 }).pipe(Layer.provide(HandlersLive))

await Effect.runPromise(
  program.pipe(
    Effect.provide(Layer.mergeAll(Workflows.layer, WorkerLive).pipe(Layer.provideMerge(Memory.layer))),
    // the worker warns of the job that dies
    Effect.provideService(References.MinimumLogLevel, "Error")
  )
)

// Output:
// failed at node 4: 5 of 9 completed
// 0 completed | 1<0 completed | 2<1 completed | 3<0 completed | 4<3 failed | 5<3 completed | 6<2,4,5 skipped | 7<6 skipped | 8<6 skipped | 9<7,8 skipped
// 1.2.0: publish web, publish api
