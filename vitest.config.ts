import { defineConfig } from "vitest/config"

export default defineConfig({
  // tests may import `winterq` as users do, and get the sources
  resolve: { conditions: ["winterq-source"] },
  ssr: { resolve: { conditions: ["winterq-source"] } },
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/support/global-setup.ts"],
    setupFiles: ["test/support/seeded.ts"],
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000
  }
})
