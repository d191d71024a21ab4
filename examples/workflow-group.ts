// A group: all members at once, over several queues; and what each policy makes of one that fails.
//
//   node -C winterq-source examples/workflow-group.ts
import { Console, Effect, Layer, Option, References, Schema } from "effect"
import { Task, Worker, Workflow, Workflows } from "winterq"
import * as Memory from "winterq/memory"

class Broken extends Schema.TaggedError<Broken>()("Broken", { part: Schema.String }) {}

class Build extends Task.make("build", {
  payload: { part: Schema.String },
  success: Schema.String,
  error: Broken,
  maxAttempts: 1
}) {}

const BuildLive = Worker.handler(Build, ({ part }) =>
  part === "broken" ? Effect.fail(new Broken({ part })) : Effect.succeed(`${part}.js`)
)

const program = Effect.gen(function* () {
  const good = yield* Workflows.start(
    Workflow.group([
      Workflow.job(Build, { part: "web" }),
      Workflow.job(Build, { part: "api" }, { queue: "slow", priority: 9 }),
      Workflow.job(Build, { part: "cli" })
    ])
  )
  const [web, api, cli] = yield* Workflows.awaitResult(good)
  yield* Console.log([web, api, cli].join(" "))

  for (const onFailure of ["stop", "finish", "continue"] as const) {
    const bad = yield* Workflows.start(
      Workflow.group([
        Workflow.job(Build, { part: "broken" }),
        Workflow.chain(
          Workflow.job(Build, { part: "docs" }, { delay: "100 millis" }),
          Workflow.job(Build, { part: "site" })
        )
      ]),
      { onFailure }
    )
    const problem = yield* Effect.flip(Workflows.awaitResult(bad))
    const record = Option.getOrThrow(yield* Workflows.get(bad.id))
    yield* Console.log(
      `${onFailure}: ${record.state}, ${record.completed} completed, ${record.stopped} stopped, ${problem._tag}`
    )
  }
})

const WorkerLive = Worker.layer({ tasks: [Build], queues: ["default", "slow"] }).pipe(Layer.provide(BuildLive))

await Effect.runPromise(
  program.pipe(
    Effect.provide(Layer.mergeAll(Workflows.layer, WorkerLive).pipe(Layer.provideMerge(Memory.layer))),
    // the worker warns of the jobs that die
    Effect.provideService(References.MinimumLogLevel, "Error")
  )
)

// Output:
// web.js api.js cli.js
// stop: failed, 0 completed, 2 stopped, Broken
// finish: failed, 2 completed, 0 stopped, Broken
// continue: completed, 2 completed, 0 stopped, Broken
