// A server for producers and workers in any language. It runs until it is told to stop; here it stops at once, after
// its own health was asked for. `winter server` is the same, ready to run.
import { credentials, Client } from "@grpc/grpc-js"
import { service as health } from "grpc-health-check"
import { Effect, Layer, Logger, Redacted } from "effect"
import { GrpcServer } from "winterq/grpc"
import * as Memory from "winterq/memory"

const ServerLive = GrpcServer.layer({
  port: 0, // any free one; 50051 when left out
  tokens: [Redacted.make("a long secret, from your configuration")],
  drain: "10 seconds"
}).pipe(Layer.provide(Memory.layer)) // Redis.layer({ url }) in production

const program = Effect.gen(function* () {
  const { address } = yield* GrpcServer
  console.log("listens on", address.replace(/:\d+$/, ":<port>"))

  const client = new Client(address, credentials.createInsecure())
  const { path, requestSerialize, responseDeserialize } = health["Check"]!
  const answer = yield* Effect.callback<unknown, Error>((resume) => {
    client.makeUnaryRequest(path, requestSerialize, responseDeserialize, { service: "" }, (error, answer) =>
      resume(error === null ? Effect.succeed(answer) : Effect.fail(error))
    )
  })
  console.log("health", answer)
  client.close()
})

await program.pipe(Effect.provide(ServerLive), Effect.provide(Logger.layer([])), Effect.runPromise)
console.log("stopped")

// Output:
// listens on 127.0.0.1:<port>
// health { status: 'SERVING' }
// stopped
