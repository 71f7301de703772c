/**
 * Breaks a working set-up in one way at a time, and expects the doctor to name exactly that.
 *
 * The set-up is what `choria init` makes, in memory; nothing here opens a socket.
 */
import {generateKeyPairSync} from 'node:crypto';
import {describe, expect, test} from 'vitest';
import {systemError} from '../../test/support/fake-files.ts';
import {type Breakage, fleetDirectory, healthyFleet, parrotDdl, type SickFleet} from '../../test/support/sick-fleet.ts';
import {issueCertificate, issueCertificateAuthority, type IssueCertificateOptions} from '../crypto/index.ts';
import {findingKinds} from './index.ts';

const dayMs = 86_400_000;
const yearMs = 365 * dayMs;

const healthy = healthyFleet();

function own(fleet: SickFleet, path: string): string {
  return fleet.fake.files.text(`${fleetDirectory}/${path}`) ?? '';
}

/** A certificate of the fleet's own authority that is wrong in one way, for the member's own key. */
async function reissue(fleet: SickFleet, change: Partial<IssueCertificateOptions> = {}): Promise<void> {
  const name = {client: 'rip.mcollective', server: 'web1.example.net', broker: 'localhost'}[fleet.role];
  const issued = await issueCertificate({
    authority: {certificatePem: own(fleet, 'authority/ca.pem'), keyPem: own(fleet, 'authority/ca.key')},
    commonName: name,
    nowMs: fleet.fake.clock.nowMs(),
    random: fleet.fake.platform.random,
    keyPem: fleet.text('key.pem'),
    ...change,
  });
  fleet.put('certificate.pem', issued.certificatePem, 0o644);
  fleet.put('key.pem', issued.keyPem);
}

function rsaPem(bits: number): string {
  return generateKeyPairSync('rsa', {modulusLength: bits}).privateKey.export({type: 'pkcs8', format: 'pem'}).toString();
}

const config: readonly Breakage[] = [
  {role: 'client', code: 'config-missing', how: 'the file is gone', break: (fleet) => fleet.remove('client.conf')},
  {
    role: 'server',
    code: 'config-unreadable',
    how: 'this user may not read it',
    break: (fleet) => {
      fleet.fake.files.fault = (operation, path) =>
        operation === 'read' && path === fleet.configPath ? systemError('EACCES', path) : undefined;
    },
  },
  {
    role: 'client',
    code: 'config-contradiction',
    how: 'anonymous TLS without a signer',
    break: (fleet) => fleet.set('plugin.security.client_anon_tls', 'true'),
  },
  {
    role: 'server',
    code: 'config-unknown-setting',
    how: 'a slip in the name of a setting',
    break: (fleet) => fleet.set('plugin.choria.use_sriv', 'false'),
  },
  {
    role: 'server',
    code: 'config-line-ignored',
    how: 'a line without an equals sign',
    break: (fleet) => fleet.put('server.conf', `${fleet.text('server.conf')}what is this\n`),
  },
  {
    role: 'server',
    code: 'config-value',
    how: 'a number that is none',
    break: (fleet) => fleet.set('registerinterval', 'often'),
  },
  {
    role: 'broker',
    code: 'config-writable',
    how: 'everybody may write it',
    break: (fleet) => fleet.put('broker.conf', fleet.text('broker.conf'), 0o622),
  },
  {
    role: 'client',
    code: 'config-secret-readable',
    how: 'a password in a public file',
    break: (fleet) => {
      fleet.set('plugin.nats.pass', 'a very secret word');
      fleet.put('client.conf', fleet.text('client.conf'), 0o644);
    },
  },
  {
    role: 'server',
    code: 'collective-unknown',
    how: 'a main collective that is none',
    break: (fleet) => fleet.set('main_collective', 'elsewhere'),
  },
  {role: 'client', code: 'ttl-range', how: 'requests live a second', break: (fleet) => fleet.set('ttl', '1')},
  {
    role: 'client',
    code: 'environment-insecure',
    how: 'checks are turned off',
    break: (fleet) => {
      fleet.changes = {env: {...fleet.fake.platform.env, INSECURE_DISABLE_TLS: 'true'}};
    },
  },
  {
    role: 'client',
    code: 'provider-unknown',
    how: 'a provider of another name',
    break: (fleet) => fleet.set('plugin.security.provider', 'magic'),
  },
];

