import { defineConfig } from "vitest/config";

// Tests import packages by name and run against their sources; tests that spawn the CLI use dist.
export default defineConfig({
  ssr: { resolve: { conditions: ["@ctxpack/source"] } },
  test: {
    include: ["packages/*/test/**/*.test.ts", "examples/**/*.test.ts", "benchmarks/**/*.test.ts"],
    isolate: false,
    // They wait for processes, servers and disks more than they compute.
    maxWorkers: 3,
    // Real processes and real disks on a shared machine: generous, never a measure of speed.
    testTimeout: 300_000,
    hookTimeout: 180_000,
    coverage: { include: ["packages/*/src/**"], exclude: ["**/index.ts"] },
  },
});
