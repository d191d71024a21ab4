import { mkdtemp, writeFile } from "node:fs/promises"
import { connect as open, createServer, type Socket } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { freePort, freshRedis } from "../support/fresh-redis.ts"
import { connect, healthOf, until } from "../support/grpc.ts"
import { redisUrl } from "../support/redis-url.ts"
import { runWinter, startWinter, winterOn } from "../support/winter.ts"

const handlers = join(import.meta.dirname, "../../examples/cli/handlers.ts")
const hidden = join(import.meta.dirname, "hidden-worker.ts")

/** Outages are noticed sooner than by default. */
const env = {
  WINTER_REDIS_TIMEOUT: "1s",
  WINTER_SCHEDULER_POLL_INTERVAL: "200ms",
  WINTER_WORKERS_RECOVERY_INTERVAL: "200ms"
}

/** What a path answers: its status, and its body; 0 when nobody listens. */
const get = (port: number, path: string) =>
  Effect.promise(() =>
    fetch(`http://127.0.0.1:${port}${path}`)
      .then(async (response) => ({ status: response.status, body: await response.text() }))
      .catch((error: Error) => ({ status: 0, body: error.message }))
  )

/** Asks until the answer has this status. */
const answers = (port: number, path: string, status: number) =>
  until(get(port, path), (answer) => answer.status === status)

const start = (args: ReadonlyArray<string>, extra: Readonly<Record<string, string>> = {}) =>
  Effect.acquireRelease(
    Effect.sync(() => startWinter(args, { env: { ...env, ...extra } })),
    (winter) => Effect.sync(() => winter.kill("SIGKILL"))
  )

const port = Effect.promise(freePort)

const ok = { status: 200, body: `{"status":"ok"}` }
const unavailable = (reason: string) => ({ status: 503, body: JSON.stringify({ status: "unavailable", reason }) })

describe("metrics", () => {
  it.live("of a worker count jobs that ran, and show the queues it serves", () =>
    Effect.gen(function* () {
      const winter = winterOn(redisUrl())
      const http = yield* port
      const args = ["--module", handlers, "--queues", "default,other", "--http-port", String(http)]
      const worker = yield* start(["worker", ...args, ...winter.place])
      yield* Effect.promise(() => worker.said("worker started"))

      yield* Effect.promise(() => winter.text("enqueue", "-k", "greet", "--payload", '{"name":"Ada"}', "--wait"))
      const finished = `jobs_finished_total{queue="default",kind="greet",outcome="completed"} 1`
      const { body } = yield* until(get(http, "/metrics"), (answer) => answer.body.includes(finished))
      const elsewhere = yield* get(http, "/")
      worker.kill("SIGTERM")
      const ended = yield* Effect.promise(() => worker.ended)

      assert.include(body, `jobs_started_total{queue="default",kind="greet"} 1`)
      assert.include(body, `worker_slots{state="free"} 5`)
      assert.include(body, `queue_jobs{queue="other",state="pending"} 0`)
      assert.include(body, `queue_paused{queue="default"} 0`)
      assert.strictEqual(elsewhere.status, 404)
      assert.deepStrictEqual([ended.code, ended.stderr], [0, ""])
    }).pipe(Effect.scoped)
  )

  it.live("of a server show every queue that there is", () =>
    Effect.gen(function* () {
      const winter = winterOn(redisUrl())
      const http = yield* port
      yield* Effect.promise(() => winter.text("enqueue", "-k", "greet", "-q", "lonely", "--payload", "{}"))
      const server = yield* start(["server", "--port", "0", "--http-port", String(http), ...winter.place])

      const seen = yield* until(get(http, "/metrics"), ({ body }) => body.includes("queue_jobs"))
      server.kill("SIGTERM")
      const ended = yield* Effect.promise(() => server.ended)

      assert.include(seen.body, `queue_jobs{queue="lonely",state="pending"} 1`)
      assert.deepStrictEqual([ended.code, ended.stderr], [0, ""])
    }).pipe(Effect.scoped)
  )
})

