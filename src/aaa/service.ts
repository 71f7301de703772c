/**
 * The service: login and signing over HTTP, and what its agent needs (spec security 6).
 *
 * Callers learn that they were refused and nothing more; why stands in the log, which never holds a password, a token or a signature.
 */
import type {RegoEngine} from '../authz/index.ts';
import {createLocalRegoEngine} from '../authz/index.ts';
import {parseSeed, readToken, signEd25519} from '../crypto/index.ts';
import type {SecurityProvider} from '../crypto/types.ts';
import {createAuditFile} from '../lib/audit-file.ts';
import {errorMessage} from '../lib/errors.ts';
import type {HttpListener, HttpServerRequest, HttpServerResponse} from '../lib/http-server.ts';
import type {Logger} from '../lib/logger.ts';
import type {Platform} from '../lib/platform.ts';
import {type AuditConnection, createFileAuditor, createSubjectAuditor, type RequestAuditor} from './audit.ts';
import {createAuthenticator} from './authenticator.ts';
import {AaaError} from './errors.ts';
import {createGate} from './gate.ts';
import {readSecret, readText, readTokenSigner, readTrustedKey} from './keys.ts';
import {aaaLimits} from './limits.ts';
import {login, type LoginOptions, readLogin} from './login.ts';
import {type AaaMetrics, createMetrics, type LoginResult, type SignResult} from './metrics.ts';
import {createRateLimit, type RateLimit} from './rate-limit.ts';
import type {AaaSettings, SignerSettings} from './settings.ts';
import {
  readSignRequest,
  type RequestSigner,
  type Signed,
  type SignFields,
  signRequest,
  type SigningOptions,
} from './signer.ts';

export interface AaaServiceOptions {
  readonly settings: AaaSettings;
  readonly platform: Platform;
  readonly logger: Logger;
  /** Signs when the settings name no seed: the privileged certificate of `choria_config`. */
  readonly provider?: SecurityProvider;
  /** Where audit messages go, when the settings ask for them. */
  readonly auditConnection?: AuditConnection;
  /** In place of an own one. */
  readonly engine?: RegoEngine;
}

export interface AaaService {
  /** Where it listens; undefined before the start and without a port. */
  readonly address: {readonly host: string; readonly port: number} | undefined;
  readonly monitorAddress: {readonly host: string; readonly port: number} | undefined;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** One HTTP request; never throws. */
  handle(request: Pick<HttpServerRequest, 'method' | 'path' | 'body' | 'remoteAddress'>): Promise<HttpServerResponse>;
  /** Signs for the agent. @throws {AaaError} */
  sign(fields: SignFields): Promise<Signed>;
}

/** @throws {AaaError} `ERR_AAA_CONFIG` */
export async function createAaaService(options: AaaServiceOptions): Promise<AaaService> {
  const {settings, platform, logger} = options;
  const engine =
    options.engine ?? createLocalRegoEngine({platform, ...(settings.opa === '' ? {} : {program: settings.opa})});
  return new Service(options, {
    engine,
    metrics: await createMetrics(settings.site),
    login: await loginOptions(settings, platform),
    signing: await signingOptions(options, engine),
    logger,
  });
}

async function loginOptions(settings: AaaSettings, platform: Platform): Promise<LoginOptions | undefined> {
  const {authenticator} = settings;
  if (authenticator === undefined) return undefined;
  const gate = createGate(aaaLimits.passwordChecksMax, aaaLimits.loginsWaitingMax);
  const inner = createAuthenticator(authenticator, platform);
  return {
    authenticator: {name: inner.name, authenticate: (fields) => gate(() => inner.authenticate(fields))},
    signer: await readTokenSigner(platform.files, authenticator),
    validityMs: authenticator.validityMs,
    platform,
  };
}

async function signingOptions(options: AaaServiceOptions, engine: RegoEngine): Promise<SigningOptions | undefined> {
  const {settings, platform} = options;
  const {signer, authorizer} = settings;
  if (signer === undefined || authorizer === undefined) return undefined;
  return {
    clock: platform.clock,
    signer: await requestSigner(signer, options),
    trustedKey: await readTrustedKey(platform.files, signer.certificate),
    maxValidityMs: signer.maxValidityMs,
    allowsBearerTokens: signer.allowsBearerTokens,
    authorizer,
    engine,
    site: settings.site,
    auditors: auditorsOf(options),
    rate: createRateLimit({
      clock: platform.clock,
      perSecond: settings.signaturesPerSecond,
      burst: settings.signaturesPerSecond,
    }),
  };
}

