import { execFile } from "node:child_process"
import { readFile } from "node:fs/promises"
import { connect } from "node:net"
import { join } from "node:path"
import { createServer } from "node:tls"
import { promisify } from "node:util"
import * as Effect from "effect/Effect"
import { type FreshRedis, freePort, startFreshRedis } from "./fresh-redis.ts"

const run = promisify(execFile)

/** Makes an authority of one's own and a certificate for 127.0.0.1 in a folder; answers the authority's certificate. */
export const makeCertificates = async (dir: string): Promise<Buffer> => {
  const file = (name: string) => join(dir, name)
  const openssl = (...args: ReadonlyArray<string>) => run("openssl", [...args])
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
  await openssl("req", "-x509", ...key, "-subj", "/CN=test-ca", "-keyout", file("ca.key"), "-out", file("ca.crt"))
  await openssl(
    ...["req", "-x509", ...key, "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"],
    ...["-addext", "basicConstraints=critical,CA:FALSE", "-CA", file("ca.crt"), "-CAkey", file("ca.key")],
    ...["-keyout", file("server.key"), "-out", file("server.crt")]
  )
  return readFile(file("ca.crt"))
}

/** Ends TLS in front of a server whose build has none. */
const tlsProxy = async (redis: FreshRedis): Promise<{ readonly port: number; readonly close: () => void }> => {
  const [key, cert] = await Promise.all(["server.key", "server.crt"].map((name) => readFile(join(redis.dir, name))))
  const server = createServer({ key: key!, cert: cert! }, (outer) => {
    const inner = connect(redis.port, "127.0.0.1")
    for (const socket of [inner, outer]) socket.on("error", () => undefined)
    outer.pipe(inner)
    inner.pipe(outer)
    outer.on("close", () => inner.destroy())
  })
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve)
  })
  const address = server.address()
  return { port: typeof address === "object" && address !== null ? address.port : 0, close: () => server.close() }
}

/** A Redis that speaks TLS on a port of its own, with a certificate that only `ca` vouches for. */
export const tlsRedis = Effect.acquireRelease(
  Effect.promise(async () => {
    const redis = await startFreshRedis()
    const ca = await makeCertificates(redis.dir)
    await redis.kill()
    const file = (name: string) => join(redis.dir, name)
    const own = { port: await freePort(), close: () => undefined }
    const tls = ["--tls-port", String(own.port), "--tls-cert-file", file("server.crt"), "--tls-key-file"]
    const withTls = [...tls, file("server.key"), "--tls-ca-cert-file", file("ca.crt"), "--tls-auth-clients", "no"]
    const hasTls = await redis.start(withTls).then(
      () => true,
      () => false
    )
    if (!hasTls) await redis.start([])
    return { redis, ca, proxy: hasTls ? own : await tlsProxy(redis) }
  }),
  ({ proxy, redis }) => {
    proxy.close()
    return Effect.promise(() => redis.stop())
  }
).pipe(Effect.map(({ ca, proxy }) => ({ ca, url: `rediss://127.0.0.1:${proxy.port}` })))
