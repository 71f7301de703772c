/** The providers that keep their keys in files. The one with a device is in test/peers. */
import {readFileSync, rmSync, writeFileSync} from 'node:fs';
import {configFromEntries} from '../../src/config/index.ts';
import {createSecurityProvider} from '../../src/connect/index.ts';
import type {SecurityProvider} from '../../src/crypto/index.ts';
import {silentLogger} from '../../src/lib/logger.ts';
import {createNodePlatform} from '../../src/lib/node-platform.ts';
import type {Platform} from '../../src/lib/platform.ts';
import {type Callers, createCallers} from '../support/callers.ts';
import {createStubCertManager} from '../support/cert-manager.ts';
import {createFakePlatform, type FakePlatform} from '../support/fake-platform.ts';
import {createOrganization} from '../support/organization.ts';
import {describeProvider, type ProviderWorld} from './providers.ts';

const dayMs = 86_400_000;

/** RSA keys take a moment to make, so each authority makes its one key once. */
const madeOnce = Promise.all([createCallers(), createCallers()]);

async function open(entries: Readonly<Record<string, string>>, platform: Platform): Promise<SecurityProvider> {
  const config = await configFromEntries(entries, {platform, mode: 'user'});
  return createSecurityProvider(config, {platform, mode: 'client', logger: silentLogger});
}

interface Places {
  readonly certificate: string;
  readonly key: string;
  readonly ca: string;
}

/** A caller with a certificate in files of a folder that only exists in memory. */
async function certificateWorld(
  places: Places,
  make: (
    fake: FakePlatform,
    callers: Callers,
  ) => {readonly entries: Readonly<Record<string, string>>; readonly callerId: string},
): Promise<ProviderWorld> {
  const [callers, foreign] = await madeOnce;
  const fake = createFakePlatform({env: {USER: 'rip'}});
  const {entries, callerId} = make(fake, callers);
  const name = callerId.replace('choria=', '');
  const first = await callers.certificate(name);
  fake.files.put(places.certificate, first.certificatePem);
  fake.files.put(places.key, first.keyPem, {mode: 0o600});
  fake.files.put(places.ca, callers.authority.certificatePem);
  return {
    open: () => open(entries, fake.platform),
    technology: 'x509',
    callerId,
    node: await callers.caller('n1.example.net', {allowedCallers: ['.']}),
    stranger: await foreign.caller(name),
    nowMs: callers.nowMs,
    secrets: [first.keyPem.split('\n')[3] ?? first.keyPem],
    async takeAway() {
      await fake.files.remove(places.key);
      return /private key .* does not exist/;
    },
    async renew() {
      const {certificatePem} = await callers.certificate(name, {validityMs: 400 * dayMs});
      await fake.files.writeAtomic(places.certificate, certificatePem, {mode: 0o644});
    },
    spoil: () => fake.files.writeAtomic(places.certificate, '-----BEGIN CERTIFICATE-----\nMIIB', {mode: 0o644}),
  };
}

describeProvider({
  name: 'file',
  make: () =>
    certificateWorld({certificate: '/etc/choria/c.pem', key: '/etc/choria/k.pem', ca: '/etc/choria/ca.pem'}, () => ({
      callerId: 'choria=rip.mcollective',
      entries: {
        'plugin.security.provider': 'file',
        'plugin.security.file.certificate': '/etc/choria/c.pem',
        'plugin.security.file.key': '/etc/choria/k.pem',
        'plugin.security.file.ca': '/etc/choria/ca.pem',
      },
    })),
});

describeProvider({
  name: 'puppet',
  make: () =>
    certificateWorld(
      {
        certificate: '/ssl/certs/rip.mcollective.pem',
        key: '/ssl/private_keys/rip.mcollective.pem',
        ca: '/ssl/certs/ca.pem',
      },
      () => ({
        callerId: 'choria=rip.mcollective',
        entries: {'plugin.security.provider': 'puppet', 'plugin.choria.ssldir': '/ssl'},
      }),
    ),
});

const certManagerEntries = {
  identity: 'pod1.example.net',
  'plugin.security.provider': 'certmanager',
  'plugin.choria.ssldir': '/ssl',
  'plugin.security.certmanager.issuer': 'choria-issuer',
  'plugin.choria.security.certname_whitelist': '\\.example\\.net$',
};

describeProvider({
  name: 'certmanager',
  async make() {
    const [callers, foreign] = await madeOnce;
    const stub = createStubCertManager({authority: callers.authority, nowMs: callers.nowMs});
    const account = '/var/run/secrets/kubernetes.io/serviceaccount';
    const fake = createFakePlatform({
      http: stub.http,
      files: {[`${account}/token`]: 'account-token-secret\n', [`${account}/ca.crt`]: callers.authority.certificatePem},
    });
    const {keyPem} = await callers.certificate('pod1.example.net');
    fake.files.put('/ssl/key.pem', keyPem, {mode: 0o600});
    return {
      open: () => open(certManagerEntries, fake.platform),
      technology: 'x509',
      callerId: 'choria=pod1.example.net',
      node: await callers.caller('n1.example.net', {allowedCallers: ['.']}),
      stranger: await foreign.caller('pod1.example.net'),
      nowMs: callers.nowMs,
      secrets: ['account-token-secret'],
      async takeAway() {
        await fake.files.remove(`${account}/token`);
        return /inside a Kubernetes cluster only/;
      },
      async renew() {
        await fake.files.remove('/ssl/cert.pem');
        await open(certManagerEntries, fake.platform);
      },
      spoil: () => fake.files.writeAtomic('/ssl/key.pem', 'half', {mode: 0o600}),
    };
  },
});

describeProvider({
  name: 'choria',
  async make() {
    const [organization, foreign] = [createOrganization(), createOrganization()];
    const platform: Platform = {...createNodePlatform(), env: {USER: 'bob'}};
    const holder = await organization.client('up=bob');
    const node = await organization.server('n1.example.net');
    const entries = organization.entries(holder);
    const config = await configFromEntries(
      {...organization.entries(node), identity: 'n1.example.net'},
      {platform, mode: 'server'},
    );
    return {
      open: () => open(entries, platform),
      technology: 'ed25519+jwt',
      callerId: 'up=bob',
      node: await createSecurityProvider(config, {platform, mode: 'server', logger: silentLogger}),
      stranger: await open(foreign.entries(await foreign.client('up=bob')), platform),
      nowMs: Date.now(),
      secrets: [readFileSync(holder.seedFile, 'utf8')],
      async takeAway() {
        rmSync(holder.seedFile);
        return /ed25519 seed .* does not exist/;
      },
      async renew() {
        await organization.client('up=bob', {validityMs: 7_200_000});
      },
      async spoil() {
        writeFileSync(holder.tokenFile, 'eyJhbGciOi');
      },
      async close() {
        organization[Symbol.dispose]();
        foreign[Symbol.dispose]();
      },
    };
  },
});
