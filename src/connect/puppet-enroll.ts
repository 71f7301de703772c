/**
 * Gets a certificate from a Puppet CA, as a Puppet agent would (spec security 5): the CA's own certificate, a key, a request for a certificate,
 * and then waiting until somebody has signed it.
 *
 * Files that are there already are used, so that an interrupted enrolment goes on where it was. The CA's certificate is fetched without
 * anything to verify it with, so its fingerprint is told, for a person to compare.
 */
import {createHash, X509Certificate} from 'node:crypto';
import {dirname, join} from 'node:path';
import {createCertificateRequest, cryptoLimits, generateKey, parsePem, puppetPaths} from '../crypto/index.ts';
import {errorMessage} from '../lib/errors.ts';
import {type Platform, sleep} from '../lib/platform.ts';
import {ConnectError} from './errors.ts';
import {connectLimits} from './limits.ts';
import {fileExists} from '../lib/file-exists.ts';

export interface PuppetEnrollOptions {
  readonly platform: Pick<Platform, 'files' | 'http' | 'clock'>;
  readonly sslDirectory: string;
  readonly certname: string;
  /** Such as `https://puppet:8140`. */
  readonly authority: string;
  readonly signal?: AbortSignal;
  readonly events?: {
    /** Hex SHA-256 of the CA's certificate, fetched from a host that nothing vouched for. */
    authority?(fingerprint: string): void;
    /** Hex SHA-256 of the request's DER: what the CA's operator compares before signing. */
    requested?(fingerprint: string): void;
    attempt?(number: number): void;
    warning?(message: string): void;
  };
}

const agentHeaders = {
  'User-Agent': 'Choria Orchestrator - http://choria.io',
  'Content-Type': 'text/plain',
} as const;

/**
 * @returns false when everything was there already
 * @throws {ConnectError} `ERR_ENROLL_FAILED` with what the CA said, or that it did not sign in time
 */
export async function enrollWithPuppet(options: PuppetEnrollOptions): Promise<boolean> {
  if (!isCertname(options.certname)) {
    throw failed(`"${options.certname}" cannot be a certificate name: expected letters, digits, dots, dashes`);
  }
  const paths = puppetPaths(options.sslDirectory, options.certname);
  const [hasKey, hasCertificate, hasAuthority] = await Promise.all(
    [paths.keyPath, paths.certificatePath, paths.caPath].map((path) => exists(options, path)),
  );
  if (hasKey === true && hasCertificate === true && hasAuthority === true) return false;
  await makeDirectories(options);
  const keyPem = await ensureKey(options, paths.keyPath);
  if (hasAuthority !== true) await fetchAuthority(options, paths.caPath);
  if (hasCertificate !== true) {
    await sendRequest(options, keyPem);
    await awaitCertificate(options, {path: paths.certificatePath, keyPem});
  }
  return true;
}

function isCertname(name: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$/.test(name) && !name.includes('..');
}

async function makeDirectories(options: PuppetEnrollOptions): Promise<void> {
  const {files} = options.platform;
  await files.makeDirectory(options.sslDirectory, {mode: 0o771, recursive: true});
  for (const name of ['certificate_requests', 'certs', 'public_keys']) {
    await files.makeDirectory(join(options.sslDirectory, name), {mode: 0o755, recursive: true});
  }
  for (const name of ['private_keys', 'private']) {
    await files.makeDirectory(join(options.sslDirectory, name), {mode: 0o750, recursive: true});
  }
}

async function ensureKey(options: PuppetEnrollOptions, path: string): Promise<string> {
  const {files} = options.platform;
  if (await exists(options, path)) return (await files.read(path, fileLimit)).toString('utf8');
  const {privateKeyPem} = await generateKey('rsa');
  await files.writeAtomic(path, privateKeyPem, {mode: 0o640});
  return privateKeyPem;
}

async function fetchAuthority(options: PuppetEnrollOptions, path: string): Promise<void> {
  const {status, body} = await ask(options, {method: 'GET', path: 'certificate/ca', isPlain: true});
  if (status !== 200) throw failed(`the CA at ${options.authority} answered ${status} when asked for its certificate`);
  const pem = certificateText(body, 'its certificate');
  options.events?.authority?.(createHash('sha256').update(new X509Certificate(pem).raw).digest('hex'));
  await options.platform.files.writeAtomic(path, pem, {mode: 0o644});
}

