import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 300_000,
    pool: 'forks', // onnxruntime-node's native sessions are safest one process a file
    maxWorkers: 2,
  },
})
