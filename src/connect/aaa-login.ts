/**
 * Logs in to an AAA service: a new key pair, the password once, and a token for that key (spec security 6.1).
 *
 * The token and its seed are written only when both are there, so that a failed login leaves the earlier ones as they were.
 */
import {ed25519PublicFromSeed, readToken, signEd25519} from '../crypto/index.ts';
import {errorMessage} from '../lib/errors.ts';
import type {TlsMaterial} from '../lib/network.ts';
import type {Platform} from '../lib/platform.ts';
import {ConnectError} from './errors.ts';
import {connectLimits} from './limits.ts';

export interface AaaLoginOptions {
  readonly platform: Pick<Platform, 'files' | 'http' | 'clock' | 'random'>;
  readonly urls: readonly string[];
  readonly username: string;
  readonly password: string;
  readonly tokenPath: string;
  readonly seedPath: string;
  /** Roots for `https` services. */
  readonly tls: TlsMaterial;
  readonly signal?: AbortSignal;
}

/** @throws {ConnectError} `ERR_LOGIN_FAILED` with what the service said; never with the password */
export async function loginToAaa(options: AaaLoginOptions): Promise<void> {
  const {platform, urls, username, password} = options;
  const url = urls[Math.floor(platform.random.float() * urls.length)];
  if (url === undefined) {
    throw failed('please configure a login server URL using plugin.login.aaasvc.login.url');
  }
  const seed = platform.random.bytes(32);
  const timestamp = String(Math.floor(platform.clock.nowMs() / 1_000));
  const proof = Buffer.from(`${timestamp}:${username}:${password}`, 'utf8');
  const body = JSON.stringify({
    username,
    password,
    signature: signEd25519(seed, proof).toString('hex'),
    public_key: ed25519PublicFromSeed(seed).toString('hex'),
    timestamp,
  });
  const token = await ask(url, body, options);
  checkToken(token, seed);
  await platform.files.writeAtomic(options.seedPath, seed.toString('hex'), {mode: 0o600});
  await platform.files.writeAtomic(options.tokenPath, token, {mode: 0o600});
}

async function ask(url: string, body: string, options: AaaLoginOptions): Promise<string> {
  let response: Awaited<ReturnType<Platform['http']['request']>>;
  try {
    response = await options.platform.http.request({
      url,
      method: 'POST',
      headers: {'Content-Type': 'application/json'},
      body,
      tls: {material: options.tls},
      timeoutMs: connectLimits.loginMs,
      responseBytesMax: connectLimits.loginResponseBytesMax,
      signal: options.signal,
    });
  } catch (cause) {
    throw failed(`Cannot ask the login service ${url}: ${errorMessage(cause)}`, cause);
  }
  const text = response.body.toString('utf8');
  if (response.status !== 200) throw failed(`invalid response code ${response.status}: ${text.slice(0, 500)}`);
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch (cause) {
    throw failed(`The login service ${url} answered with something else than JSON`, cause);
  }
  const {error, token} = (typeof answer === 'object' && answer !== null ? answer : {}) as Readonly<
    Record<string, unknown>
  >;
  if (typeof error === 'string' && error !== '') throw failed(error);
  if (typeof token !== 'string' || token === '') throw failed('no token received');
  return token;
}

/** A token for somebody else's key would be useless, and a sign of something wrong. Tokens of unknown forms are the service's business. */
function checkToken(token: string, seed: Buffer): void {
  let publicKey: Buffer | undefined;
  try {
    ({publicKey} = readToken(token));
  } catch {
    return;
  }
  if (publicKey !== undefined && !publicKey.equals(ed25519PublicFromSeed(seed))) {
    throw failed('The login service sent a token for another key than ours');
  }
}

function failed(message: string, cause?: unknown): ConnectError {
  return new ConnectError('ERR_LOGIN_FAILED', message, cause === undefined ? {} : {cause});
}