async function requestSigner(settings: SignerSettings, options: AaaServiceOptions): Promise<RequestSigner> {
  const {platform, provider} = options;
  if (settings.seed === undefined || settings.token === undefined) {
    if (provider !== undefined) return provider;
    throw new AaaError(
      'ERR_AAA_CONFIG',
      'Cannot sign requests: the settings name neither "signing_seed" and "signing_token" nor a "choria_config" with a privileged certificate',
    );
  }
  const seed = parseSeed(await readSecret(platform.files, settings.seed));
  const credential = (await readText(platform.files, settings.token)).trim();
  if (!readToken(credential).hasPermission('authentication_delegator')) {
    throw new AaaError(
      'ERR_AAA_CONFIG',
      `Cannot sign with the token "${settings.token}": servers accept signers only whose token has the permission authentication_delegator`,
    );
  }
  return {technology: 'ed25519+jwt', credential, sign: async (message) => signEd25519(seed, message)};
}

function auditorsOf(options: AaaServiceOptions): readonly RequestAuditor[] {
  const {settings, platform, auditConnection} = options;
  const {auditFile: path, auditSubject, site} = settings;
  const {clock, files} = platform;
  const auditors: RequestAuditor[] = [];
  if (path !== undefined) {
    auditors.push(createFileAuditor({file: createAuditFile({files, path, mode: 0o600}), site, clock}));
  }
  if (auditSubject !== undefined) {
    if (auditConnection === undefined) {
      throw new AaaError('ERR_AAA_CONFIG', 'Cannot audit to a subject: there is no connection to the middleware');
    }
    auditors.push(createSubjectAuditor({connection: auditConnection, topic: auditSubject.topic, site, clock}));
  }
  return auditors;
}

interface Parts {
  readonly engine: RegoEngine;
  readonly metrics: AaaMetrics;
  readonly login: LoginOptions | undefined;
  readonly signing: SigningOptions | undefined;
  readonly logger: Logger;
}

class Service implements AaaService {
  readonly #options: AaaServiceOptions;
  readonly #parts: Parts;
  readonly #loginRate: RateLimit;
  #listener: HttpListener | undefined;
  #monitor: HttpListener | undefined;

