/** A signing service with an organisation, a user and everything that a caller needs, in memory. */
import {createHash, randomBytes} from 'node:crypto';
import {type AaaService, createAaaService, parseSettings} from '../../src/aaa/index.ts';
import type {RegoEngine} from '../../src/authz/index.ts';
import {ed25519PublicFromSeed, issueToken, seedSigner, signEd25519} from '../../src/crypto/index.ts';
import type {HttpClient} from '../../src/lib/http.ts';
import {encodeRequestDocument, type Request} from '../../src/protocol/index.ts';
import {createFakePlatform, type FakePlatform} from './fake-platform.ts';
import {createRecordingLogger, type RecordingLogger} from './recording-logger.ts';

/** Hashes of the password `secret`, made by bcryptjs and by `crypto.scryptSync`. */
export const bcryptOfSecret = '$2b$04$AdJRd0OVKrLIQyAexDw5LOuWkThEFs7ml8AHCJoxyf2NhRcE/ulI.';
export const scryptOfSecret =
  '$scrypt$ln=10,r=8,p=1$c2FsdHNhbHRzYWx0c2FsdA==$punalsgLVDmabDdlbwVieUjVAmz5/abwyjX3gfy3Xlo=';

export interface TestAaa {
  readonly service: AaaService;
  readonly fake: FakePlatform;
  readonly logger: RecordingLogger;
  readonly seeds: Readonly<Record<'issuer' | 'chain' | 'signer' | 'caller', Buffer>>;
  /** Claims of a caller, signed by the organisation. */
  token(claims?: Readonly<Record<string, unknown>>, validityMs?: number): Promise<string>;
  /** The body of `POST /choria/v1/sign` for a request, with what a test changes. */
  signBody(request?: Partial<Request>, change?: Readonly<Record<string, unknown>>): Promise<Buffer>;
  loginBody(change?: Readonly<Record<string, string>>): Buffer;
  post(path: string, body: Buffer, remoteAddress?: string): Promise<Readonly<Record<string, string>>>;
}

/** The seed of a name, the same in each run. */
export function seedOf(name: string): Buffer {
  return createHash('sha256').update(`seed of ${name}`).digest();
}

const noEngine: RegoEngine = {
  decide: () => Promise.reject(new Error('there is no engine in this test')),
  coveredLines: async () => [],
  close: async () => undefined,
};

