import { makePayloads } from "./lib/payload.mts"
import { setTimeout as sleep } from "node:timers/promises"
const [n, busy, which] = [Number(process.argv[2] ?? 600), Number(process.argv[3] ?? 20000), process.argv[4] ?? "winterq"]
const c = (await import(`./contenders/${which}.mts`)).default
const q = await c.open({ host: "127.0.0.1", port: 7400 } as any, "plain")
let done = () => {}, left = 0, doneAt = 0
const worker = await q.readyWorker({ concurrency: 10, onJob: () => {}, onDone: () => { doneAt = performance.now(); if (left > 0) left--; if (left === 0) done() } } as any)
await worker.start(); await sleep(200)
left = busy
if (busy) { const e = new Promise<void>((res) => (done = res)); await q.enqueueEach(makePayloads(busy), 100); await e; await sleep(300) }
const lat: number[] = []; const c0 = process.cpuUsage()
for (const p of makePayloads(n)) { left = 1; const e = new Promise<void>((res) => (done = res)); const t0 = performance.now(); await q.enqueue(p); await e; lat.push(doneAt - t0); await sleep(5) }
const cpu = process.cpuUsage(c0)
lat.sort((a, b) => a - b)
console.log([lat[n >> 1]!, lat[Math.floor(n * .1)]!, lat[Math.floor(n * .99)]!, (cpu.user + cpu.system) / n / 1000].map((x) => x.toFixed(3)).join(" "))
process.exit(0)
