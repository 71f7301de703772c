/** Faults 26, 27 and 32 at tokens: which key, which algorithm, which chain, which caller. */
import {createHmac, generateKeyPairSync, type KeyObject, randomBytes} from 'node:crypto';
import * as fc from 'fast-check';
import {beforeAll, describe, expect, test} from 'vitest';
import {
  createMemoryChoriaProvider,
  decodeToken,
  ed25519PrivateKey,
  ed25519PublicFromSeed,
  ed25519PublicKey,
  encodeKsuid,
  signEd25519,
  signToken,
  verifyToken,
} from '../../src/crypto/index.ts';
import {encodeRequest, openReply, openRequest, createReply, type Transport} from '../../src/protocol/index.ts';
import {newRequest, refusalOf} from '../support/callers.ts';

const nowMs = Date.UTC(2026, 10, 21, 12);
const nowSeconds = nowMs / 1_000;

interface Holder {
  readonly seed: Buffer;
  readonly hex: string;
}

function holder(): Holder {
  const seed = randomBytes(32);
  return {seed, hex: ed25519PublicFromSeed(seed).toString('hex')};
}

let issuer: Holder;
let bob: Holder;

beforeAll(() => {
  issuer = holder();
  bob = holder();
});

function claims(change: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    purpose: 'choria_client_id',
    callerid: 'up=bob',
    ou: 'choria',
    public_key: bob.hex,
    permissions: {fleet_management: true},
    iss: 'Choria Tokens Package',
    iat: nowSeconds,
    nbf: nowSeconds,
    exp: nowSeconds + 3_600,
    jti: encodeKsuid({nowMs, random: randomBytes(16)}),
    ...change,
  };
}

function signedBy(signer: Holder, change: Record<string, unknown> = {}): string {
  return signToken(claims(change), ed25519PrivateKey(signer.seed));
}

/** A token with any header and any signature. */
function forged(header: object, sign: (text: string) => Buffer): string {
  const segment = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const text = `${segment(header)}.${segment(claims())}`;
  return `${text}.${sign(text).toString('base64url')}`;
}

function check(token: string, key: KeyObject = ed25519PublicKey(Buffer.from(issuer.hex, 'hex'))): string {
  return refusalOf(() => verifyToken(token, {key, purpose: 'choria_client_id', nowMs}));
}

function server() {
  return createMemoryChoriaProvider({identity: 'n1', mode: 'server', issuers: {choria: issuer.hex}});
}

async function requestOf(
  token: string,
  seed: Buffer,
  change: {readonly callerId?: string; readonly signer?: string} = {},
): Promise<string> {
  const client = createMemoryChoriaProvider({identity: 'bob', mode: 'client', token, seed: seed.toString('hex')});
  const request = newRequest(nowMs, {
    collective: 'choria',
    ...(change.callerId === undefined ? {} : {callerId: change.callerId}),
  });
  let payload = await encodeRequest(request, {provider: client});
  if (change.signer !== undefined) {
    payload = Buffer.from(JSON.stringify({...(JSON.parse(payload.toString('utf8')) as object), signer: change.signer}));
  }
  const transport: Transport = {version: 2, payload, trace: []};
  return refusalOf(() => openRequest(transport, {provider: server(), nowMs}));
}