export async function startTestAaa(
  options: {
    readonly passwordHash?: string;
    readonly settings?: Readonly<Record<string, unknown>>;
    readonly engine?: RegoEngine;
    readonly http?: HttpClient;
    readonly auditConnection?: NonNullable<Parameters<typeof createAaaService>[0]['auditConnection']>;
    readonly files?: Readonly<Record<string, string>>;
    readonly programs?: NonNullable<Parameters<typeof createFakePlatform>[0]>['programs'];
  } = {},
): Promise<TestAaa> {
  const seeds = {issuer: seedOf('issuer'), chain: seedOf('chain'), signer: seedOf('signer'), caller: seedOf('caller')};
  const fake = createFakePlatform({
    files: {'/aaa/marker': '', ...options.files},
    ...(options.http === undefined ? {} : {http: options.http}),
    ...(options.programs === undefined ? {} : {programs: options.programs}),
  });
  const nowMs = fake.clock.nowMs();
  const issue = (
    claims: Readonly<Record<string, unknown>>,
    seed: Buffer,
    change: {readonly isChainIssuer?: boolean; readonly validityMs?: number} = {},
  ): Promise<string> =>
    issueToken(claims, {
      purpose: 'choria_client_id',
      signer: seedSigner(seeds.issuer),
      nowMs,
      validityMs: 3_600_000,
      random: {bytes: randomBytes},
      publicKey: ed25519PublicFromSeed(seed).toString('hex'),
      ...change,
    });
  const write = (path: string, text: string): Promise<void> => fake.files.writeAtomic(path, text, {mode: 0o600});
  await write('/aaa/chain.seed', seeds.chain.toString('hex'));
  await write(
    '/aaa/chain.jwt',
    await issue({callerid: 'aaa_chain', ou: 'choria', permissions: {}}, seeds.chain, {
      isChainIssuer: true,
      validityMs: 86_400_000,
    }),
  );
  await write('/aaa/signer.seed', seeds.signer.toString('hex'));
  await write(
    '/aaa/signer.jwt',
    await issue({callerid: 'aaa_signer', ou: 'choria', permissions: {authentication_delegator: true}}, seeds.signer),
  );
  const user = {
    username: 'bob',
    password: options.passwordHash ?? bcryptOfSecret,
    acls: ['rpcutil.*'],
    properties: {group: 'ops'},
    broker_permissions: {fleet_management: true, signed_fleet_management: true, org_admin: false},
  };
  const settings = {
    site: 'london',
    authenticator: 'userlist',
    userlist_authenticator: {
      users: [user],
      validity: '1h',
      signing_key: '/aaa/chain.seed',
      signing_token: '/aaa/chain.jwt',
    },
    authorizer: 'actionlist',
    signer: 'basicjwt',
    basicjwt_signer: {
      signing_certificate: ed25519PublicFromSeed(seeds.issuer).toString('hex'),
      signing_token: '/aaa/signer.jwt',
      signing_seed: '/aaa/signer.seed',
      max_validity: '2h',
    },
    auditors: ['logfile'],
    logfile_auditor: {logfile: '/aaa/audit.log'},
    ...options.settings,
  };
  const logger = createRecordingLogger();
  const service = await createAaaService({
    settings: parseSettings(Buffer.from(JSON.stringify(settings)), '/aaa/config.json'),
    platform: fake.platform,
    logger,
    engine: options.engine ?? noEngine,
    ...(options.auditConnection === undefined ? {} : {auditConnection: options.auditConnection}),
  });
  const publicKey = ed25519PublicFromSeed(seeds.caller).toString('hex');
  const token: TestAaa['token'] = (claims = {}, validityMs = 3_600_000) =>
    issue(
      {callerid: 'up=bob', agents: ['rpcutil.*'], ou: 'choria', permissions: {fleet_management: true}, ...claims},
      seeds.caller,
      {validityMs},
    );
  return {
    service,
    fake,
    logger,
    seeds,
    token,
    async signBody(change = {}, extra = {}) {
      const request = encodeRequestDocument({
        version: 2,
        id: '3MOtkJwx0KP3fNDwZnJDNrBgQNc',
        senderId: 'dev1.example.net',
        callerId: 'up=bob',
        collective: 'choria',
        agent: 'rpcutil',
        ttlSeconds: 60,
        sentAtMs: nowMs,
        filter: {facts: [], classes: [], agents: ['rpcutil'], identities: ['n1'], compounds: []},
        body: Buffer.from('{"agent":"rpcutil","action":"ping","data":{}}'),
        ...change,
      });
      return Buffer.from(
        JSON.stringify({
          token: await token(),
          request: request.toString('base64'),
          signature: signEd25519(seeds.caller, request).toString('hex'),
          ...extra,
        }),
      );
    },
    loginBody(change = {}) {
      const fields = {username: 'bob', password: 'secret', timestamp: String(Math.floor(nowMs / 1_000)), ...change};
      const signature = signEd25519(
        seeds.caller,
        Buffer.from(`${fields.timestamp}:${fields.username}:${fields.password}`),
      ).toString('hex');
      return Buffer.from(JSON.stringify({public_key: publicKey, signature, ...fields, ...change}));
    },
    async post(path, body, remoteAddress = '192.0.2.1') {
      const response = await service.handle({method: 'POST', path, body, remoteAddress});
      return JSON.parse(Buffer.from(response.body).toString('utf8')) as Readonly<Record<string, string>>;
    },
  };
}
