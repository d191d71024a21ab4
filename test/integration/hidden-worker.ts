// A module for `winter worker`: a layer that shows no worker to whoever builds it. Its handler never ends by itself.
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Worker } from "winterq"
import { Slow } from "./Slow.ts"

const SlowLive = Worker.handler(Slow, (_, job) => Effect.andThen(job.log("started"), Effect.never))

export default Layer.effectDiscard(Effect.void).pipe(
  Layer.provide(Worker.layer({ tasks: [Slow] })),
  Layer.provide(SlowLive)
)
