import {defineConfig} from 'vitest/config';

/** .ci/run names a file for the counts of a tier. */
const reportPath = process.env['CHORIA_TEST_REPORT'];

export default defineConfig({
  test: {
    include: ['src/**/*.test.ts', 'test/**/*.test.ts'],
    exclude: ['test/peers/**', '**/node_modules/**'],
    // Threads without isolation keep 200 files near one second; no test may therefore keep module-level mutable state.
    pool: 'threads',
    isolate: false,
    setupFiles: ['test/support/property-seed.ts'],
    testTimeout: 90_000,
    hookTimeout: 60_000,
    dangerouslyIgnoreUnhandledErrors: false,
    reporters: reportPath === undefined ? ['default'] : ['default', ['json', {outputFile: reportPath}]],
  },
});
