/**
 * Requests that a central service signs: who asks is proven by the token of a login, and the service decides, records and signs
 * (spec security 6.2). Nodes trust the service, so its users need no certificate.
 *
 * The reference never verifies the certificate of the HTTP service, because its callers often have no authority to do it with. Here it is
 * verified as soon as there is one.
 */
import type {Config} from '../config/types.ts';
import {delegateProvider, parseSeed, readToken, signEd25519} from '../crypto/index.ts';
import type {RemoteSigner, SecurityProvider, SigningQuestion} from '../crypto/types.ts';
import {errorMessage} from '../lib/errors.ts';
import {isJsonObject, jsonField, parseJson} from '../lib/json.ts';
import type {HttpResponse} from '../lib/http.ts';
import type {Platform} from '../lib/platform.ts';
import {credentialPaths} from './choria-settings.ts';
import {ConnectError} from './errors.ts';
import {connectLimits} from './limits.ts';
import {isOn, textOf} from './settings.ts';

export interface RemoteSignerOptions {
  readonly platform: Pick<Platform, 'files' | 'http' | 'clock'>;
  /** False where certificates are not verified at all. */
  readonly verifyTls: boolean;
}

/** The agent that signs, as callers know it. */
const signerAgent = 'the agent aaa_signer';

/**
 * The provider as it is, or, where the configuration names a signing service, one whose requests are signed there and whose caller is the
 * one of the token.
 *
 * @throws {ConnectError} `ERR_SIGNER_TOKEN` when the files with token and seed are there and cannot be used
 */
export async function withRemoteSigner(
  provider: SecurityProvider,
  config: Config,
  options: RemoteSignerOptions,
): Promise<SecurityProvider> {
  const url = textOf(config.get('plugin.choria.security.request_signer.url'));
  const isService = isOn(config.get('plugin.choria.security.request_signer.service'));
  if (url === '' && !isService) return provider;
  const paths = credentialPaths(config);
  const caPem = await signerAuthority(config, options.platform.files);
  let credentials = await readCredentials(paths, options.platform.files);
  const {clock} = options.platform;
  const remoteSigner: RemoteSigner = {
    // Both at once: the agent is asked.
    place: isService ? signerAgent : url,
    get token() {
      return credentials.token ?? '';
    },
    get expiresAtMs() {
      return credentials.expiresAtMs;
    },
    question: (request) => ask(request, {credentials, paths, nowMs: clock.nowMs()}),
    signNonce: async (nonce) => signEd25519(requireSeed(credentials, paths), nonce),
    ...(isService
      ? {}
      : {
          ask: (question, {signal}) =>
            askOverHttp(question, {
              platform: options.platform,
              url,
              caPem: caPem ?? provider.tls.caPem,
              // An authority that was named for this service counts also where callers are anonymous to brokers.
              verifyTls: caPem !== undefined || (options.verifyTls && provider.tls.caPem !== undefined),
              signal,
            }),
        }),
  };
  return delegateProvider(() => provider, {
    remoteSigner,
    callerId: () => credentials.callerId ?? provider.callerId,
    refresh: async () => {
      const before = credentials.token;
      credentials = await readCredentials(paths, options.platform.files);
      return before !== credentials.token;
    },
  });
}

interface Paths {
  readonly tokenPath: string;
  readonly seedPath: string;
}

interface Credentials {
  readonly token?: string;
  readonly callerId?: string;
  readonly expiresAtMs?: number;
  readonly seed?: Buffer;
}

/** Files that are not there give nothing: the first request says so. */
async function readCredentials(paths: Paths, files: Platform['files']): Promise<Credentials> {
  const text = await readOptionalText(files, paths.tokenPath);
  const seed = await readOptionalText(files, paths.seedPath);
  try {
    const token = text?.trim();
    const {name = '', expiresAtMs} = token === undefined ? {} : readToken(token);
    return {
      ...(token === undefined ? {} : {token}),
      ...(name === '' ? {} : {callerId: name}),
      ...(expiresAtMs === undefined ? {} : {expiresAtMs}),
      ...(seed === undefined ? {} : {seed: parseSeed(seed)}),
    };
  } catch (cause) {
    throw new ConnectError(
      'ERR_SIGNER_TOKEN',
      `Cannot use the token ${JSON.stringify(paths.tokenPath)} or its seed ${JSON.stringify(paths.seedPath)}: ${errorMessage(cause)}`,
      {cause},
    );
  }
}

