/**
 * The doctor as its users run it: organisations that `choria init` made on disk, real brokers, and one breakage after the other, each
 * mended before the next.
 *
 * What a machine does not let everybody break (its kernel, its clock, ports below 1024) is broken in `src/doctor` alone.
 */
import {createServer as createTcpServer, type Server, type Socket} from 'node:net';
import {once} from 'node:events';
import type {AddressInfo} from 'node:net';
import {generateKeyPairSync} from 'node:crypto';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {issueCertificate, issueCertificateAuthority, type IssueCertificateOptions} from '../../src/crypto/index.ts';
import type {DoctorRole, FindingCode} from '../../src/doctor/index.ts';
import {createNodePlatform} from '../../src/lib/node-platform.ts';
import {type Member, nodeName, RealOrganisation, type RunOptions} from '../support/real-organisation.ts';
import {parrotDdl} from '../support/sick-fleet.ts';

const {random} = createNodePlatform();
const dayMs = 86_400_000;
const daySeconds = 86_400;

/** What a machine is too small for is no fault of a set-up. */
const ofTheMachine: readonly string[] = ['kernel-backlog', 'kernel-syn-backlog', 'open-files'];

interface Breakage {
  readonly role: DoctorRole;
  readonly code: FindingCode;
  readonly how: string;
  readonly run?: RunOptions;
  readonly break: (member: Member, organisation: RealOrganisation) => void | Promise<void>;
}

/** A certificate of the organisation's own authority that is wrong in one way, for the member's own key. */
async function reissue(
  member: Member,
  organisation: RealOrganisation,
  change: Partial<IssueCertificateOptions> = {},
): Promise<void> {
  const name = {client: 'rip.mcollective', server: nodeName, broker: 'localhost'}[member.role];
  const issued = await issueCertificate({
    authority: {certificatePem: organisation.text('authority/ca.pem'), keyPem: organisation.text('authority/ca.key')},
    commonName: name,
    nowMs: Date.now(),
    random,
    keyPem: member.text('key.pem'),
    ...change,
  });
  member.put('certificate.pem', issued.certificatePem, 0o644);
  member.put('key.pem', issued.keyPem);
}

async function otherAuthority(change: {readonly keyPem?: string; readonly leftMs?: number} = {}) {
  const {keyPem, leftMs} = change;
  const lifeMs = 3_650 * dayMs;
  return issueCertificateAuthority({
    commonName: 'acme authority',
    nowMs: leftMs === undefined ? Date.now() : Date.now() + leftMs - lifeMs,
    random,
    ...(leftMs === undefined ? {} : {validityMs: lifeMs}),
    ...(keyPem === undefined ? {keyKind: 'ec' as const} : {keyPem}),
  });
}

const put =
  (name: string, text: string | Uint8Array, mode?: number): Breakage['break'] =>
  (member) =>
    member.put(name, text, mode);
const mode =
  (name: string, value: number): Breakage['break'] =>
  (member) =>
    member.put(name, member.text(name), value);
const set =
  (key: string, value?: string): Breakage['break'] =>
  (member) =>
    member.set(key, value);
const remove =
  (name: string): Breakage['break'] =>
  (member) =>
    member.remove(name);
const issue =
  (change: Partial<IssueCertificateOptions>): Breakage['break'] =>
  (member, organisation) =>
    reissue(member, organisation, change);
const claim =
  (claims: Readonly<Record<string, unknown>>): Breakage['break'] =>
  (member, organisation) =>
    organisation.reissueToken(member, claims);
const steps =
  (...all: readonly Breakage['break'][]): Breakage['break'] =>
  async (member, organisation) => {
    for (const step of all) await step(member, organisation);
  };

/** A line of the tables below. */
function line(role: DoctorRole, code: FindingCode, how: string, breaks: Breakage['break'], run?: RunOptions): Breakage {
  return {role, code, how, break: breaks, ...(run === undefined ? {} : {run})};
}

const secondsFromNow = (days: number): number => Math.floor(Date.now() / 1_000) + days * daySeconds;
const hosts = 'plugin.choria.middleware_hosts';

