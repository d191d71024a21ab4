import * as Console from "effect/Console"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Completions from "effect/cli/Completions"

const shells = ["bash", "zsh", "fish", "powershell"] as const

/** The script that completes the commands and flags of a command in a shell. */
export const completionsOf = (command: () => Command.Command.Any) =>
  Command.make(
    "completions",
    { shell: Argument.Literals("shell", shells).pipe(Argument.withDescription("Which shell")) },
    ({ shell }) => Console.log(Completions.generate("winter", shell, Completions.fromCommand(command())))
  ).pipe(
    Command.withDescription("Print a completion script for your shell"),
    Command.withExamples([{ command: "source <(winter completions bash)", description: "In bash" }])
  )
