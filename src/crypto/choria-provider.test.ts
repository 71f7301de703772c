/** What the provider of tokens needs to be there. */
import {expect, test} from 'vitest';
import {FakeFiles} from '../../test/support/fake-files.ts';
import {createChoriaProvider} from './index.ts';

const seed = '07'.repeat(32);

test.each([
  ['caPath', 'authority'],
  ['certificatePath', 'certificate'],
  ['keyPath', 'private key'],
] as const)(
  'a configured file that is not there is a problem, never a check that is left out: %s',
  async (setting, what) => {
    const provider = await createChoriaProvider({
      files: new FakeFiles({'/etc/choria/seed': seed}),
      identity: 'rip',
      mode: 'client',
      issuers: {},
      tokenPath: '',
      seedPath: '/etc/choria/seed',
      [setting]: '/etc/choria/none.pem',
    });
    expect(await provider.validate()).toContain(`the ${what} /etc/choria/none.pem does not exist`);
  },
);
