import {defineConfig} from 'vitest/config';

/** Tests against real programs of others. What a suite needs and does not find fails in CI and is named elsewhere. */
export default defineConfig({
  test: {
    include: ['test/peers/**/*.test.ts'],
    pool: 'forks',
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: ['default'],
  },
});