async function sendRequest(options: PuppetEnrollOptions, keyPem: string): Promise<void> {
  const {files} = options.platform;
  const path = join(options.sslDirectory, 'certificate_requests', `${options.certname}.pem`);
  const isKnown = await exists(options, path);
  let pem: string;
  if (isKnown) {
    pem = (await files.read(path, fileLimit)).toString('utf8');
  } else {
    ({pem} = createCertificateRequest({
      keyPem,
      organizationalUnit: 'choria.io',
      commonName: options.certname,
    }));
    await files.writeAtomic(path, pem, {mode: 0o640});
  }
  const der = parsePem(pem, {blocksMax: 1})[0]?.der ?? Buffer.alloc(0);
  options.events?.requested?.(createHash('sha256').update(der).digest('hex'));
  const {status, body} = await ask(options, {
    method: 'PUT',
    path: `certificate_request/${options.certname}`,
    body: pem,
  });
  if (status === 200) return;
  const said = body.toString('utf8').replace(/\s+/g, ' ').slice(0, 200);
  const message = `the CA at ${options.authority} did not take the request: ${status} ${said}`;
  // It may have it already, and then waiting is right.
  if (!isKnown)
    throw failed(
      `${message}; when it holds an older one, remove that with: puppetserver ca clean --certname ${options.certname}`,
    );
  options.events?.warning?.(message);
}

async function awaitCertificate(
  options: PuppetEnrollOptions,
  what: {readonly path: string; readonly keyPem: string},
): Promise<void> {
  const {clock} = options.platform;
  const endMs = clock.monotonicMs() + connectLimits.enrollMs;
  for (let attempt = 1; ; attempt++) {
    options.events?.attempt?.(attempt);
    const {status, body} = await ask(options, {method: 'GET', path: `certificate/${options.certname}`});
    if (status === 200) {
      await saveCertificate(options, {...what, pem: certificateText(body, 'the certificate')});
      return;
    }
    if (clock.monotonicMs() + connectLimits.enrollPollMs > endMs) {
      throw failed(
        `timed out waiting for a certificate: sign it with "puppetserver ca sign --certname ${options.certname}" on the CA and enroll again`,
      );
    }
    await sleep(clock, connectLimits.enrollPollMs, options.signal === undefined ? {} : {signal: options.signal});
  }
}

async function saveCertificate(
  options: PuppetEnrollOptions,
  what: {readonly path: string; readonly keyPem: string; readonly pem: string},
): Promise<void> {
  const {createPrivateKey} = await import('node:crypto');
  if (!new X509Certificate(what.pem).checkPrivateKey(createPrivateKey(what.keyPem))) {
    throw failed(
      `the CA has a certificate for "${options.certname}" that belongs to another key: remove it with "puppetserver ca clean --certname ${options.certname}" and enroll again`,
    );
  }
  await options.platform.files.writeAtomic(what.path, what.pem, {mode: 0o644});
}

interface Question {
  readonly method: 'GET' | 'PUT';
  readonly path: string;
  readonly body?: string;
  /** The very first question is not asked as an agent. */
  readonly isPlain?: boolean;
}

async function ask(
  options: PuppetEnrollOptions,
  question: Question,
): Promise<{readonly status: number; readonly body: Buffer}> {
  const url = `${options.authority}/puppet-ca/v1/${question.path}?environment=production`;
  try {
    return await options.platform.http.request({
      url,
      method: question.method,
      headers: {
        ...(question.isPlain === true ? {} : agentHeaders),
        // Puppet servers behind a router of hosts know themselves without a port.
        ...(question.method === 'PUT' ? {Host: new URL(url).hostname} : {}),
      },
      ...(question.body === undefined ? {} : {body: question.body}),
      // Nobody vouches for the CA before its certificate is here; requests and certificates are no secrets.
      tls: {material: {}, verify: false},
      timeoutMs: connectLimits.enrollRequestMs,
      responseBytesMax: cryptoLimits.credentialFileBytesMax,
      signal: options.signal,
    });
  } catch (cause) {
    throw failed(
      `cannot ask the CA at ${options.authority}: ${errorMessage(cause)}; plugin.choria.puppetca_host and plugin.choria.puppetca_port say where it is`,
      cause,
    );
  }
}

const fileLimit = {limitBytes: cryptoLimits.credentialFileBytesMax};

function certificateText(body: Buffer, what: string): string {
  const text = body.toString('utf8');
  if (text.includes('-----BEGIN CERTIFICATE-----')) return text;
  throw failed(`the CA sent no PEM text for ${what}`);
}

async function exists(options: PuppetEnrollOptions, path: string): Promise<boolean> {
  try {
    return await fileExists(options.platform.files, path);
  } catch (error) {
    throw new ConnectError(
      'ERR_ENROLL_FAILED',
      `Cannot look at "${path}" in ${dirname(path)}: ${errorMessage(error)}`,
      {
        cause: error,
      },
    );
  }
}

function failed(reason: string, cause?: unknown): ConnectError {
  return new ConnectError('ERR_ENROLL_FAILED', `Could not enroll: ${reason}`, cause === undefined ? {} : {cause});
}