describe('fault 26: algorithms', () => {
  test('fault 26: a proper token passes', () => {
    expect(check(signedBy(issuer))).toBe('accepted');
  });

  test.each([
    'none',
    'None',
    'NONE',
    '',
    undefined,
    'HS256',
    'HS512',
    'PS256',
    'ES256',
    'RS256',
    'eddsa',
    '__proto__',
    'constructor',
  ])('fault 26: algorithm %j with the public key as secret, or without signature, is refused', (alg) => {
    const secrets = [Buffer.from(issuer.hex, 'hex'), Buffer.from(issuer.hex), Buffer.alloc(0)];
    for (const secret of secrets) {
      expect(check(forged({alg, typ: 'JWT'}, (text) => createHmac('sha256', secret).update(text).digest()))).toBe(
        'ERR_TOKEN_INVALID',
      );
    }
    expect(check(forged({alg, typ: 'JWT'}, () => Buffer.alloc(0)))).toBe('ERR_TOKEN_INVALID');
    expect(check(forged({alg, typ: 'JWT'}, () => Buffer.alloc(64)))).toBe('ERR_TOKEN_INVALID');
  });

  test('fault 26: HS256 with an RSA public key as secret is refused, a key of the wrong type too', () => {
    const rsa = generateKeyPairSync('rsa', {modulusLength: 2_048});
    const pem = rsa.publicKey.export({type: 'spki', format: 'pem'});
    const hmac = forged({alg: 'HS256', typ: 'JWT'}, (text) => createHmac('sha256', pem).update(text).digest());
    expect(check(hmac, rsa.publicKey)).toBe('ERR_TOKEN_INVALID');
    expect(check(signToken(claims(), rsa.privateKey), rsa.publicKey)).toBe('accepted');
    expect(check(signToken(claims(), rsa.privateKey))).toBe('ERR_TOKEN_INVALID');
    expect(check(signedBy(issuer), rsa.publicKey)).toBe('ERR_TOKEN_INVALID');
  });

  test('fault 26: keys named in the header are ignored', () => {
    const attacker = holder();
    const jwk = {kty: 'OKP', crv: 'Ed25519', x: Buffer.from(attacker.hex, 'hex').toString('base64url')};
    const token = forged(
      {alg: 'EdDSA', typ: 'JWT', jwk, jku: 'https://evil.example/keys', kid: '../../dev/null'},
      (text) => signEd25519(attacker.seed, Buffer.from(text)),
    );
    expect(check(token)).toBe('ERR_TOKEN_INVALID');
  });

  test('fault 26: any text ends in our own error', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(fc.base64String(), {minLength: 3, maxLength: 3}).map((parts) => parts.join('.')),
        ),
        (text) => {
          expect(check(text)).toBe('ERR_TOKEN_INVALID');
        },
      ),
    );
  });

  test('fault 26: claims of another type are refused', () => {
    for (const change of [{exp: 'never'}, {callerid: 7}, {public_key: {}}, {iss: ['C-']}, {nbf: Number.MAX_VALUE}]) {
      expect(check(signedBy(issuer, change))).toBe('ERR_TOKEN_INVALID');
    }
  });
});

describe('fault 27: callers by token', () => {
  test("fault 27: the caller is the token's", async () => {
    expect(await requestOf(signedBy(issuer), bob.seed)).toBe('accepted');
    expect(await requestOf(signedBy(issuer), bob.seed, {callerId: 'up=alice'})).toBe('ERR_REQUEST_UNVERIFIED');
    expect(await requestOf(signedBy(issuer), bob.seed, {callerId: 'up=bob '})).toBe('ERR_REQUEST_UNVERIFIED');
    expect(await requestOf(signedBy(issuer), issuer.seed)).toBe('ERR_REQUEST_UNVERIFIED');
  });

  test.each([
    ['without fleet management', {permissions: {}}],
    ['that must be signed for', {permissions: {fleet_management: true, signed_fleet_management: true}}],
    ['of a server', {purpose: 'choria_server', identity: 'up=bob'}],
    ['of another organisation', {ou: 'acme'}],
    ['of no organisation', {ou: undefined}],
    ['of an organisation named like a part of the language', {ou: '__proto__'}],
    ['that has ended', {exp: nowSeconds}],
    ['that has not begun', {nbf: nowSeconds + 1}],
    ['without a key', {public_key: undefined}],
  ])('fault 27: a token %s gives no access', async (_title, change) => {
    expect(await requestOf(signedBy(issuer, change), bob.seed)).toBe('ERR_REQUEST_UNVERIFIED');
  });

  test.each([
    ['an end beyond 64 bits', '"exp":9223372036854775808'],
    ['an end that no date has', '"exp":1e300'],
    ['an end as a text', '"exp":"1"'],
    ['an end under another spelling', '"Exp":1'],
    ['an end with the long s', '"iſſexp":1'],
    ['a beginning under another spelling', '"NBF":99999999999'],
    ['a time of issue that is none', '"iat":"x"'],
    ['a caller under another spelling', '"CallerID":"up=eve"'],
    ['a permission as a text', '"permissions":{"fleet_management":"true"}'],
    ['a permission as a number', '"permissions":{"fleet_management":1}'],
    ['a permission twice, in two spellings', '"permissions":{"fleet_management":true,"Fleet_Management":false}'],
    ['permissions as a list', '"permissions":["fleet_management"]'],
    ['agents as a text', '"agents":"*"'],
    ['collectives with a number', '"collectives":[1]'],
  ])('fault 26: a token that programs read in different ways is no token: %s', (_how, text) => {
    const known = JSON.stringify(claims({exp: undefined, nbf: undefined, iat: undefined, permissions: undefined}));
    const part = (value: string): string => Buffer.from(value).toString('base64url');
    const signed = `${part('{"alg":"EdDSA","typ":"JWT"}')}.${part(`${known.slice(0, -1)},${text}}`)}`;
    const signature = signEd25519(issuer.seed, Buffer.from(signed)).toString('base64url');
    const key = ed25519PublicKey(Buffer.from(issuer.hex, 'hex'));
    expect(() => verifyToken(`${signed}.${signature}`, {key, purpose: 'choria_client_id', nowMs})).toThrow(
      /Cannot accept token/,
    );
  });

  test('fault 27: a signer without the delegator permission, or of another key, gives no access', async () => {
    const signer = holder();
    const token = (change: Record<string, unknown>, by = issuer) =>
      signedBy(by, {callerid: 'signer', public_key: signer.hex, ...change});
    const good = token({permissions: {authentication_delegator: true}});
    expect(await requestOf(signedBy(issuer), signer.seed, {signer: good})).toBe('accepted');
    expect(await requestOf(signedBy(issuer), bob.seed, {signer: good})).toBe('ERR_REQUEST_UNVERIFIED');
    expect(await requestOf(signedBy(issuer), signer.seed, {signer: token({permissions: {}})})).toBe(
      'ERR_REQUEST_UNVERIFIED',
    );
    expect(
      await requestOf(signedBy(issuer), signer.seed, {
        signer: token({permissions: {authentication_delegator: true}}, holder()),
      }),
    ).toBe('ERR_REQUEST_UNVERIFIED');
    expect(await requestOf(signedBy(issuer), signer.seed, {signer: 'garbage'})).toBe('ERR_REQUEST_UNVERIFIED');
  });
});

