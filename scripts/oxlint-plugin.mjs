/** What oxlint has no rule for: no-restricted-syntax does not exist there. */
export default {
  meta: { name: "winterq" },
  rules: {
    "no-try": {
      create: (context) => ({
        TryStatement: (node) =>
          context.report({ node, message: "Failures are values here: use Effect, Exit or Result." })
      })
    },
    "no-function-in-assignment": {
      create: (context) => ({
        AssignmentExpression: ({ left, right }) => {
          if (left.type !== "MemberExpression" || !/^(Arrow)?FunctionExpression$/.test(right.type)) return
          const message = "V8 makes this function old from the start, with all it holds (decision 16): name it first."
          context.report({ node: right, message })
        }
      })
    }
  }
}
