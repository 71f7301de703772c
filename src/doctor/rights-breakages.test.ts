/** As `breakages.test.ts`, of what says who may do what: revocations, policies, Rego; and of logs. */
import {X509Certificate} from 'node:crypto';
import {describe} from 'vitest';
import {systemError} from '../../test/support/fake-files.ts';
import {type Breakage, fleetDirectory, healthyFleet, type SickFleet} from '../../test/support/sick-fleet.ts';
import {issueRevocationList} from '../crypto/index.ts';

const dayMs = 86_400_000;
const yearMs = 365 * dayMs;

const healthy = healthyFleet();

function authorityOf(fleet: SickFleet) {
  const own = (name: string): string => fleet.fake.files.text(`${fleetDirectory}/authority/${name}`) ?? '';
  return {certificatePem: own('ca.pem'), keyPem: own('ca.key')};
}

const breakages: readonly Breakage[] = [
  {
    role: 'server',
    code: 'credential-revoked',
    how: 'this node is on the list',
    break: (fleet) => fleet.put('revoked', 'identity web1.example.net\n', 0o644),
  },
  {
    role: 'broker',
    code: 'credential-revoked',
    how: 'the authority took the certificate back',
    break: (fleet) => {
      const authority = authorityOf(fleet);
      const nowMs = fleet.fake.clock.nowMs();
      const serial = new X509Certificate(fleet.text('certificate.pem')).serialNumber;
      const options = {authority, revoked: [{serial, atMs: nowMs}], nowMs, untilMs: nowMs + yearMs};
      fleet.put('crl.pem', issueRevocationList(options), 0o644);
    },
  },
  {
    role: 'server',
    code: 'revocations-unusable',
    how: 'the list of the authority has ended',
    break: (fleet) => {
      const authority = authorityOf(fleet);
      const nowMs = fleet.fake.clock.nowMs();
      const list = issueRevocationList({authority, revoked: [], nowMs: nowMs - 2 * dayMs, untilMs: nowMs - dayMs});
      fleet.put('crl.pem', list, 0o644);
    },
  },
  {role: 'broker', code: 'revocations-missing', how: 'the list is gone', break: (fleet) => fleet.remove('revoked')},
  {
    role: 'server',
    code: 'revocations-unusable',
    how: 'a list with a slip',
    break: (fleet) => fleet.put('revoked', 'idntity web1\n', 0o644),
  },
  {
    role: 'client',
    code: 'log-unwritable',
    how: 'a log in no directory',
    break: (fleet) => fleet.set('logfile', '/var/log/nowhere/choria.log'),
  },
  {
    role: 'server',
    code: 'audit-unwritable',
    how: 'an audit log that belongs to somebody else',
    break: (fleet) => {
      fleet.put('audit.log', '');
      fleet.fake.files.fault = (operation, path) =>
        operation === 'openAppend' ? systemError('EACCES', path) : undefined;
    },
  },
  {
    role: 'server',
    code: 'ddl-missing',
    how: 'a Ruby agent without a description',
    break: (fleet) => {
      fleet.set('libdir', `${fleet.folder}/lib`);
      fleet.put('lib/mcollective/agent/parrot.rb', 'module MCollective\n', 0o644);
    },
  },
  {
    role: 'server',
    code: 'policy-deny-lost',
    how: 'a deny line with blanks in place of tabs',
    break: (fleet) => fleet.put('policies/rpcutil.policy', 'policy default allow\ndeny up=eve * * *\n', 0o644),
  },
  {
    role: 'server',
    code: 'policy-deny-lost',
    how: 'a deny line whose caller is half a pattern',
    break: (fleet) => fleet.put('policies/rpcutil.policy', 'policy default allow\ndeny\t/eve(/\t*\t*\t*\n', 0o644),
  },
  {
    role: 'server',
    code: 'policy-writable',
    how: 'everybody may say who is an operator',
    break: (fleet) => fleet.put('policies/groups', fleet.text('policies/groups'), 0o622),
  },
  {
    role: 'server',
    code: 'opa-missing',
    how: 'Rego without the program that compiles it',
    break: (fleet) => {
      fleet.set('rpcauthprovider', 'rego_policy');
      fleet.put('policies/rego/default.rego', 'package io.choria.mcorpc.authpolicy\n', 0o644);
    },
  },
  {
    role: 'server',
    code: 'policy-none',
    how: 'Rego without a policy',
    break: (fleet) => fleet.set('rpcauthprovider', 'rego_policy'),
  },
];

describe('the doctor, of rights', () => {
  healthy.testEach(breakages);
});
