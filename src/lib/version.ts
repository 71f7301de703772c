/** The version of this program. `test/golden/cli.test.ts` holds it equal to package.json. */
export const version = '0.1.0';
