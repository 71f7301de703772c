/**
 * Gets a certificate from cert-manager inside a Kubernetes cluster, with the account of the pod (spec security 1.1).
 *
 * What is there already is used, so that an interrupted enrolment goes on where it was. A certificate that has ended is had anew for the same key.
 */
import {createPrivateKey, X509Certificate} from 'node:crypto';
import {join} from 'node:path';
import {createCertificateRequest, cryptoLimits, generateKey} from '../crypto/index.ts';
import {errorMessage} from '../lib/errors.ts';
import {isJsonObject, jsonField, parseJson} from '../lib/json.ts';
import type {Logger} from '../lib/logger.ts';
import {type Platform, sleep} from '../lib/platform.ts';
import {ConnectError} from './errors.ts';
import {connectLimits} from './limits.ts';

export interface CertManagerOptions {
  readonly platform: Pick<Platform, 'files' | 'http' | 'clock'>;
  readonly logger: Logger;
  readonly sslDirectory: string;
  readonly identity: string;
  readonly namespace: string;
  readonly issuer: string;
  readonly apiVersion: string;
  readonly altNames: readonly string[];
  /** Takes the place of a request that is there already. */
  readonly replace: boolean;
  readonly signal?: AbortSignal;
}

/** Where a pod finds its account, and the service that every cluster has. */
const accountDirectory = '/var/run/secrets/kubernetes.io/serviceaccount';
const kubernetesUrl = 'https://kubernetes.default.svc';

export function certManagerPaths(sslDirectory: string): Readonly<Record<'csr' | 'certificate' | 'key' | 'ca', string>> {
  return {
    csr: join(sslDirectory, 'csr.pem'),
    certificate: join(sslDirectory, 'cert.pem'),
    key: join(sslDirectory, 'key.pem'),
    ca: join(sslDirectory, 'ca.pem'),
  };
}

/**
 * @returns false when everything was there already
 * @throws {ConnectError} `ERR_ENROLL_FAILED` with what the cluster said, or that the certificate did not come in time
 */
export async function enrollWithCertManager(options: CertManagerOptions): Promise<boolean> {
  checkNames(options);
  const paths = certManagerPaths(options.sslDirectory);
  const [key, certificate, ca] = await Promise.all(
    [paths.key, paths.certificate, paths.ca].map((path) => read(options, path)),
  );
  if (key !== undefined && ca !== undefined && certificate !== undefined && isInForce(certificate, options))
    return false;
  const {logger, platform, namespace, issuer} = options;
  const account = await readAccount(options);
  logger.info(`Asking cert-manager for a certificate: issuer "${issuer}", namespace "${namespace}"`);
  await platform.files.makeDirectory(options.sslDirectory, {mode: 0o771, recursive: true});
  const keyPem = key ?? (await makeKey(options, paths.key));
  const requestPem = (await read(options, paths.csr)) ?? (await makeRequest(options, {path: paths.csr, keyPem}));
  if (certificate === undefined || options.replace) await submit(options, {account, requestPem});
  await fetchCertificate(options, {account, keyPem});
  return true;
}

interface Account {
  readonly token: string;
  readonly caPem: string;
}

