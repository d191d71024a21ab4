// A chord: a group, and then what its results are for.
//
//   node -C winterq-source examples/workflow-chord.ts
import { Console, Effect, Layer, Schema } from "effect"
import { Task, Worker, Workflow, Workflows } from "winterq"
import * as Memory from "winterq/memory"

class CountWords extends Task.make("words.count", { payload: { text: Schema.String }, success: Schema.Int }) {}

class Sum extends Task.make("words.sum", { payload: { title: Schema.String }, success: Schema.String }) {}

const HandlersLive = Layer.mergeAll(
  Worker.handler(CountWords, ({ text }) => Effect.succeed(text.split(" ").length)),
  Worker.handler(Sum, ({ title }, job) =>
    Effect.map(
      Workflows.parentResults(CountWords, job),
      (counts) => `${title}: ${counts.join(" + ")} = ${counts.reduce((sum, count) => sum + count, 0)} words`
    )
  )
)

const pages = ["the quick brown fox", "jumps over", "the lazy dog"]

const program = Effect.gen(function* () {
  const handle = yield* Workflows.start(
    Workflow.chord(
      pages.map((text) => Workflow.job(CountWords, { text })),
      Workflow.job(Sum, { title: "Pangram" })
    )
  )
  yield* Console.log(yield* Workflows.awaitResult(handle))
})

const WorkerLive = Worker.layer({ tasks: [CountWords, Sum] }).pipe(Layer.provide(HandlersLive))

await Effect.runPromise(
  program.pipe(Effect.provide(Layer.mergeAll(Workflows.layer, WorkerLive).pipe(Layer.provideMerge(Memory.layer))))
)

// Output:
// Pangram: 4 + 2 + 3 = 9 words
