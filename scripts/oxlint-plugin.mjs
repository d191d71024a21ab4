/** What oxlint has no rule for: no-restricted-syntax does not exist there. */
export default {
  meta: { name: "winterq" },
  rules: {
    "no-try": {
      create: (context) => ({
        TryStatement: (node) =>
          context.report({ node, message: "Failures are values here: use Effect, Exit or Result." })
      })
    }
  }
}