const credentials: readonly Breakage[] = [
  ...(['certificate', 'key', 'ca'] as const).flatMap((kind): readonly Breakage[] => {
    const name = kind === 'ca' ? 'ca.pem' : `${kind}.pem`;
    return [
      {
        role: 'client',
        code: `${kind}-not-configured`,
        how: `no ${kind}`,
        break: (fleet) => fleet.set(`plugin.security.file.${kind}`, undefined),
      },
      {role: 'server', code: `${kind}-missing`, how: `${name} is gone`, break: (fleet) => fleet.remove(name)},
      {
        role: 'server',
        code: `${kind}-unreadable`,
        how: `${name} is something else`,
        break: (fleet) => fleet.put(name, 'not PEM at all\n'),
      },
    ];
  }),
  {
    role: 'client',
    code: 'key-mode',
    how: 'the group may read the key',
    break: (fleet) => fleet.put('key.pem', fleet.text('key.pem'), 0o640),
  },
  {
    role: 'server',
    code: 'key-mismatch',
    how: "another node's key",
    break: (fleet) => fleet.put('key.pem', own(fleet, 'broker/key.pem')),
  },
  {
    role: 'client',
    code: 'key-kind',
    how: 'a caller with an EC key',
    break: (fleet) => reissue(fleet, {keyPem: own(fleet, 'broker/key.pem')}),
  },
  {
    role: 'client',
    code: 'key-weak',
    how: 'an RSA key of 1024 bits',
    break: (fleet) => reissue(fleet, {keyPem: rsaPem(1024)}),
  },
  {
    role: 'server',
    code: 'certificate-untrusted',
    how: 'another authority of the same name',
    break: async (fleet) => {
      const {clock, platform} = fleet.fake;
      const other = await issueCertificateAuthority({
        commonName: 'acme authority',
        nowMs: clock.nowMs(),
        random: platform.random,
        keyKind: 'ec',
      });
      fleet.put('ca.pem', other.certificatePem, 0o644);
    },
  },
  {
    role: 'server',
    code: 'certificate-expired',
    how: 'it ended yesterday',
    break: (fleet) => reissue(fleet, {notBeforeMs: fleet.fake.clock.nowMs() - 2 * dayMs, validityMs: dayMs}),
  },
  {
    role: 'broker',
    code: 'certificate-future',
    how: 'it begins tomorrow',
    break: (fleet) => reissue(fleet, {notBeforeMs: fleet.fake.clock.nowMs() + dayMs}),
  },
  {
    role: 'client',
    code: 'certificate-expiring',
    how: 'it ends next week',
    break: (fleet) => reissue(fleet, {notBeforeMs: fleet.fake.clock.nowMs() - yearMs, validityMs: yearMs + 7 * dayMs}),
  },
  {
    role: 'broker',
    code: 'certificate-usage',
    how: 'a broker without serverAuth',
    break: (fleet) => reissue(fleet, {usages: ['clientAuth']}),
  },
  {
    role: 'server',
    code: 'certificate-usage',
    how: 'a node without clientAuth',
    break: (fleet) => reissue(fleet, {usages: ['serverAuth']}),
  },
  {
    role: 'server',
    code: 'certificate-name',
    how: 'the identity changed',
    break: (fleet) => fleet.set('identity', 'web9.example.net'),
  },
  {
    role: 'client',
    code: 'certificate-name',
    how: 'another user of the system',
    break: (fleet) => {
      fleet.changes = {env: {...fleet.fake.platform.env, USER: 'bob'}};
    },
  },
  {
    role: 'client',
    code: 'certificate-not-caller',
    how: 'the certificate of no caller',
    break: async (fleet) => {
      await reissue(fleet, {commonName: 'rip.example.net'});
      fleet.changes = {env: {...fleet.fake.platform.env, MCOLLECTIVE_CERTNAME: 'rip.example.net'}};
    },
  },
  {
    role: 'server',
    code: 'certificate-node-is-caller',
    how: 'a node that may also call',
    break: (fleet) => reissue(fleet, {dnsNames: ['web1.example.net', 'web1.mcollective']}),
  },
  {
    role: 'broker',
    code: 'certificate-broker-name',
    how: 'the broker was renamed',
    break: (fleet) => fleet.set('identity', 'broker9.example.net'),
  },
  {
    role: 'server',
    code: 'ca-not-authority',
    how: 'a leaf in place of the authority',
    break: async (fleet) => {
      const {clock, platform} = fleet.fake;
      const leaf = await issueCertificate({
        authority: {certificatePem: own(fleet, 'authority/ca.pem'), keyPem: own(fleet, 'authority/ca.key')},
        commonName: 'acme authority',
        keyPem: own(fleet, 'authority/ca.key'),
        nowMs: clock.nowMs(),
        random: platform.random,
      });
      fleet.put('ca.pem', leaf.certificatePem, 0o644);
    },
  },
  {
    role: 'server',
    code: 'ca-expired',
    how: 'the authority ended yesterday',
    break: (fleet) => replaceAuthority(fleet, -dayMs),
  },
  {
    role: 'server',
    code: 'ca-expiring',
    how: 'the authority ends next week',
    break: (fleet) => replaceAuthority(fleet, 7 * dayMs),
  },
  {
    role: 'client',
    code: 'tls-setting-unknown',
    how: 'a curve that nobody has',
    break: (fleet) => fleet.set('plugin.security.ecc_curves', 'CurveX,X25519'),
  },
  {
    role: 'server',
    code: 'caller-pattern-invalid',
    how: 'a bracket too many',
    break: (fleet) => fleet.set('plugin.choria.security.privileged_users', '['),
  },
];

