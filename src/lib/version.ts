/** Put in by the bundler; unknown to a program that runs from its sources. */
declare const builtCommit: string | undefined;
declare const builtAt: string | undefined;

/** The version of this program. `test/golden/cli.test.ts` holds it equal to package.json. */
export const version = '0.1.0';

/** The commit that the program was built from, and the date of that commit, or `unknown`. */
export const build: {readonly commit: string; readonly date: string} = {
  commit: typeof builtCommit === 'string' ? builtCommit : 'unknown',
  date: typeof builtAt === 'string' ? builtAt : 'unknown',
};
