/**
 * Asks the broker's own decision about every connection of the vector.
 *
 * Where the vector's broker admits by certificate alone the program is asked with its default rules too; what differs there is in the list
 * of intended differences. Lists of subjects are compared as sets, as the vectors say.
 */
import {createPublicKey} from 'node:crypto';
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {type BrokerAuthOptions, createBrokerAuthenticator, type SubjectRules} from '../../../../src/broker/index.ts';
import {readToken} from '../../../../src/crypto/index.ts';
import {type CaseResult, type Judge, judgeEqual} from '../../judge.ts';

interface Rules {
  readonly allow?: readonly string[] | null;
  readonly deny?: readonly string[] | null;
}

interface BrokerCase {
  readonly name: string;
  readonly broker: {
    readonly is_tls: boolean;
    readonly issuers?: Readonly<Record<string, string>>;
    readonly client_signers?: readonly string[];
    readonly server_signers?: readonly string[];
    readonly choria_ca_set?: boolean;
    readonly client_hosts?: readonly string[];
    readonly deny_server_connections?: boolean;
    readonly system_user?: string;
    readonly system_password?: string;
    readonly provisioning_client_password?: string;
    readonly provisioning_signer_cert?: string;
    readonly provisioning_account?: boolean;
    readonly provisioner_without_token?: boolean;
  };
  readonly connection: {
    readonly remote: string;
    readonly tls: boolean;
    readonly tls_verified: boolean;
    readonly user?: string;
    readonly pass?: string;
    readonly auth_token?: string;
    readonly nonce?: string;
    readonly sig?: string;
    readonly kind?: string;
  };
  readonly expect: {
    readonly accepted: boolean;
    readonly account: string | null;
    readonly username: string | null;
    readonly publish: Rules | null;
    readonly subscribe: Rules | null;
  };
}

const vectorTimeMs = Date.UTC(2026, 10, 21, 5);

function authOptions(broker: BrokerCase['broker'], folder: string, nowMs: number): BrokerAuthOptions {
  const keys = JSON.parse(readFileSync(join(folder, 'security', 'keys.json'), 'utf8')) as Record<string, string>;
  const password = broker.provisioning_client_password;
  const issuers = Object.entries(broker.issuers ?? {});
  return {
    clock: {nowMs: () => nowMs},
    issuers: Object.fromEntries(issuers.map(([name, hex]) => [name, Buffer.from(hex, 'hex')])),
    isCertificateBesideTokens: broker.choria_ca_set === true,
    isNodeDenied: broker.deny_server_connections === true,
    clientHosts: broker.client_hosts ?? [],
    ...(broker.system_user === undefined
      ? {}
      : {system: {user: broker.system_user, password: broker.system_password ?? ''}}),
    ...(password === undefined || broker.provisioning_account !== true
      ? {}
      : {
          provisioning: {
            password,
            isTokenOptional: broker.provisioner_without_token === true,
            ...(broker.provisioning_signer_cert === undefined
              ? {}
              : {signer: createPublicKey(keys['rsa_signer_public'] ?? '')}),
          },
        }),
  };
}

async function decide(item: BrokerCase, folder: string): Promise<BrokerCase['expect']> {
  const {broker, connection} = item;
  const isPipe = connection.remote === 'pipe';
  const nowMs = timeOf(connection.auth_token);
  const authenticator = createBrokerAuthenticator(authOptions(broker, folder, nowMs));
  const certificate = {commonName: '', subjectAltNames: ['node1.example.net'], validToMs: Infinity};
  const decision = await authenticator.authenticate(
    {
      clientId: 1,
      kind: isPipe ? 'in-process' : connection.kind === 'leaf' ? 'leafnode' : 'client',
      remoteAddress: connection.remote,
      tls: connection.tls
        ? {
            version: 'TLSv1.3',
            cipher: '',
            peerVerified: connection.tls_verified,
            ...(connection.tls_verified ? {peerCertificate: {...certificate, fingerprint256: '', pem: ''}} : {}),
          }
        : undefined,
      nonce: connection.nonce,
    },
    {
      user: connection.user,
      password: connection.pass,
      authToken: connection.auth_token,
      signature: connection.sig,
      jwt: undefined,
      nkey: undefined,
      name: undefined,
    },
  );
  if (!decision.isAdmitted) return {accepted: false, account: null, username: null, publish: null, subscribe: null};
  return {
    accepted: true,
    account: decision.account,
    username: decision.user,
    publish: wire(decision.permissions?.publish),
    subscribe: wire(decision.permissions?.subscribe),
  };
}

/** Tokens of the vector are young when they are used; those that are expired are so at every time near that. */
function timeOf(token: string | undefined): number {
  if (token === undefined) return vectorTimeMs;
  try {
    const issued = readToken(token).claims['iat'];
    return typeof issued === 'number' ? Math.max(issued * 1_000, vectorTimeMs) : vectorTimeMs;
  } catch {
    return vectorTimeMs;
  }
}

function wire(rules: SubjectRules | undefined): Rules | null {
  if (rules === undefined) return null;
  return {allow: rules.allow ?? [], deny: rules.deny ?? []};
}

function shape(expect: BrokerCase['expect']): string {
  const rules = (side: Rules | null): unknown =>
    side === null ? null : [[...new Set(side.allow ?? [])].sort(), [...new Set(side.deny ?? [])].sort()];
  if (!expect.accepted) return 'refused';
  return JSON.stringify([expect.account, expect.username ?? '', rules(expect.publish), rules(expect.subscribe)]);
}

const judge: Judge = async ({data, vectorsDirectory}) => {
  const {cases} = data as {readonly cases: readonly BrokerCase[]};
  return Promise.all(
    cases.map(
      async (item): Promise<CaseResult> =>
        judgeEqual(item.name, shape(item.expect), shape(await decide(item, vectorsDirectory))),
    ),
  );
};

export default judge;
