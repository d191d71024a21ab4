import * as Command from "effect/cli/Command"
import { acl } from "./commands/acl.ts"
import { completionsOf } from "./commands/completions.ts"
import { cron } from "./commands/cron.ts"
import { dlq } from "./commands/dlq.ts"
import { doctor } from "./commands/doctor.ts"
import { enqueue } from "./commands/enqueue.ts"
import { explain } from "./commands/explain.ts"
import { cancel, jobs, retry } from "./commands/jobs.ts"
import { pause, queues, resume } from "./commands/queues.ts"
import { server } from "./commands/server.ts"
import { status } from "./commands/status.ts"
import { top } from "./commands/top.ts"
import { worker } from "./commands/worker.ts"
import { workers } from "./commands/workers.ts"
import { workflows } from "./commands/workflows.ts"
import { globalFlags } from "./flags.ts"

const completions = completionsOf(() => winter)

/** The whole command. */
export const winter = Command.make("winter").pipe(
  Command.withDescription("Job queues on Redis: run them, feed them, look at them, steer them"),
  Command.withSubcommands([
    { group: "RUN", commands: [server, worker] },
    { group: "LOOK", commands: [status, top, queues, jobs, workers, explain, doctor] },
    { group: "STEER", commands: [enqueue, cancel, retry, pause, resume, dlq, cron, workflows] },
    { group: "SET UP", commands: [acl, completions] }
  ]),
  Command.withGlobalFlags(globalFlags)
)