/** They become parts of addresses. */
function checkNames({identity, namespace, apiVersion, issuer}: CertManagerOptions): void {
  const names = {identity, namespace, 'API version': apiVersion, issuer};
  for (const [title, value] of Object.entries(names)) {
    if (/^[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?$/.test(value) && !value.includes('..')) continue;
    throw failed(
      `${JSON.stringify(value)} cannot be the ${title} of a request to cert-manager: expected letters, digits, dots and dashes; see plugin.security.certmanager`,
    );
  }
}

function isInForce(pem: string, {platform}: CertManagerOptions): boolean {
  try {
    return Date.parse(new X509Certificate(pem).validTo) > platform.clock.nowMs();
  } catch {
    // What is no certificate is had anew.
    return false;
  }
}

async function readAccount(options: CertManagerOptions): Promise<Account> {
  const [token, caPem] = await Promise.all([
    read(options, join(accountDirectory, 'token')),
    read(options, join(accountDirectory, 'ca.crt')),
  ]);
  if (token !== undefined && caPem !== undefined) return {token: token.trim(), caPem};
  throw failed(
    `there is no service account in ${accountDirectory}: the provider certmanager works inside a Kubernetes cluster only`,
  );
}

async function makeKey({platform}: CertManagerOptions, path: string): Promise<string> {
  const {privateKeyPem} = await generateKey('rsa');
  await platform.files.writeAtomic(path, privateKeyPem, {mode: 0o600});
  return privateKeyPem;
}

async function makeRequest(
  {platform, identity, altNames}: CertManagerOptions,
  {path, keyPem}: {readonly path: string; readonly keyPem: string},
): Promise<string> {
  const {pem} = createCertificateRequest({
    keyPem,
    commonName: identity,
    organizationalUnit: 'choria.io',
    dnsNames: [...new Set([identity, ...altNames])],
  });
  await platform.files.writeAtomic(path, pem, {mode: 0o644});
  return pem;
}

async function submit(
  options: CertManagerOptions,
  {account, requestPem}: {readonly account: Account; readonly requestPem: string},
): Promise<void> {
  const {identity, namespace, issuer, apiVersion, replace, logger} = options;
  const encoded = Buffer.from(requestPem, 'utf8').toString('base64');
  const body = JSON.stringify({
    apiVersion: `cert-manager.io/${apiVersion}`,
    kind: 'CertificateRequest',
    metadata: {name: identity, namespace},
    spec: {issuerRef: {name: issuer}, csr: encoded, request: encoded},
  });
  const post = () => ask(options, {account, method: 'POST', path: '', body});
  let answer = await post();
  if (answer.status === 409) {
    if (!replace) {
      throw failed(
        `cert-manager has a request for "${identity}" already: delete it, or set plugin.security.certmanager.replace`,
      );
    }
    logger.warn(`cert-manager has a request for "${identity}" already: it is removed and made anew`);
    const removed = await ask(options, {account, method: 'DELETE', path: `/${identity}`});
    if (removed.status !== 200) throw refusedBy('did not delete the request that it has', removed);
    answer = await post();
  }
  if (answer.status !== 201) throw refusedBy('did not take the request', answer);
}

/** Asks until cert-manager has signed, or a minute is over. */
async function fetchCertificate(
  options: CertManagerOptions,
  {account, keyPem}: {readonly account: Account; readonly keyPem: string},
): Promise<void> {
  const {platform, identity, sslDirectory, signal} = options;
  const {clock, files} = platform;
  const endsAtMs = clock.monotonicMs() + connectLimits.certManagerWaitMs;
  const paths = certManagerPaths(sslDirectory);
  for (let attempt = 1; ; attempt += 1) {
    const answer = await ask(options, {account, method: 'GET', path: `/${identity}`});
    if (answer.status !== 200) throw refusedBy('does not show the request', answer);
    const status = statusOf(answer.body);
    const [certificate, ca] = [decoded(status, 'certificate'), decoded(status, 'ca')];
    if (certificate !== undefined && ca !== undefined) {
      if (!belongs(certificate, keyPem)) throw failed('cert-manager gave a certificate for another key');
      await files.writeAtomic(paths.ca, ca, {mode: 0o644});
      await files.writeAtomic(paths.certificate, certificate, {mode: 0o644});
      return;
    }
    if (clock.monotonicMs() >= endsAtMs) {
      throw failed(
        `cert-manager has not signed the request "${identity}" in ${connectLimits.certManagerWaitMs / 1000} s: look at it with kubectl describe certificaterequest ${identity} --namespace ${options.namespace}`,
      );
    }
    const waitMs = Math.min(connectLimits.certManagerPollMsMax, connectLimits.certManagerPollMsMin * attempt);
    await sleep(clock, waitMs, signal === undefined ? {} : {signal});
  }
}

function belongs(certificatePem: string, keyPem: string): boolean {
  try {
    return new X509Certificate(certificatePem).checkPrivateKey(createPrivateKey(keyPem));
  } catch {
    // What cannot be read belongs to nobody; its text is not repeated, as it may be a key.
    return false;
  }
}

function statusOf(body: Buffer): unknown {
  try {
    const document = parseJson(body, {bytesMax: connectLimits.certManagerBytesMax});
    return isJsonObject(document) ? jsonField(document, 'status') : undefined;
  } catch (cause) {
    throw failed(`cert-manager answered with something that is no JSON: ${errorMessage(cause)}`);
  }
}

function decoded(status: unknown, name: string): string | undefined {
  const value = isJsonObject(status) ? jsonField(status, name) : undefined;
  return typeof value === 'string' && value !== '' ? Buffer.from(value, 'base64').toString('utf8') : undefined;
}

interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

async function ask(
  {platform, namespace, apiVersion, signal}: CertManagerOptions,
  request: {readonly account: Account; readonly method: string; readonly path: string; readonly body?: string},
): Promise<Answer> {
  const {account, method, path, body} = request;
  try {
    return await platform.http.request({
      url: `${kubernetesUrl}/apis/cert-manager.io/${apiVersion}/namespaces/${namespace}/certificaterequests${path}`,
      method,
      headers: {
        Authorization: `Bearer ${account.token}`,
        'Content-Type': 'application/json',
        Accept: 'application/json',
      },
      ...(body === undefined ? {} : {body}),
      tls: {material: {caPem: account.caPem}},
      timeoutMs: connectLimits.certManagerTimeoutMs,
      responseBytesMax: connectLimits.certManagerBytesMax,
      signal,
    });
  } catch (cause) {
    throw failed(`the Kubernetes API did not answer: ${errorMessage(cause)}`, cause);
  }
}

function refusedBy(what: string, {status, body}: Answer): ConnectError {
  const said = body.toString('utf8').replaceAll(/\s+/g, ' ').slice(0, 200);
  const hint =
    status === 403 ? '; the service account needs the right to create, get and delete certificaterequests' : '';
  return failed(`cert-manager ${what}: ${status} ${said}${hint}`);
}

async function read({platform}: CertManagerOptions, path: string): Promise<string | undefined> {
  try {
    return (await platform.files.read(path, {limitBytes: cryptoLimits.credentialFileBytesMax})).toString('utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw failed(`cannot read ${path}: ${errorMessage(error)}`, error);
  }
}

function failed(reason: string, cause?: unknown): ConnectError {
  return new ConnectError('ERR_ENROLL_FAILED', `Cannot get a certificate: ${reason}`, {cause});
}
