/** Tokens signed by a key inside Vault, against the part of its transit engine that is used. */
import {randomBytes} from 'node:crypto';
import {describe, expect, test} from 'vitest';
import {runCliForTest} from '../../../test/support/cli.ts';
import {ed25519PublicFromSeed, ed25519PublicKey, signEd25519, verifyToken} from '../../crypto/index.ts';
import type {HttpRequest} from '../../lib/http.ts';
import {createNodePlatform} from '../../lib/node-platform.ts';

const seed = randomBytes(32);
const publicKey = ed25519PublicFromSeed(seed);
const vaultToken = 'hvs.secret-of-vault';

interface Stub {
  readonly requests: HttpRequest[];
  readonly answer?: (path: string) => {readonly status: number; readonly data: unknown} | undefined;
}

async function run(args: readonly string[], stub: Stub, env: Readonly<Record<string, string | null>> = {}) {
  const transit = (request: HttpRequest): {readonly status: number; readonly data: unknown} => {
    const path = new URL(request.url).pathname;
    const special = stub.answer?.(path);
    if (special !== undefined) return special;
    if (request.headers?.['X-Vault-Token'] !== vaultToken) return {status: 403, data: {}};
    if (path === '/v1/transit/keys/issuer%2Fone' && request.method === 'GET') {
      const old = Buffer.alloc(32).toString('base64');
      const keys = {'1': {public_key: old}, '2': {public_key: Buffer.from(publicKey).toString('base64')}};
      return {status: 200, data: {type: 'ed25519', latest_version: 2, keys}};
    }
    if (path === '/v1/transit/sign/issuer%2Fone' && request.method === 'POST') {
      const {input} = JSON.parse(String(request.body)) as {readonly input: string};
      const signature = signEd25519(seed, Buffer.from(input, 'base64')).toString('base64');
      return {status: 200, data: {signature: `vault:v2:${signature}`}};
    }
    return {status: 404, data: {}};
  };
  const http = {
    async request(request: HttpRequest) {
      stub.requests.push(request);
      const {status, data} = transit(request);
      return {status, statusText: '', headers: new Map(), body: Buffer.from(JSON.stringify({data}))};
    },
  };
  return runCliForTest({
    argv: ['choria', 'jwt', ...args],
    platform: {...createNodePlatform(), http},
    files: {'/home/rip/vault-ca.pem': 'PEM of the authority', '/home/rip/holder.public': publicKey.toString('hex')},
    env: {
      VAULT_ADDR: 'https://vault.example.net:8200/',
      VAULT_TOKEN: vaultToken,
      VAULT_CACERT: '/home/rip/vault-ca.pem',
      ...env,
    },
  });
}

const holder = 'ab'.repeat(32);

describe('choria jwt --vault', () => {
  test.each([
    {
      args: ['client', 'token.jwt', 'up=bob', 'issuer/one', '--public-key', holder, '--vault'],
      purpose: 'choria_client_id' as const,
    },
    {
      args: ['server', 'token.jwt', 'n1.example.net', holder, 'issuer/one', '--vault'],
      purpose: 'choria_server' as const,
    },
    {
      args: ['provisioning', 'token.jwt', 'issuer/one', '--token', 's3cret', '--urls', 'nats://b:4222', '--vault'],
      purpose: 'choria_provisioning' as const,
    },
  ])('signs a token of $purpose with the latest version of the transit key', async ({args, purpose}) => {
    const stub: Stub = {requests: []};
    const {exit, stderr, stdout} = await run(args, stub);
    expect(`${stderr}${exit}`).toBe('0');
    expect(stub.requests.map(({method, url}) => `${method} ${url}`)).toEqual([
      'GET https://vault.example.net:8200/v1/transit/keys/issuer%2Fone',
      'POST https://vault.example.net:8200/v1/transit/sign/issuer%2Fone',
    ]);
    expect(stub.requests[0]?.tls).toEqual({material: {caPem: 'PEM of the authority'}});
    expect(`${stdout}${stderr}`).not.toContain(vaultToken);
    const {input, signature_algorithm: algorithm} = JSON.parse(String(stub.requests[1]?.body)) as Record<
      string,
      string
    >;
    expect(algorithm).toBe('ed25519');
    const signed = Buffer.from(input ?? '', 'base64').toString('utf8');
    const signature = signEd25519(seed, Buffer.from(signed)).toString('base64url');
    expect(
      verifyToken(`${signed}.${signature}`, {key: ed25519PublicKey(publicKey), purpose, nowMs: Date.now()}).purpose,
    ).toBe(purpose);
  });

  test.each([
    {what: 'no address', env: {VAULT_ADDR: null}, says: /requires VAULT_TOKEN and VAULT_ADDR/},
    {what: 'no token', env: {VAULT_TOKEN: null}, says: /requires VAULT_TOKEN and VAULT_ADDR/},
    {what: 'an address in clear', env: {VAULT_ADDR: 'http://vault.example.net'}, says: /must be an https:\/\/ address/},
    {what: 'no authority', env: {VAULT_CACERT: null}, says: /requires VAULT_CACERT/},
    {what: 'a token that Vault does not take', env: {VAULT_TOKEN: 'hvs.other'}, says: /status 403/},
  ])('with $what says so, and never shows a token', async ({env, says}) => {
    const stub: Stub = {requests: []};
    const args = ['client', 'token.jwt', 'up=bob', 'issuer/one', '--public-key', holder, '--vault'];
    const {exit, stdout, stderr} = await run(args, stub, env);
    expect(exit).toBe(1);
    expect(`${stdout}${stderr}`).toMatch(says);
    expect(`${stdout}${stderr}`).not.toMatch(/hvs\./);
  });

  test.each([
    {
      what: 'an RSA key',
      answer: () => ({status: 200, data: {type: 'rsa-2048', latest_version: 1, keys: {}}}),
      says: /is not of type ed25519/,
    },
    {
      what: 'no signature',
      answer: (path: string) => (path.includes('/sign/') ? {status: 200, data: {signature: 'nonsense'}} : undefined),
      says: /without a signature/,
    },
  ])('an answer with $what is refused', async ({answer, says}) => {
    const args = ['client', 'token.jwt', 'up=bob', 'issuer/one', '--public-key', holder, '--vault'];
    const {exit, stdout, stderr} = await run(args, {requests: [], answer});
    expect(exit).toBe(1);
    expect(`${stdout}${stderr}`).toMatch(says);
  });
});