describe('fault 32: chains', () => {
  /** A token of a chain issuer, as the login service makes them. */
  function chained(
    change: Record<string, unknown> = {},
    by: {readonly organization?: Holder; readonly jwt?: Holder} = {},
  ): string {
    const middle = by.jwt ?? chainIssuer;
    const issuerId = encodeKsuid({nowMs, random: Buffer.alloc(16, 1)});
    const id = encodeKsuid({nowMs, random: Buffer.alloc(16, 2)});
    const first = signEd25519((by.organization ?? issuer).seed, Buffer.from(`${issuerId}.${chainIssuer.hex}`)).toString(
      'hex',
    );
    const second = signEd25519(chainIssuer.seed, Buffer.from(`${id}.${first}`)).toString('hex');
    const more = {
      jti: id,
      iss: `C-${issuerId}.${chainIssuer.hex}`,
      tcs: `${first}.${second}`,
      issexp: nowSeconds + 3_600,
      ...change,
    };
    return signToken(claims(more), ed25519PrivateKey(middle.seed));
  }
  let chainIssuer: Holder;
  beforeAll(() => {
    chainIssuer = holder();
  });

  test('fault 32: one level of chain is accepted', () => {
    expect(check(chained())).toBe('accepted');
  });

  test('fault 32: a chain of a thousand links, another issuer, another signer, an ended issuer are refused in time', () => {
    expect(check(chained({tcs: Array.from({length: 1_000}, () => 'ab'.repeat(64)).join('.')}))).toBe(
      'ERR_TOKEN_INVALID',
    );
    expect(check(chained({}, {organization: holder()}))).toBe('ERR_TOKEN_INVALID');
    expect(check(chained({}, {jwt: holder()}))).toBe('ERR_TOKEN_INVALID');
    expect(check(chained({}, {jwt: issuer}))).toBe('ERR_TOKEN_INVALID');
    expect(check(chained({issexp: nowSeconds - 1}))).toBe('ERR_TOKEN_INVALID');
    expect(check(chained({issexp: undefined}))).toBe('ERR_TOKEN_INVALID');
    expect(check(chained({iat: nowSeconds - 1}))).toBe('ERR_TOKEN_INVALID');
    expect(check(chained({jti: 'x'}))).toMatch(/^ERR_(TOKEN|ID)_INVALID$/);
  });
});

test('fault 74: a v2 reply counts as verified only when the node it names signed it', async () => {
  const node = holder();
  const token = signedBy(issuer, {purpose: 'choria_server', identity: 'n1', callerid: undefined, public_key: node.hex});
  const make = async (senderId: string, seed: Buffer) => {
    const provider = createMemoryChoriaProvider({identity: 'n1', mode: 'server', token, seed: seed.toString('hex')});
    const payload = await createReply(
      {version: 2, id: 'a', agent: 'rpcutil'},
      {senderId, body: Buffer.from('{}'), nowMs, provider},
    );
    return openReply({version: 2, payload, trace: []}, {provider: server(), nowMs}).senderVerified;
  };
  expect(await make('n1', node.seed)).toBe(true);
  expect(await make('n2', node.seed)).toBe(false);
  expect(await make('n1', holder().seed)).toBe(false);
});

test('a token is read without its dots being trusted', () => {
  expect(refusalOf(() => decodeToken('a.b'))).toBe('ERR_TOKEN_INVALID');
  expect(refusalOf(() => decodeToken(`${signedBy(issuer)}.x`))).toBe('ERR_TOKEN_INVALID');
  expect(decodeToken(`${signedBy(issuer)}\n`).claims['callerid']).toBe('up=bob');
});