/** The same authority with other dates. */
async function replaceAuthority(fleet: SickFleet, leftMs: number): Promise<void> {
  const {clock, platform} = fleet.fake;
  const tenYearsMs = 10 * yearMs;
  const renewed = await issueCertificateAuthority({
    commonName: 'acme authority',
    keyPem: own(fleet, 'authority/ca.key'),
    nowMs: clock.nowMs() + leftMs - tenYearsMs,
    validityMs: tenYearsMs,
    random: platform.random,
  });
  fleet.put('ca.pem', renewed.certificatePem, 0o644);
}

/** Files in a directory cannot be made. */
function unwritable(fleet: SickFleet, options: {readonly folder: string; readonly error: string}): void {
  const folder = `${fleet.folder}${options.folder}`;
  fleet.fake.files.fault = (operation, path) =>
    operation === 'writeAtomic' && path.slice(0, path.lastIndexOf('/')) === folder
      ? systemError(options.error, path)
      : undefined;
}

function addAgent(fleet: SickFleet, files: {readonly ddl: string; readonly programMode?: number}): void {
  fleet.set('libdir', `${fleet.folder}/lib`);
  fleet.put('lib/mcollective/agent/parrot.json', files.ddl, 0o644);
  if (files.programMode !== undefined) fleet.put('lib/mcollective/agent/parrot', '#!/bin/sh\n', files.programMode);
}

const node: readonly Breakage[] = [
  {role: 'server', code: 'facts-missing', how: 'the facts are gone', break: (fleet) => fleet.remove('facts.yaml')},
  {
    role: 'server',
    code: 'facts-unreadable',
    how: 'the facts are no mapping',
    break: (fleet) => fleet.put('facts.yaml', 'a: [b\n'),
  },
  {role: 'server', code: 'classes-missing', how: 'the classes are gone', break: (fleet) => fleet.remove('classes.txt')},
  {
    role: 'server',
    code: 'audit-nowhere',
    how: 'auditing without a file',
    break: (fleet) => fleet.set('plugin.rpcaudit.logfile', undefined),
  },
  {
    role: 'server',
    code: 'audit-unwritable',
    how: 'its directory is not there',
    break: (fleet) => fleet.set('plugin.rpcaudit.logfile', '/var/log/nowhere/audit.log'),
  },
  {
    role: 'server',
    code: 'audit-mode',
    how: 'a mode that is none',
    break: (fleet) => fleet.set('plugin.rpcaudit.logfile.mode', 'rw-------'),
  },
  {
    role: 'server',
    code: 'state-unwritable',
    how: 'the state directory is for others',
    break: (fleet) => unwritable(fleet, {folder: '/state', error: 'EACCES'}),
  },
  {
    role: 'server',
    code: 'disk-full',
    how: 'no space for what must be remembered',
    break: (fleet) => unwritable(fleet, {folder: '/state', error: 'ENOSPC'}),
  },
  {
    role: 'server',
    code: 'status-unwritable',
    how: 'the directory of the status file is not there',
    break: (fleet) => fleet.set('plugin.choria.status_file_path', '/run/nowhere/status.json'),
  },
  {
    role: 'server',
    code: 'libdir-missing',
    how: 'a library directory is gone',
    break: (fleet) => fleet.set('libdir', '/opt/nowhere'),
  },
  {
    role: 'client',
    code: 'ddl-broken',
    how: 'half a description',
    break: (fleet) => addAgent(fleet, {ddl: parrotDdl.slice(0, 80)}),
  },
  {
    role: 'server',
    code: 'agent-program-missing',
    how: 'a description without its program',
    break: (fleet) => addAgent(fleet, {ddl: parrotDdl}),
  },
  {
    role: 'server',
    code: 'agent-not-executable',
    how: 'a program without the x',
    break: (fleet) => addAgent(fleet, {ddl: parrotDdl, programMode: 0o644}),
  },
  {
    role: 'server',
    code: 'authorization-off',
    how: 'everybody may do everything',
    break: (fleet) => fleet.set('rpcauthorization', 'false'),
  },
  {
    role: 'server',
    code: 'authorization-provider',
    how: 'a plugin that nobody has',
    break: (fleet) => fleet.set('rpcauthprovider', 'wishes'),
  },
  {role: 'server', code: 'policy-none', how: 'the policies are gone', break: (fleet) => fleet.remove('policies')},
  {
    role: 'server',
    code: 'policy-default-missing',
    how: 'the default policy is gone',
    break: (fleet) => fleet.remove('policies/default.policy'),
  },
  {
    role: 'server',
    code: 'policy-unreadable',
    how: 'a policy that is no text',
    break: (fleet) => fleet.put('policies/rpcutil.policy', Buffer.from([0xff, 0xfe, 0x00]), 0o644),
  },
  {
    role: 'server',
    code: 'policy-line',
    how: 'blanks in place of tabs',
    break: (fleet) => fleet.put('policies/rpcutil.policy', 'policy default deny\nallow operators * * *\n', 0o644),
  },
  {
    role: 'server',
    code: 'policy-group',
    how: 'a group of nobody',
    break: (fleet) => fleet.put('policies/groups', 'operators\n', 0o644),
  },
  {
    role: 'server',
    code: 'policy-open',
    how: 'agents without a policy are open',
    break: (fleet) => fleet.set('plugin.actionpolicy.allow_unconfigured', '1'),
  },
  {
    role: 'server',
    code: 'policy-writable',
    how: 'everybody may write a policy',
    break: (fleet) => fleet.put('policies/rpcutil.policy', fleet.text('policies/rpcutil.policy'), 0o666),
  },
];

