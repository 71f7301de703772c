import {defineConfig} from 'vitest/config';

/** .ci/run names a file for the counts of a tier. */
const reportPath = process.env['CHORIA_TEST_REPORT'];

/** Tests against real programs of others. What a suite needs and does not find fails in CI and is named elsewhere. */
export default defineConfig({
  test: {
    include: ['test/peers/**/*.test.ts'],
    pool: 'forks',
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Programs of others keep times of their own, which a machine under load can break: one more try there, and .ci/run names who needed it.
    retry: process.env['CI'] === 'true' ? 1 : 0,
    reporters: reportPath === undefined ? ['default'] : ['default', ['json', {outputFile: reportPath}]],
  },
});
