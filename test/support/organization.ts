/** An organisation with tokens for tests: its issuer, and files for brokers, servers and clients of protocol version 2. */
import {randomBytes} from 'node:crypto';
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {ed25519PublicFromSeed, issueToken, seedSigner} from '../../src/crypto/index.ts';

const pki = (name: string): string => fileURLToPath(new URL(`../fixtures/pki/${name}`, import.meta.url));

export interface Holder {
  readonly tokenFile: string;
  readonly seedFile: string;
  readonly publicKey: string;
}

export interface Organization extends Disposable {
  readonly directory: string;
  readonly issuerPublic: string;
  /** The issuer's own seed, for services that issue tokens. */
  readonly issuerSeedFile: string;
  /** Writes a token and its seed; the same name again makes a new token for the same seed. */
  client(name: string, options?: TokenChange): Promise<Holder>;
  server(identity: string, options?: TokenChange): Promise<Holder>;
  /** A provisioning token that the issuer signed. */
  provisioning(claims: Readonly<Record<string, unknown>>): Promise<string>;
  /** Settings of a process that holds a token. */
  entries(holder: Holder): Readonly<Record<string, string>>;
  brokerEntries(holder: Holder): Readonly<Record<string, string>>;
}

export interface TokenChange {
  readonly claims?: Readonly<Record<string, unknown>>;
  readonly validityMs?: number;
  readonly nowMs?: number;
}

/** @param issuer its seed; a new one when left out */
export function createOrganization(issuer: Buffer = randomBytes(32)): Organization {
  const directory = mkdtempSync(join(tmpdir(), 'choria-organization-'));
  const issuerPublic = ed25519PublicFromSeed(issuer).toString('hex');
  const issuerSeedFile = join(directory, 'issuer.seed');
  writeFileSync(issuerSeedFile, issuer.toString('hex'), {mode: 0o600});
  const seeds = new Map<string, Buffer>();
  const write = async (
    name: string,
    claims: Readonly<Record<string, unknown>>,
    change: TokenChange & {readonly purpose: 'choria_client_id' | 'choria_server'},
  ): Promise<Holder> => {
    const seed = seeds.get(name) ?? randomBytes(32);
    seeds.set(name, seed);
    const publicKey = ed25519PublicFromSeed(seed).toString('hex');
    const token = await issueToken(
      {...claims, ...change.claims},
      {
        purpose: change.purpose,
        signer: seedSigner(issuer),
        nowMs: change.nowMs ?? Date.now(),
        validityMs: change.validityMs ?? 3_600_000,
        random: {bytes: randomBytes},
        publicKey,
      },
    );
    const file = join(directory, name.replace(/[^\w.-]/g, '_'));
    writeFileSync(`${file}.jwt`, token, {mode: 0o600});
    writeFileSync(`${file}.seed`, seed.toString('hex'), {mode: 0o600});
    return {tokenFile: `${file}.jwt`, seedFile: `${file}.seed`, publicKey};
  };
  const entries: Organization['entries'] = (holder) => ({
    'plugin.security.provider': 'choria',
    'plugin.security.choria.token_file': holder.tokenFile,
    'plugin.security.choria.seed_file': holder.seedFile,
    'plugin.security.choria.ca': pki('ca.pem'),
    'plugin.security.issuer.names': 'choria',
    'plugin.security.issuer.choria.public': issuerPublic,
  });
  return {
    directory,
    issuerPublic,
    issuerSeedFile,
    client: (name, change = {}) =>
      write(
        name,
        {callerid: name, ou: 'choria', permissions: {fleet_management: true}},
        {...change, purpose: 'choria_client_id'},
      ),
    server: (identity, change = {}) =>
      write(
        identity,
        {identity, collectives: ['choria'], permissions: {}, ou: 'choria'},
        {...change, purpose: 'choria_server'},
      ),
    provisioning: (claims) =>
      issueToken(
        {ou: 'choria', ...claims},
        {
          purpose: 'choria_provisioning',
          signer: seedSigner(issuer),
          nowMs: Date.now(),
          validityMs: 3_600_000,
          random: {bytes: randomBytes},
        },
      ),
    entries,
    brokerEntries: (holder) => ({
      ...entries(holder),
      identity: 'broker.example.net',
      'plugin.choria.broker_network': 'true',
      'plugin.choria.network.client_port': '0',
      'plugin.choria.network.listen_address': '127.0.0.1',
      'plugin.security.choria.certificate': pki('broker.pem'),
      'plugin.security.choria.key': pki('broker.key'),
    }),
    [Symbol.dispose]: () => rmSync(directory, {recursive: true, force: true}),
  };
}