  constructor(options: AaaServiceOptions, parts: Parts) {
    this.#options = options;
    this.#parts = parts;
    const {loginsPerMinute} = options.settings;
    this.#loginRate = createRateLimit({
      clock: options.platform.clock,
      perSecond: loginsPerMinute / 60,
      burst: loginsPerMinute,
    });
  }

  get address(): {readonly host: string; readonly port: number} | undefined {
    return this.#listener;
  }

  get monitorAddress(): {readonly host: string; readonly port: number} | undefined {
    return this.#monitor;
  }

  async start(): Promise<void> {
    const {settings, platform, logger} = this.#options;
    const host = settings.address === '' ? '0.0.0.0' : settings.address;
    const onError = (error: unknown): void => logger.error(`A request failed: ${errorMessage(error)}`);
    if (this.#parts.signing?.auditors.length === 0) {
      logger.warn('No auditors are configured: what is signed leaves no trail');
    }
    this.#listener = await platform.httpServers.listen({
      host,
      port: settings.port,
      ...(await this.#tls()),
      handler: (request) => this.handle(request),
      onError,
      limits: {bodyBytesMax: aaaLimits.bodyBytesMax},
    });
    logger.info(`Listening for logins and requests on ${this.#listener.host}:${this.#listener.port}`);
    if (settings.monitorPort === 0) return;
    this.#monitor = await platform.httpServers.listen({
      host,
      port: settings.monitorPort,
      handler: (request) => this.#handleMonitor(request),
      onError,
    });
  }

  async stop(): Promise<void> {
    await this.#listener?.close();
    await this.#monitor?.close();
    await this.#parts.engine.close();
  }

  /** Passwords travel here: without a certificate the service listens on loopback addresses only. */
  async #tls() {
    const {settings, platform} = this.#options;
    const {certificate, key, ca} = settings.tls;
    if (certificate === '' && key === '') {
      if (/^(?:127\.\d+\.\d+\.\d+|::1|localhost)$/.test(settings.address)) return {};
      throw new AaaError(
        'ERR_AAA_CONFIG',
        'Cannot listen without TLS: set "tls_certificate" and "tls_key", or "address" to 127.0.0.1 behind a proxy of this machine',
      );
    }
    const material = {
      certificatePem: await readText(platform.files, certificate),
      keyPem: await readSecret(platform.files, key),
      ...(ca === '' ? {} : {caPem: await readText(platform.files, ca)}),
    };
    return {tls: {material, clientCertificates: 'none' as const}};
  }

  async handle(
    request: Pick<HttpServerRequest, 'method' | 'path' | 'body' | 'remoteAddress'>,
  ): Promise<HttpServerResponse> {
    const {login: canLogin, signing} = this.#parts;
    const work =
      request.path === '/choria/v1/login' && canLogin !== undefined
        ? () => this.#login(request, canLogin)
        : request.path === '/choria/v1/sign' && signing !== undefined
          ? () => this.#signHttp(request)
          : undefined;
    if (work === undefined) return json(404, {error: 'Not found'});
    if (request.method !== 'POST') return json(405, {error: 'Method not allowed'});
    return work();
  }

  async #login(
    request: Pick<HttpServerRequest, 'body' | 'remoteAddress'>,
    options: LoginOptions,
  ): Promise<HttpServerResponse> {
    const {logger, metrics} = this.#parts;
    try {
      const fields = readLogin(request.body);
      if (
        !this.#loginRate.take(`address ${request.remoteAddress}`) ||
        !this.#loginRate.take(`user ${fields.username}`)
      ) {
        throw new AaaError(
          'ERR_AAA_RATE',
          `Cannot log in: too many logins of ${JSON.stringify(fields.username)} or its address`,
        );
      }
      const token = await login(fields, options);
      metrics.login('ok');
      logger.info(`Logged in ${fields.username}`, {address: request.remoteAddress});
      return json(200, {token});
    } catch (error) {
      metrics.login(loginResultOf(error));
      logger.warn(errorMessage(error), {address: request.remoteAddress});
      return json(200, {error: 'Login failed'});
    }
  }

  async #signHttp(request: Pick<HttpServerRequest, 'body' | 'remoteAddress'>): Promise<HttpServerResponse> {
    try {
      const {document} = await this.sign(readSignRequest(request.body));
      return json(200, {secure_request: document.toString('base64')});
    } catch (error) {
      this.#parts.logger.warn(errorMessage(error), {address: request.remoteAddress});
      return json(200, {error: 'Request denied'});
    }
  }

  async sign(fields: SignFields): Promise<Signed> {
    const {metrics, signing, logger} = this.#parts;
    if (signing === undefined) throw new AaaError('ERR_AAA_CONFIG', 'Cannot sign: the service has no signer');
    try {
      const signed = await signRequest(fields, signing);
      metrics.sign('signed');
      logger.info(`Signed request ${signed.request.id} of ${signed.callerId} to agent ${signed.request.agent}`);
      return signed;
    } catch (error) {
      metrics.sign(signResultOf(error));
      throw error;
    }
  }

  async #handleMonitor(request: HttpServerRequest): Promise<HttpServerResponse> {
    const {metrics} = this.#parts;
    if (request.path !== '/metrics' || request.method !== 'GET') return json(404, {error: 'Not found'});
    return {status: 200, headers: {'content-type': metrics.contentType}, body: await metrics.text()};
  }
}

function json(status: number, value: object): HttpServerResponse {
  return {status, headers: {'content-type': 'application/json'}, body: `${JSON.stringify(value)}\n`};
}

function loginResultOf(error: unknown): LoginResult {
  if (!(error instanceof AaaError)) return 'failed';
  if (error.code === 'ERR_AAA_LOGIN') return 'refused';
  return error.code === 'ERR_AAA_RATE' ? 'limited' : 'failed';
}

function signResultOf(error: unknown): SignResult {
  if (!(error instanceof AaaError)) return 'failed';
  if (error.code === 'ERR_AAA_DENIED') return 'denied';
  if (error.code === 'ERR_AAA_RATE') return 'limited';
  return error.code === 'ERR_AAA_REQUEST' ? 'refused' : 'failed';
}
