import * as Console from "effect/Console"
import * as CliOutput from "effect/cli/CliOutput"
import { exitCodes } from "./exit-code.ts"

/**
 * Help goes to stdout for who asks for it. What is wrong with a command line goes to stderr alone, in a few lines or as
 * JSON, and names the help.
 */
export const presenter = (asJson: boolean): CliOutput.Presenter =>
  CliOutput.Presenter.of({
    present: (event) => {
      if (event._tag !== "InvalidInvocation") return CliOutput.defaultPresenter.present(event)
      const { commandPath, errors } = event
      const message = errors.map((error) => error.message).join("\n")
      return Console.error(
        asJson
          ? JSON.stringify({ error: { type: errors[0]?._tag, message, exitCode: exitCodes.usage } })
          : `winter: ${message}\n\n${commandPath.join(" ")} --help tells what there is`
      )
    }
  })