describe("probes", () => {
  it.live("of a worker: unready while Redis is away, ready when it is back, live throughout", () =>
    Effect.gen(function* () {
      const redis = yield* freshRedis()
      const http = yield* port
      const { place } = winterOn(redis.url)
      const worker = yield* start(["worker", "--module", handlers, "--http-port", String(http), ...place])
      yield* answers(http, "/readyz", 200)

      yield* Effect.promise(() => redis.kill())
      const away = yield* answers(http, "/readyz", 503)
      const live = yield* get(http, "/livez")
      yield* Effect.promise(() => redis.start())
      const back = yield* answers(http, "/readyz", 200)
      const alive = yield* get(http, "/livez")
      worker.kill("SIGTERM")
      const ended = yield* Effect.promise(() => worker.ended)

      assert.deepStrictEqual([away, live], [unavailable("redis: unavailable"), ok])
      assert.deepStrictEqual([back, alive], [ok, ok])
      assert.deepStrictEqual([ended.code, ended.stderr], [0, ""])
    }).pipe(Effect.scoped)
  )

  it.live("of a server: the same, and so does its gRPC health", () =>
    Effect.gen(function* () {
      const redis = yield* freshRedis()
      const [http, grpc] = yield* Effect.all([port, port])
      const ports = ["--port", String(grpc), "--http-port", String(http)]
      const server = yield* start(["server", ...ports, ...winterOn(redis.url).place])
      yield* answers(http, "/readyz", 200)
      const { client } = yield* connect(`127.0.0.1:${grpc}`)
      const health = healthOf(client, "")

      yield* Effect.promise(() => redis.kill())
      const away = yield* answers(http, "/readyz", 503)
      const live = yield* get(http, "/livez")
      const during = yield* health
      yield* Effect.promise(() => redis.start())
      const back = yield* answers(http, "/readyz", 200)
      const after = yield* health
      server.kill("SIGTERM")
      const ended = yield* Effect.promise(() => server.ended)

      assert.deepStrictEqual([away, live, back], [unavailable("redis: unavailable"), ok, ok])
      assert.deepStrictEqual([during, after], ["NOT_SERVING", "SERVING"])
      assert.deepStrictEqual([ended.code, ended.stderr], [0, ""])
    }).pipe(Effect.scoped)
  )

  it.live("of a worker whose Redis says nothing yet: starting, and live", () =>
    Effect.gen(function* () {
      const [http, mute] = yield* Effect.all([port, port])
      const sockets = new Set<Socket>()
      yield* Effect.acquireRelease(
        Effect.sync(() => createServer((socket) => void sockets.add(socket)).listen(mute, "127.0.0.1")),
        (server) =>
          Effect.sync(() => {
            for (const socket of sockets) socket.destroy()
            server.close()
          })
      )
      const args = ["--module", handlers, "--http-port", String(http), "--redis", `127.0.0.1:${mute}`]
      const worker = yield* start(["worker", ...args], { WINTER_REDIS_TIMEOUT: "10s" })

      const ready = yield* answers(http, "/readyz", 503)
      const live = yield* get(http, "/livez")
      for (const socket of sockets) socket.destroy()
      worker.kill("SIGTERM")

      assert.deepStrictEqual([ready, live], [unavailable("starting"), ok])
    }).pipe(Effect.scoped)
  )

  it.live("of a worker that stops: neither ready nor live; no connection holds it up", () =>
    Effect.gen(function* () {
      const winter = winterOn(redisUrl())
      const http = yield* port
      const args = ["--module", hidden, "--drain", "3s", "--http-port", String(http)]
      const worker = yield* start(["worker", ...args, ...winter.place])
      yield* answers(http, "/readyz", 200)
      const job = ["-k", "integration.slow", "-q", "slow", "--payload", '{"name":"a"}', "--id", "a"]
      yield* Effect.promise(() => winter.text("enqueue", ...job))
      const state = Effect.promise(() => winter.json<{ readonly state: string }>("jobs", "get", "a"))
      yield* until(state, (seen) => seen.state === "active")
      const held = yield* Effect.acquireRelease(
        Effect.sync(() => open(http, "127.0.0.1").on("error", () => undefined)),
        (socket) => Effect.sync(() => socket.destroy())
      )
      yield* Effect.promise(() => new Promise((resolve) => held.write("GET /livez HTTP/1.1\r\n", resolve)))

      worker.kill("SIGTERM")
      const ready = yield* answers(http, "/readyz", 503)
      const live = yield* get(http, "/livez")
      const since = performance.now()
      const ended = yield* Effect.promise(() => worker.ended)

      assert.deepStrictEqual([ready, live], [unavailable("stopping"), unavailable("stopping")])
      assert.deepStrictEqual([ended.code, ended.stderr], [0, ""])
      // the drain, what the connection is given, and the rest; unfinished requests are given ten seconds otherwise
      assert.isBelow(performance.now() - since, 9000)
    }).pipe(Effect.scoped)
  )
})