const settings: readonly Breakage[] = [
  line('client', 'config-missing', 'the file is gone', remove('client.conf')),
  line('server', 'config-unreadable', 'a directory in place of the file', (member) => {
    member.remove('server.conf');
    member.put('server.conf/inner', '');
  }),
  line(
    'client',
    'config-contradiction',
    'anonymous TLS without a signer',
    set('plugin.security.client_anon_tls', 'true'),
  ),
  line('server', 'config-unknown-setting', 'a slip in a name', set('plugin.choria.use_sriv', 'false')),
  line('server', 'config-line-ignored', 'a line without an equals sign', (member) =>
    member.put('server.conf', `${member.text('server.conf')}what is this\n`),
  ),
  line('server', 'config-value', 'a number that is none', set('registerinterval', 'often')),
  line('broker', 'config-writable', 'everybody may write it', mode('broker.conf', 0o622)),
  line(
    'client',
    'config-secret-readable',
    'a password in a public file',
    steps(set('plugin.nats.pass', 'a very secret word'), mode('client.conf', 0o644)),
  ),
  line('server', 'collective-unknown', 'a main collective that is none', set('main_collective', 'elsewhere')),
  line('client', 'ttl-range', 'requests live a second', set('ttl', '1')),
  line('client', 'environment-insecure', 'checks are turned off', () => undefined, {
    env: {INSECURE_YES_REALLY: 'true'},
  }),
  line('client', 'provider-unknown', 'a provider of another name', set('plugin.security.provider', 'magic')),
  line('client', 'tls-setting-unknown', 'a curve that nobody has', set('plugin.security.ecc_curves', 'CurveX,X25519')),
  line('server', 'caller-pattern-invalid', 'a bracket too many', set('plugin.choria.security.privileged_users', '[')),
  line('server', 'log-unwritable', 'a log in no directory', set('logfile', '/proc/nowhere/choria.log')),
];

const certificates: readonly Breakage[] = [
  ...(['certificate', 'key', 'ca'] as const).flatMap((kind) => [
    line('client', `${kind}-not-configured`, `no ${kind}`, set(`plugin.security.file.${kind}`)),
    line('server', `${kind}-missing`, `${kind}.pem is gone`, remove(`${kind}.pem`)),
    line('server', `${kind}-unreadable`, `${kind}.pem is something else`, put(`${kind}.pem`, 'not PEM at all\n')),
  ]),
  line('client', 'key-mode', 'the group may read the key', mode('key.pem', 0o640)),
  line('server', 'key-mismatch', 'the key of another', (member, organisation) =>
    member.put('key.pem', organisation.broker.text('key.pem')),
  ),
  line('client', 'key-kind', 'a caller with an EC key', (member, organisation) =>
    reissue(member, organisation, {keyPem: organisation.broker.text('key.pem')}),
  ),
  line('client', 'key-weak', 'an RSA key of 1024 bits', (member, organisation) => {
    const {privateKey} = generateKeyPairSync('rsa', {modulusLength: 1_024});
    return reissue(member, organisation, {keyPem: privateKey.export({type: 'pkcs8', format: 'pem'}).toString()});
  }),
  line('server', 'certificate-untrusted', 'another authority of the same name', async (member) =>
    member.put('ca.pem', (await otherAuthority()).certificatePem, 0o644),
  ),
  line('server', 'certificate-expired', 'it ended yesterday', (member, organisation) =>
    reissue(member, organisation, {notBeforeMs: Date.now() - 2 * dayMs, validityMs: dayMs}),
  ),
  line('broker', 'certificate-future', 'it begins tomorrow', (member, organisation) =>
    reissue(member, organisation, {notBeforeMs: Date.now() + dayMs}),
  ),
  line('client', 'certificate-expiring', 'it ends next week', (member, organisation) =>
    reissue(member, organisation, {notBeforeMs: Date.now() - 365 * dayMs, validityMs: 372 * dayMs}),
  ),
  line('broker', 'certificate-usage', 'a broker without serverAuth', issue({usages: ['clientAuth']})),
  line('server', 'certificate-usage', 'a node without clientAuth', issue({usages: ['serverAuth']})),
  line('server', 'certificate-name', 'the identity changed', set('identity', 'web9.example.net')),
  line('client', 'certificate-name', 'another caller', () => undefined, {
    env: {MCOLLECTIVE_CERTNAME: 'bob.mcollective'},
  }),
  line('client', 'certificate-not-caller', 'the certificate of no caller', issue({commonName: 'rip.example.net'}), {
    env: {MCOLLECTIVE_CERTNAME: 'rip.example.net'},
  }),
  line(
    'server',
    'certificate-node-is-caller',
    'a node that may also call',
    issue({dnsNames: [nodeName, 'web1.mcollective']}),
  ),
  line('broker', 'certificate-broker-name', 'the broker was renamed', set('identity', 'broker9.example.net')),
  line('server', 'ca-not-authority', 'a leaf in place of the authority', async (member, organisation) => {
    const keyPem = organisation.text('authority/ca.key');
    const authority = {certificatePem: organisation.text('authority/ca.pem'), keyPem};
    const leaf = await issueCertificate({authority, commonName: 'acme authority', keyPem, nowMs: Date.now(), random});
    member.put('ca.pem', leaf.certificatePem, 0o644);
  }),
  line('server', 'ca-expired', 'the authority ended yesterday', async (member, organisation) => {
    const keyPem = organisation.text('authority/ca.key');
    member.put('ca.pem', (await otherAuthority({keyPem, leftMs: -dayMs})).certificatePem, 0o644);
  }),
  line('server', 'ca-expiring', 'the authority ends next week', async (member, organisation) => {
    const keyPem = organisation.text('authority/ca.key');
    member.put('ca.pem', (await otherAuthority({keyPem, leftMs: 7 * dayMs})).certificatePem, 0o644);
  }),
  line('server', 'credential-revoked', 'this node is on the list', put('revoked', `identity ${nodeName}\n`, 0o644)),
  line('server', 'revocations-missing', 'the list is gone', remove('revoked')),
  line('server', 'revocations-unusable', 'a list with a slip', put('revoked', 'idntity web1\n', 0o644)),
  line('broker', 'revocations-unusable', 'the list of the authority is gone', remove('crl.pem')),
  line('server', 'revocations-unusable', 'the list of the authority is no list', put('crl.pem', 'nothing\n', 0o644)),
];

