/** As `breakages.test.ts`, of a set-up whose members prove themselves with tokens. */
import {describe, expect, test} from 'vitest';
import {type Breakage, fleetDirectory, healthyFleet, type SickFleet} from '../../test/support/sick-fleet.ts';

const dayMs = 86_400_000;
const issuerKey = 'plugin.security.issuer.choria.public';

const healthy = healthyFleet('jwt');

function own(fleet: SickFleet, path: string): string {
  return fleet.fake.files.text(`${fleetDirectory}/${path}`) ?? '';
}

function later(fleet: SickFleet, days: number): void {
  fleet.fake.clock.setWallClock(fleet.fake.clock.nowMs() + days * dayMs);
}

const breakages: readonly Breakage[] = [
  {role: 'client', code: 'token-missing', how: 'the token is gone', break: (fleet) => fleet.remove('token.jwt')},
  {
    role: 'server',
    code: 'token-unreadable',
    how: 'half a token',
    break: (fleet) => fleet.put('token.jwt', fleet.text('token.jwt').slice(0, 60)),
  },
  {role: 'client', code: 'token-expired', how: 'a year and a day later', break: (fleet) => later(fleet, 366)},
  {role: 'server', code: 'token-expiring', how: 'a week before its end', break: (fleet) => later(fleet, 358)},
  {role: 'client', code: 'token-future', how: 'a clock that is a day behind', break: (fleet) => later(fleet, -1)},
  {
    role: 'client',
    code: 'token-purpose',
    how: 'the token of a node',
    break: (fleet) => {
      for (const name of ['token.jwt', 'seed']) fleet.put(name, own(fleet, `nodes/web1.example.net/${name}`));
    },
  },
  {
    role: 'server',
    code: 'token-name',
    how: 'the identity changed',
    break: (fleet) => fleet.set('identity', 'web9.example.net'),
  },
  {
    role: 'server',
    code: 'token-collective',
    how: 'a collective more than the token has',
    break: (fleet) => fleet.set('collectives', 'mcollective,elsewhere'),
  },
  {
    role: 'server',
    code: 'token-untrusted',
    how: 'the key of another issuer',
    break: (fleet) => fleet.set(issuerKey, 'ab'.repeat(32)),
  },
  {role: 'client', code: 'seed-missing', how: 'the seed is gone', break: (fleet) => fleet.remove('seed')},
  {
    role: 'client',
    code: 'ca-missing',
    how: 'the authority is gone',
    break: (fleet) => fleet.set('plugin.security.choria.ca', '/etc/choria/none.pem'),
  },
  {
    role: 'client',
    code: 'seed-unreadable',
    how: 'a line end behind the seed',
    break: (fleet) => fleet.put('seed', `${fleet.text('seed')}\n`),
  },
  {
    role: 'server',
    code: 'seed-mode',
    how: 'everybody may read the seed',
    break: (fleet) => fleet.put('seed', fleet.text('seed'), 0o644),
  },
  {
    role: 'broker',
    code: 'seed-mismatch',
    how: 'the seed of another',
    break: (fleet) => fleet.put('seed', own(fleet, 'users/rip/seed')),
  },
  {
    role: 'client',
    code: 'issuer-missing',
    how: 'an issuer without a key',
    break: (fleet) => fleet.set(issuerKey, undefined),
  },
  {role: 'broker', code: 'issuer-invalid', how: 'a key that is none', break: (fleet) => fleet.set(issuerKey, 'abc')},
  {
    role: 'server',
    code: 'trust-missing',
    how: 'nobody is trusted',
    break: (fleet) => fleet.set('plugin.security.issuer.names', undefined),
  },
  {
    role: 'client',
    code: 'issuer-conflict',
    how: 'issuers and signers',
    break: (fleet) => fleet.set('plugin.security.choria.trusted_signers', 'ab'.repeat(32)),
  },
  {
    role: 'broker',
    code: 'certificate-missing',
    how: 'the certificate of the broker is gone',
    break: (fleet) => fleet.remove('certificate.pem'),
  },
];

describe('the doctor, of tokens', () => {
  healthy.testHealthy();

  healthy.testEach(breakages);

  test('fault 67: no finding shows a seed or a token', async () => {
    const {diagnose} = await import('./index.ts');
    const fleet = healthy.copy('client');
    const seed = fleet.text('seed');
    fleet.put('seed', `${seed}\n`, 0o666);
    fleet.put('token.jwt', `${fleet.text('token.jwt').slice(0, 80)}.x`, 0o666);
    const {findings} = await diagnose({
      platform: fleet.fake.platform,
      configPath: fleet.configPath,
      isOffline: true,
      stateDirectory: () => undefined,
    });
    expect(findings.map((item) => item.code)).toEqual(['token-unreadable', 'seed-unreadable', 'seed-mode']);
    expect(JSON.stringify(findings)).not.toContain(seed);
    expect(JSON.stringify(findings)).not.toContain(fleet.text('token.jwt').slice(0, 40));
  });
});
