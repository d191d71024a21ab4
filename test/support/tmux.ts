import { execFile, spawnSync } from "node:child_process"
import { setTimeout } from "node:timers/promises"
import { promisify, stripVTControlCharacters } from "node:util"
import { winterCommand } from "./winter.ts"

const run = promisify(execFile)

/** Why there is no terminal to drive; nothing when there is. */
export const noTmux: string | undefined =
  spawnSync("tmux", ["-V"]).status === 0 ? undefined : "tmux is not on PATH: apt-get install tmux"

const quoted = (args: ReadonlyArray<string>): string => args.map((arg) => `'${arg.replaceAll("'", `'\\''`)}'`).join(" ")

/** A terminal of 140 columns that runs one command of `winter`, and then tells how it ended. */
export class Terminal {
  readonly #socket = `winterq-${process.pid}-${crypto.randomUUID().slice(0, 8)}`

  #tmux(...args: ReadonlyArray<string>) {
    return run("tmux", ["-L", this.#socket, ...args])
  }

  /** Starts the command; its exit code appears as `ended with N`. */
  async start(args: ReadonlyArray<string>): Promise<void> {
    const command = `${quoted([...winterCommand, ...args])}; echo "ended with $?"; sleep 60`
    await this.#tmux(
      "-f",
      "/dev/null",
      "new-session",
      "-d",
      "-x",
      "140",
      "-y",
      "30",
      `env -u NO_COLOR TERM=xterm-256color sh -c ${quoted([command])}`
    )
  }

  async keys(...keys: ReadonlyArray<string>): Promise<void> {
    await this.#tmux("send-keys", ...keys)
  }

  /** What stands on the screen, with its colours. */
  async screen(): Promise<string> {
    const { stdout } = await this.#tmux("capture-pane", "-p", "-e")
    return stdout
  }

  /** Waits until the screen, without colours, is as wanted; answers it with them. */
  async until(wanted: RegExp, seconds = 40): Promise<string> {
    const end = Date.now() + seconds * 1000
    for (;;) {
      const screen = await this.screen()
      if (wanted.test(stripVTControlCharacters(screen))) return screen
      if (Date.now() > end) throw new Error(`the screen never showed ${wanted}:\n${screen}`)
      await setTimeout(50)
    }
  }

  async close(): Promise<void> {
    await this.#tmux("kill-server").catch(() => undefined)
  }
}