const broker: readonly Breakage[] = [
  {
    role: 'broker',
    code: 'broker-setting',
    how: 'nothing is switched on',
    break: (fleet) => fleet.set('plugin.choria.broker_network', 'false'),
  },
  {
    role: 'broker',
    code: 'broker-open',
    how: 'every certificate may do everything',
    break: (fleet) => fleet.set('plugin.choria.network.open_certificates', 'true'),
  },
  {
    role: 'broker',
    code: 'broker-password-empty',
    how: 'a system user without a password',
    break: (fleet) => fleet.set('plugin.choria.network.system.user', 'system'),
  },
  {
    role: 'broker',
    code: 'kernel-backlog',
    how: 'somaxconn is 128',
    break: (fleet) => fleet.put('/proc/sys/net/core/somaxconn', '128\n'),
  },
  {
    role: 'broker',
    code: 'kernel-syn-backlog',
    how: 'tcp_max_syn_backlog is 256',
    break: (fleet) => fleet.put('/proc/sys/net/ipv4/tcp_max_syn_backlog', '256\n'),
  },
  {
    role: 'broker',
    code: 'open-files',
    how: '1024 open files',
    break: (fleet) =>
      fleet.put('/proc/self/limits', 'Max open files            1024                 1024                 files\n'),
  },
];

describe('the doctor, of files alone', () => {
  healthy.testHealthy();

  healthy.testEach([...config, ...credentials, ...node, ...broker]);

  test('a clock at the end of its battery is named among everything that it makes invalid', async () => {
    const fleet = healthy.copy('client');
    fleet.fake.clock.setWallClock(0);
    expect(await fleet.codes()).toContain('clock-implausible');
  });

  test('fault 67: no finding shows a password, a key or a seed', async () => {
    const {diagnose} = await import('./index.ts');
    const fleet = healthy.copy('client');
    fleet.set('plugin.nats.pass', 'a very secret word');
    fleet.put('client.conf', fleet.text('client.conf'), 0o666);
    const key = fleet.text('key.pem').replace('BEGIN PRIVATE', 'BEGIN PRIVAT');
    fleet.put('key.pem', key, 0o666);
    const {findings} = await diagnose({
      platform: fleet.fake.platform,
      configPath: fleet.configPath,
      isOffline: true,
      stateDirectory: () => undefined,
    });
    const text = JSON.stringify(findings);
    expect(findings.length).toBeGreaterThan(3);
    expect(text).not.toContain('secret word');
    for (const line of key.split('\n').filter((item) => item.length > 20 && !item.startsWith('-')))
      expect(text).not.toContain(line);
  });

  test('every code has a title and a meaning, and is written the same way', () => {
    for (const [code, kind] of Object.entries(findingKinds)) {
      expect(code).toMatch(/^[a-z]+(?:-[a-z]+)*$/);
      expect(kind.title, code).toMatch(/[^.]$/);
      expect(kind.meaning, code).toMatch(/\.$/);
    }
  });
});
