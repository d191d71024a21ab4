import { Redis } from "ioredis"
import { setTimeout as sleep } from "node:timers/promises"
import { scripts } from "../src/backends/redis/scripts/index.ts"
import { keysOf } from "../src/backends/redis/keys.ts"
import { makePayloads } from "./lib/payload.mts"
const N = Number(process.argv[2] ?? 300), BUSY = Number(process.argv[3] ?? 20000)
const r = new Redis({ port: 7400 }), ear = new Redis({ port: 7400 })
const keys = keysOf("winterq", "raw") as any
const k = (s: any) => { const n = s.keys.map((x: string) => keys[x]); return [s.sha1, n.length, ...n] }
for (const s of [scripts.enqueue, scripts.exchange]) await r.script("LOAD", s.source)
const ek = k(scripts.enqueue), xk = k(scripts.exchange)
let claimN = 0, done = (_t: number) => {}
const listen = async () => { while (true) {
  const out = await ear.pipeline().bzpopmin(keys.wake, 4).evalsha(...([...xk, "", "n:", "worker-1", ++claimN, 42, 30000, 0] as [any, any])).exec()
  const reply = out![1]![1] as string
  const [head, sizes, rest] = reply.split("\n", 3)
  if (rest === undefined) continue
  const token = Number(head!.split(",")[4]), [idSize, recs] = sizes!.split(";")
  const n = recs!.split(",").length, ids = Array.from({ length: n }, (_, i) => rest.slice(i * (Number(idSize) + 1), i * (Number(idSize) + 1) + Number(idSize)))
  JSON.parse(reply.slice(reply.lastIndexOf("\n") + 1))
  await r.evalsha(...([...xk, "", "n:", "worker-1", "", 0, 0, n, ...ids, ...ids.map((_, i) => `a${token + i},0`)] as [any, any]))
  done(performance.now())
} }
listen()
await sleep(100)
let n = 0
const stamp = Date.now().toString(36)
const go = async (count: number, rest: number) => { const lat: number[] = []; const c0 = process.cpuUsage()
for (const p of makePayloads(count)) { const e = new Promise<number>((res) => (done = res)); const t0 = performance.now(); n++
  await r.evalsha(...([...ek, "", "producer-" + stamp, n, n, 1, `${stamp}${String(n).padStart(12, "0")}`, 1, ",5,20,0,bench.work,\n\n", JSON.stringify(p)] as [any, any]))
  lat.push(await e - t0); if (rest) await sleep(rest) }
const cpu = process.cpuUsage(c0); lat.sort((a, b) => a - b)
if (rest) console.log([lat[count >> 1]!, lat[Math.floor(count * .1)]!, lat[Math.floor(count * .99)]!, (cpu.user + cpu.system) / count / 1000].map((x) => x.toFixed(3)).join(" ")) }
await go(BUSY / 10, 0); await sleep(200); await go(N, 5)
process.exit(0)