const agent =
  (files: {readonly ddl?: string; readonly programMode?: number}): Breakage['break'] =>
  (member) => {
    const folder = 'lib/mcollective/agent';
    member.set('libdir', member.path('lib'));
    if (files.ddl !== undefined) member.put(`${folder}/parrot.json`, files.ddl, 0o644);
    if (files.programMode !== undefined) member.put(`${folder}/parrot`, '#!/bin/sh\n', files.programMode);
  };

const rego =
  (text: string): Breakage['break'] =>
  (member) => {
    member.set('rpcauthprovider', 'rego_policy');
    member.put('policies/rego/default.rego', text, 0o644);
  };
const goodRego = 'package io.choria.mcorpc.authpolicy\n\ndefault allow := false\n';

const node: readonly Breakage[] = [
  line('server', 'facts-missing', 'the facts are gone', remove('facts.yaml')),
  line('server', 'facts-unreadable', 'the facts are no mapping', put('facts.yaml', 'a: [b\n', 0o644)),
  line('server', 'classes-missing', 'the classes are gone', remove('classes.txt')),
  line('server', 'audit-nowhere', 'auditing without a file', set('plugin.rpcaudit.logfile')),
  line(
    'server',
    'audit-unwritable',
    'its directory is not there',
    set('plugin.rpcaudit.logfile', '/nowhere/audit.log'),
  ),
  line('server', 'audit-unwritable', 'a device that is always full', set('plugin.rpcaudit.logfile', '/dev/full')),
  line('server', 'audit-mode', 'a mode that is none', set('plugin.rpcaudit.logfile.mode', 'rw-------')),
  line(
    'server',
    'state-unwritable',
    'no files can be made there',
    set('plugin.choria.server.state_directory', '/proc/x'),
  ),
  line('server', 'status-unwritable', 'no such directory', set('plugin.choria.status_file_path', '/nowhere/s.json')),
  line('server', 'libdir-missing', 'a library directory is gone', set('libdir', '/opt/nowhere')),
  line('client', 'ddl-broken', 'half a description', agent({ddl: parrotDdl.slice(0, 80)})),
  line('server', 'ddl-missing', 'a program without its description', agent({programMode: 0o755})),
  line('server', 'agent-program-missing', 'a description without its program', agent({ddl: parrotDdl})),
  line('server', 'agent-not-executable', 'a program without the x', agent({ddl: parrotDdl, programMode: 0o644})),
  line('server', 'authorization-off', 'everybody may do everything', set('rpcauthorization', 'false')),
  line('server', 'authorization-provider', 'a plugin that nobody has', set('rpcauthprovider', 'wishes')),
  line('server', 'policy-none', 'the policies are gone', remove('policies')),
  line('server', 'policy-default-missing', 'the default policy is gone', remove('policies/default.policy')),
  line(
    'server',
    'policy-unreadable',
    'a policy that is no text',
    put('policies/rpcutil.policy', Buffer.from([0xff, 0xfe, 0]), 0o644),
  ),
  line(
    'server',
    'policy-line',
    'blanks in place of tabs',
    put('policies/rpcutil.policy', 'policy default deny\nallow operators * * *\n', 0o644),
  ),
  line(
    'server',
    'policy-deny-lost',
    'blanks in a line that denies',
    put('policies/rpcutil.policy', 'policy default allow\ndeny choria=eve.mcollective * * *\n', 0o644),
  ),
  line('server', 'policy-group', 'a group of nobody', put('policies/groups', 'operators\n', 0o644)),
  line('server', 'policy-open', 'agents without a policy are open', set('plugin.actionpolicy.allow_unconfigured', '1')),
  line('server', 'policy-writable', 'everybody may write a policy', mode('policies/rpcutil.policy', 0o666)),
  line('server', 'policy-writable', 'everybody may say who is an operator', mode('policies/groups', 0o622)),
  line('server', 'policy-rego', 'a policy that does not compile', rego(`${goodRego}allow if {\n`)),
  line(
    'server',
    'opa-missing',
    'the compiler is not there',
    steps(rego(goodRego), set('plugin.regopolicy.opa', '/nowhere/opa')),
  ),
];