describe("the port", () => {
  it.live("in use is an error that names it, with 1", () =>
    Effect.gen(function* () {
      const taken = yield* port
      yield* Effect.acquireRelease(
        Effect.sync(() => createServer().listen(taken, "127.0.0.1")),
        (server) => Effect.sync(() => server.close())
      )
      const args = ["--http-port", String(taken), ...winterOn(redisUrl()).place]

      const [worker, server, json] = yield* Effect.promise(() =>
        Promise.all([
          runWinter(["worker", "--module", handlers, ...args]),
          runWinter(["server", "--port", "0", ...args]),
          runWinter(["server", "--port", "0", ...args, "--json"])
        ])
      )

      const message = `cannot serve metrics and probes on 127.0.0.1:${taken}: the port is in use`
      assert.deepStrictEqual([worker.code, worker.stderr], [1, `winter: ${message}\n`])
      assert.deepStrictEqual([server.code, server.stderr], [1, `winter: ${message}\n`])
      assert.notInclude(worker.stdout, "started")
      assert.deepStrictEqual(JSON.parse(json.stderr), { error: { type: "CannotListen", message, exitCode: 1 } })
    }).pipe(Effect.scoped)
  )

  it.live("comes from a flag, else the environment, else the file, and is off otherwise", () =>
    Effect.gen(function* () {
      const { place } = winterOn(redisUrl())
      const [ofFile, ofEnvironment, ofFlag] = yield* Effect.all([port, port, port])
      const config = join(yield* Effect.promise(() => mkdtemp(join(tmpdir(), "winterq-http-"))), "winter.yaml")
      yield* Effect.promise(() => writeFile(config, `server: { http_host: localhost, http_port: ${ofFile} }\n`))
      const lines = Effect.fnUntraced(function* (extra: ReadonlyArray<string>, variables = {}) {
        const worker = yield* start(["worker", "--module", handlers, ...extra, ...place], variables)
        yield* Effect.promise(() => worker.said("worker started"))
        worker.kill("SIGTERM")
        const { code, stdout } = yield* Effect.promise(() => worker.ended)
        assert.strictEqual(code, 0)
        return /readyz are on \S+?:(\d+)"/.exec(stdout)?.[1]
      }, Effect.scoped)
      const variables = { WINTER_SERVER_HTTP_PORT: String(ofEnvironment) }
      const flags = ["--http-host", "127.0.0.1", "--http-port", String(ofFlag)]

      const seen = yield* Effect.all([
        lines([]),
        lines(["--config", config]),
        lines(["--config", config], variables),
        lines(["--config", config, ...flags], variables)
      ])

      assert.deepStrictEqual(seen, [undefined, String(ofFile), String(ofEnvironment), String(ofFlag)])
    }).pipe(Effect.scoped)
  )

  it.live("that makes no sense, or a host without one, is refused with 2", () =>
    Effect.gen(function* () {
      const worker = ["worker", "--module", handlers, ...winterOn(redisUrl()).place]

      const [port, host, variable] = yield* Effect.promise(() =>
        Promise.all([
          runWinter([...worker, "--http-port", "65536"]),
          runWinter([...worker, "--http-host", "0.0.0.0"]),
          runWinter(worker, { env: { WINTER_SERVER_HTTP_PORT: "http" } })
        ])
      )

      assert.deepStrictEqual([port.code, host.code, variable.code], [2, 2, 2])
      assert.include(port.stderr, "http-port must be from 0 to 65535")
      assert.include(host.stderr, "http-host needs http-port")
      assert.include(variable.stderr, "WINTER_SERVER_HTTP_PORT: must be a port from 0 to 65535")
    })
  )
})