async function readOptionalText(files: Platform['files'], path: string): Promise<string | undefined> {
  if (path === '') return undefined;
  try {
    return (await files.read(path, {limitBytes: connectLimits.loginResponseBytesMax})).toString('utf8');
  } catch (error) {
    if ((error as {code?: unknown}).code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * The authority of the service that logs in and signs, where one is named.
 *
 * @throws {ConnectError} `ERR_CONNECT_SETTING`
 */
export async function signerAuthority(config: Config, files: Platform['files']): Promise<string | undefined> {
  const setting = 'plugin.choria.security.request_signer.ca';
  const path = textOf(config.get(setting));
  if (path === '') return undefined;
  try {
    return (await files.read(path, {limitBytes: connectLimits.loginResponseBytesMax})).toString('utf8');
  } catch (cause) {
    throw new ConnectError('ERR_CONNECT_SETTING', `Cannot read ${setting}: ${errorMessage(cause)}`, {
      cause,
      details: {setting, path},
    });
  }
}

function ask(
  request: Buffer,
  {credentials, paths, nowMs}: {readonly credentials: Credentials; readonly paths: Paths; readonly nowMs: number},
): SigningQuestion {
  const {token, expiresAtMs} = credentials;
  if (token === undefined) {
    throw new ConnectError(
      'ERR_SIGNER_TOKEN',
      paths.tokenPath === ''
        ? 'Cannot have the request signed: no token file is configured, expected plugin.choria.security.request_signer.token_file or plugin.security.choria.token_file'
        : `Cannot have the request signed: there is no token in ${JSON.stringify(paths.tokenPath)}, log in with "choria login"`,
    );
  }
  if (expiresAtMs !== undefined && expiresAtMs <= nowMs) {
    const ended = new Date(expiresAtMs).toISOString();
    throw new ConnectError(
      'ERR_SIGNER_TOKEN',
      `Cannot have the request signed: the token in ${JSON.stringify(paths.tokenPath)} expired at ${ended}, log in again with "choria login"`,
      {details: {ended}},
    );
  }
  return {token, request, signature: signEd25519(requireSeed(credentials, paths), request).toString('hex')};
}

function requireSeed({seed}: Credentials, {seedPath}: Paths): Buffer {
  if (seed !== undefined) return seed;
  throw new ConnectError(
    'ERR_SIGNER_TOKEN',
    `Cannot have the request signed: there is no seed in ${JSON.stringify(seedPath)}, log in with "choria login"`,
  );
}

interface HttpSigning {
  readonly platform: Pick<Platform, 'http'>;
  readonly url: string;
  readonly caPem: string | undefined;
  readonly verifyTls: boolean;
  readonly signal: AbortSignal | undefined;
}

async function askOverHttp(question: SigningQuestion, signing: HttpSigning): Promise<Buffer> {
  const {platform, url, caPem, signal} = signing;
  const {token, request, signature} = question;
  let response: HttpResponse;
  try {
    response = await platform.http.request({
      url,
      method: 'POST',
      headers: {'Content-Type': 'application/json'},
      body: JSON.stringify({token, request: request.toString('base64'), signature}),
      tls: {
        material: caPem === undefined ? {} : {caPem},
        verify: signing.verifyTls,
      },
      timeoutMs: connectLimits.signMs,
      responseBytesMax: connectLimits.signResponseBytesMax,
      signal,
    });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new ConnectError(
      'ERR_SIGNER_UNREACHABLE',
      `Cannot have the request signed by ${url}: ${errorMessage(cause)}`,
      {
        cause,
        details: {url},
      },
    );
  }
  return readAnswer(response, url);
}

function readAnswer({status, statusText, body}: HttpResponse, url: string): Buffer {
  if (status !== 200) {
    throw unfit(url, `it answered with status ${status} ${JSON.stringify(statusText.slice(0, 100))}`);
  }
  let value: unknown;
  try {
    value = parseJson(body, {bytesMax: connectLimits.signResponseBytesMax});
  } catch (cause) {
    throw unfit(url, `its answer is not JSON: ${errorMessage(cause)}`);
  }
  const field = (name: string): string => {
    const text = isJsonObject(value) ? jsonField(value, name) : undefined;
    return typeof text === 'string' ? text : '';
  };
  const error = field('error');
  if (error !== '') {
    throw new ConnectError(
      'ERR_SIGNER_REFUSED',
      `The signing service ${url} refused to sign the request: ${JSON.stringify(error.slice(0, 500))}`,
      {details: {url}},
    );
  }
  const signed = field('secure_request');
  if (signed === '') throw unfit(url, 'there is no signed request in its answer');
  return Buffer.from(signed, 'base64');
}

function unfit(url: string, reason: string): ConnectError {
  return new ConnectError('ERR_SIGNER_ANSWER', `Cannot have the request signed by ${url}: ${reason}`, {details: {url}});
}