const tokens: readonly Breakage[] = [
  line('client', 'token-missing', 'the token is gone', remove('token.jwt')),
  line('server', 'token-unreadable', 'half a token', (member) =>
    member.put('token.jwt', member.text('token.jwt').slice(0, 60)),
  ),
  line(
    'server',
    'token-expired',
    'a stale token',
    claim({iat: secondsFromNow(-9), nbf: secondsFromNow(-9), exp: secondsFromNow(-1)}),
  ),
  line(
    'client',
    'token-expiring',
    'a token that ends tomorrow',
    claim({iat: secondsFromNow(-9), nbf: secondsFromNow(-9), exp: secondsFromNow(1)}),
  ),
  line('client', 'token-future', 'a clock that is a day behind', claim({nbf: secondsFromNow(1)})),
  line('client', 'token-purpose', 'the token of a node', (member, organisation) => {
    for (const name of ['token.jwt', 'seed']) member.put(name, organisation.server.text(name));
  }),
  line('server', 'token-name', 'the identity changed', set('identity', 'web9.example.net')),
  line('server', 'token-collective', 'a collective that is not its own', set('collectives', 'mcollective,elsewhere')),
  line('server', 'token-untrusted', 'another issuer', set('plugin.security.issuer.choria.public', 'ab'.repeat(32))),
  line('server', 'token-untrusted', 'a token that somebody else signed', (member, organisation) =>
    organisation.reissueToken(member, {}, 'cd'.repeat(32)),
  ),
  line('client', 'seed-missing', 'the seed is gone', remove('seed')),
  line('client', 'ca-missing', 'the authority is gone', set('plugin.security.choria.ca', '/nowhere/ca.pem')),
  line('client', 'seed-unreadable', 'a line end behind the seed', (member) =>
    member.put('seed', `${member.text('seed')}\n`),
  ),
  line('server', 'seed-mode', 'everybody may read the seed', mode('seed', 0o644)),
  line('broker', 'seed-mismatch', 'the seed of another', (member, organisation) =>
    member.put('seed', organisation.client.text('seed')),
  ),
  line('client', 'issuer-missing', 'an issuer without a key', set('plugin.security.issuer.choria.public')),
  line('broker', 'issuer-invalid', 'a key that is none', set('plugin.security.issuer.choria.public', 'abc')),
  line('server', 'trust-missing', 'nobody is trusted', set('plugin.security.issuer.names')),
  line(
    'client',
    'issuer-conflict',
    'issuers and signers',
    set('plugin.security.choria.trusted_signers', 'ab'.repeat(32)),
  ),
  line('broker', 'certificate-missing', 'the certificate of the broker is gone', remove('certificate.pem')),
  line('server', 'credential-revoked', 'the token of this node is on the list', (member) => {
    const payload = Buffer.from(member.text('token.jwt').split('.')[1] ?? '', 'base64url').toString();
    member.put('revoked', `token ${(JSON.parse(payload) as {readonly jti: string}).jti}\n`, 0o644);
  }),
];

const broker: readonly Breakage[] = [
  line('broker', 'broker-setting', 'nothing is switched on', set('plugin.choria.broker_network', 'false')),
  line(
    'broker',
    'broker-open',
    'every certificate may do everything',
    set('plugin.choria.network.open_certificates', 'true'),
  ),
  line(
    'broker',
    'broker-password-empty',
    'a system user without a password',
    set('plugin.choria.network.system.user', 'system'),
  ),
  // An address for documentation: no machine has it.
  line(
    'broker',
    'listen-address',
    'an address of another machine',
    set('plugin.choria.network.listen_address', '192.0.2.1'),
  ),
];

const network: readonly Breakage[] = [
  // Nobody is ever given this port by chance.
  line('client', 'port-refused', 'nobody listens', set(hosts, 'localhost:1')),
  line('server', 'name-unresolved', 'a name that DNS does not know', set(hosts, 'broker.invalid:4222')),
  line('client', 'broker-address', 'an address that is none', set(hosts, 'localhost:http')),
  line('client', 'broker-default', 'no broker at all', set(hosts)),
];

/** A peer that says something when somebody comes, and nothing more. */
async function startListener(onConnection: (socket: Socket) => void): Promise<Server> {
  const listener = createTcpServer((socket) => {
    socket.on('error', () => socket.destroy());
    onConnection(socket);
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  return listener;
}

function portOf(listener: Server): number {
  return (listener.address() as AddressInfo).port;
}

function memberOf(organisation: RealOrganisation, role: DoctorRole): Member {
  return organisation[role];
}

const greeting = '{"server_id":"x","version":"2.10.0","proto":1,"max_payload":1048576';

describe.each([
  {security: 'certificates' as const, breakages: [...settings, ...certificates, ...node, ...broker, ...network]},
  {security: 'tokens' as const, breakages: tokens},
])('the doctor as a program, of an organisation with $security', ({security, breakages}) => {
  let organisation: RealOrganisation;
  const listeners: Server[] = [];
  beforeAll(async () => {
    organisation = await RealOrganisation.create(security);
  });
  afterAll(async () => {
    for (const listener of listeners) listener.close();
    await organisation.stop();
  });

  async function healthy(role: DoctorRole): Promise<readonly string[]> {
    const codes = await memberOf(organisation, role).codes();
    return codes.filter((code) => !ofTheMachine.includes(code));
  }

  /** Breaks, asks, mends, asks again. */
  async function expectFinding({role, code, break: breaks, run}: Breakage): Promise<void> {
    const member = memberOf(organisation, role);
    const mend = member.keep();
    try {
      await breaks(member, organisation);
      const codes = await member.codes(run);
      expect(codes.filter((item) => !ofTheMachine.includes(item))).toEqual([code]);
    } finally {
      mend();
    }
    expect(await healthy(role)).toEqual([]);
  }

  test.each(['client', 'server', 'broker'] as const)('finds nothing wrong with a healthy %s', async (role) => {
    expect(await healthy(role)).toEqual([]);
  });

  test.each(breakages)('$role: $how is $code', expectFinding);

  test('broker: few open files are open-files', async () => {
    expect(await organisation.broker.codes({limit: 'ulimit -n 1024'})).toContain('open-files');
  });

  test('broker: another program on its port is port-taken', async () => {
    const listener = await startListener((socket) => socket.end('SSH-2.0-OpenSSH_9.6\r\n'));
    listeners.push(listener);
    await expectFinding(
      line('broker', 'port-taken', '', set('plugin.choria.network.client_port', String(portOf(listener)))),
    );
  });

  test.each([
    ['broker-protocol', (socket: Socket) => socket.write('SSH-2.0-OpenSSH_9.6\r\n')],
    ['tls-not-offered', (socket: Socket) => socket.write(`INFO ${greeting}}\r\n`)],
    [
      'tls-handshake',
      (socket: Socket) => {
        socket.write(`INFO ${greeting},"tls_required":true}\r\n`);
        socket.on('data', () => socket.destroy());
      },
    ],
  ] as const)('client: a peer that is no broker of ours is %s', async (code, onConnection) => {
    const listener = await startListener(onConnection);
    listeners.push(listener);
    await expectFinding(line('client', code, '', set(hosts, `localhost:${portOf(listener)}`)));
  });

  test.each<[FindingCode, (member: Member) => void | Promise<void>]>([
    ['tls-broker-untrusted', async (member) => reissue(member, organisation, {authority: await otherAuthority()})],
    [
      'tls-broker-expired',
      (member) => reissue(member, organisation, {notBeforeMs: Date.now() - 2 * dayMs, validityMs: dayMs}),
    ],
    ['tls-broker-name', (member) => reissue(member, organisation, {commonName: 'other.example.net'})],
    [
      'authentication-refused',
      (member) =>
        member.put('revoked', `caller ${security === 'tokens' ? 'up=rip' : 'choria=rip.mcollective'}\n`, 0o644),
    ],
  ])('client: a broker of which it says %s', async (code, change) => {
    const port = await organisation.startBroker(`broker-${code}`, change);
    await expectFinding(line('client', code, '', set(hosts, `localhost:${port}`)));
  });

  test('server: a broker that takes no servers is permission-refused', async () => {
    const port = await organisation.startBroker('broker-closed', (member) =>
      member.set('plugin.choria.network.deny_server_connections', 'true'),
    );
    await expectFinding(line('server', 'permission-refused', '', set(hosts, `localhost:${port}`)));
  });
});
