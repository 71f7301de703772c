/**
 * Chooses the security provider from the configuration, and the TLS and credentials of a connection from the provider.
 *
 * Rules: config.md 6, security.md 1 and 2. Switches that turn checks off are for clients only; a server never has them.
 */
import type {Config} from '../config/types.ts';
import {
  createCertManagerProvider,
  createChoriaProvider,
  createFileProvider,
  createPuppetProvider,
  type ProofCache,
  type SecurityProvider,
} from '../crypto/index.ts';
import {errorMessage} from '../lib/errors.ts';
import {type Logger, silentLogger} from '../lib/logger.ts';
import type {TlsMaterial} from '../lib/network.ts';
import type {Platform} from '../lib/platform.ts';
import type {ConnectAuth} from './auth.ts';
import {certManagerPaths, enrollWithCertManager} from './certmanager-enroll.ts';
import {choriaTrust, credentialPaths} from './choria-settings.ts';
import {ConnectError} from './errors.ts';
import {connectLimits} from './limits.ts';
import {createPkcs11Provider} from './pkcs11.ts';
import {withRemoteSigner} from './remote-signer.ts';
import type {SessionTls} from './session.ts';
import {withServerToken} from './server-token.ts';
import {isOn, listOf, textOf} from './settings.ts';
import {cipherNames, curveNames} from './tls-names.ts';

export interface SecurityOptions {
  readonly platform: Pick<Platform, 'files' | 'env' | 'host' | 'processes' | 'http' | 'clock' | 'askSecret'>;
  readonly mode: 'client' | 'server';
  readonly logger: Logger;
  /** `--certname`. */
  readonly certnameOverride?: string;
  /** Shared among the instances of one process, so that identical bytes are checked once. */
  readonly proofs?: ProofCache;
}

/** What the environment of an interactive command turned off. */
export interface SecuritySwitches {
  readonly tls: boolean;
  readonly verifyTls: boolean;
  readonly verifyProvider: boolean;
  /** `INSECURE_YES_REALLY`: requests are not signed at all. */
  readonly secureProtocol: boolean;
}

const everythingOn: SecuritySwitches = {tls: true, verifyTls: true, verifyProvider: true, secureProtocol: true};

/** Suffix of the names that users sign with. */
const clientSuffix = 'mcollective';

/** Reads `INSECURE_*`; each needs exactly the text `true`, and each is logged. */
export function securitySwitches(
  options: Pick<SecurityOptions, 'mode' | 'logger'> & {readonly platform: Pick<Platform, 'env'>},
): SecuritySwitches {
  if (options.mode === 'server') return everythingOn;
  const isSet = (name: string): boolean => {
    if (options.platform.env[name] !== 'true') return false;
    options.logger.warn(`${name} is set in the environment: checks are turned off`);
    return true;
  };
  const really = isSet('INSECURE_YES_REALLY');
  const noTls = isSet('INSECURE_DISABLE_TLS');
  const anonymous = isSet('INSECURE_ANON_TLS');
  return {
    tls: !really && !noTls,
    verifyTls: !anonymous,
    verifyProvider: !really && !anonymous,
    secureProtocol: !really,
  };
}

/**
 * @throws {ConnectError} `ERR_CONNECT_SETTING` when the provider is unknown, or its set-up cannot be used: the message lists everything
 * that is wrong
 */
export async function createSecurityProvider(config: Config, options: SecurityOptions): Promise<SecurityProvider> {
  const switches = securitySwitches({...options, logger: silentLogger});
  if (textOf(config.get('plugin.security.provider')) === 'certmanager' && switches.verifyProvider) {
    await enroll(config, options);
  }
  const chosen = await chooseSecurityProvider(config, options);
  const provider =
    options.mode === 'client'
      ? await withRemoteSigner(chosen, config, {
          platform: options.platform,
          verifyTls: switches.verifyTls && !isAnonymousClient(config),
        })
      : await withServerToken(chosen, config, options.platform.files);
  if (!switches.verifyProvider || (options.mode === 'client' && isAnonymousClient(config))) return provider;
  const problems = await provider.validate();
  if (problems.length === 0) return provider;
  throw new ConnectError(
    'ERR_CONNECT_SETTING',
    `security setup is not valid, ${problems.length} errors encountered: ${problems.join(', ')}`,
    {details: {problems}},
  );
}

/**
 * The provider as configured, whether its set-up can be used or not: for programs that show what is wrong.
 *
 * @throws {ConnectError} `ERR_CONNECT_SETTING` when the provider is unknown
 */
export async function chooseSecurityProvider(config: Config, options: SecurityOptions): Promise<SecurityProvider> {
  const name = textOf(config.get('plugin.security.provider'));
  switch (name) {
    case 'file':
      return createFileProvider({
        ...commonSettings(config, options),
        certname: fileCertname(config, options),
        certificatePath: textOf(config.get('plugin.security.file.certificate')),
        keyPath: textOf(config.get('plugin.security.file.key')),
        caPath: textOf(config.get('plugin.security.file.ca')),
      });
    case 'puppet':
      return createPuppetProvider({
        ...commonSettings(config, options),
        certname: puppetCertname(config, options),
        sslDirectory: await puppetSslDirectory(config, options),
      });
    case 'choria':
      return createChoria(config, options);
    case 'pkcs11':
      return createPkcs11Provider(config, {...options, common: commonSettings(config, options)});
    case 'certmanager':
      return createCertManager(config, options);
    default:
      throw new ConnectError(
        'ERR_CONNECT_SETTING',
        `unknown security provider ${name}: expected one of puppet, file, choria, pkcs11, certmanager`,
        {details: {setting: 'plugin.security.provider', value: name}},
      );
  }
}

async function createChoria(config: Config, options: SecurityOptions): Promise<SecurityProvider> {
  const trust = choriaTrust(config);
  const {tokenPath, seedPath} = credentialPaths(config);
  const {cipherList, curves} = commonSettings(config, options);
  const user = systemUserName(options.platform);
  if (options.mode === 'client' && user === '') throw noUser();
  return createChoriaProvider({
    ...trust,
    files: options.platform.files,
    mode: options.mode,
    identity: options.mode === 'client' ? user : textOf(config.get('identity')),
    tokenPath,
    seedPath,
    certificatePath: textOf(config.get('plugin.security.choria.certificate')),
    keyPath: textOf(config.get('plugin.security.choria.key')),
    caPath: textOf(config.get('plugin.security.choria.ca')),
    tls: {...(cipherList === undefined ? {} : {cipherList}), ...(curves === undefined ? {} : {curves})},
  });
}

function createCertManager(config: Config, options: SecurityOptions): Promise<SecurityProvider> {
  const paths = certManagerPaths(certManagerDirectory(config));
  const common = commonSettings(config, options);
  return createCertManagerProvider({
    ...common,
    // Names inside a cluster are nobody's callers: unless a list says otherwise, privileged ones alone may call, as in the reference.
    allowedCallers: common.allowedCallers ?? [],
    certname: certManagerName(config, options),
    certificatePath: paths.certificate,
    keyPath: paths.key,
    caPath: paths.ca,
  });
}

function certManagerDirectory(config: Config): string {
  const directory = textOf(config.get('plugin.choria.ssldir'));
  if (directory !== '') return directory;
  throw new ConnectError(
    'ERR_CONNECT_SETTING',
    'plugin.choria.ssldir is not set: the provider certmanager needs a folder for its key and certificate',
    {details: {setting: 'plugin.choria.ssldir'}},
  );
}

/** `--certname` wins over the environment here, and who has neither is the node itself. */
function certManagerName(config: Config, {platform, certnameOverride = ''}: SecurityOptions): string {
  return certnameOverride || (platform.env['MCOLLECTIVE_CERTNAME'] ?? '') || textOf(config.get('identity'));
}

async function enroll(config: Config, options: SecurityOptions): Promise<void> {
  const {platform, logger} = options;
  await enrollWithCertManager({
    platform,
    logger,
    sslDirectory: certManagerDirectory(config),
    identity: certManagerName(config, options),
    namespace: textOf(config.get('plugin.security.certmanager.namespace')),
    issuer: textOf(config.get('plugin.security.certmanager.issuer')),
    apiVersion: textOf(config.get('plugin.security.certmanager.api_version')),
    altNames: listOf(config.get('plugin.security.certmanager.alt_names')),
    replace: config.get('plugin.security.certmanager.replace'),
  });
}

function commonSettings(
  config: Config,
  options: SecurityOptions,
): {
  readonly files: Platform['files'];
  readonly allowedCallers?: readonly string[];
  readonly privilegedCallers?: readonly string[];
  readonly cipherList?: string;
  readonly curves?: string;
  readonly proofs?: ProofCache;
  readonly crlPath?: string;
} {
  const crlPath = textOf(config.get('plugin.security.crl_file'));
  const suites = cipherNames(listOf(config.get('plugin.security.cipher_suites')));
  const curves = curveNames(listOf(config.get('plugin.security.ecc_curves')));
  for (const unknown of [...suites.unknown, ...curves.unknown]) {
    options.logger.warn(`The TLS setting "${unknown}" is not the name of a cipher or curve and is left out`);
  }
  return {
    files: options.platform.files,
    // The defaults of these two keys do not escape all dots: ours do, so defaults come from the provider (design 6).
    ...(config.has('plugin.choria.security.certname_whitelist')
      ? {allowedCallers: listOf(config.get('plugin.choria.security.certname_whitelist'))}
      : {}),
    ...(config.has('plugin.choria.security.privileged_users')
      ? {privilegedCallers: listOf(config.get('plugin.choria.security.privileged_users'))}
      : {}),
    ...(suites.list === undefined ? {} : {cipherList: suites.list}),
    ...(curves.list === undefined ? {} : {curves: curves.list}),
    ...(options.proofs === undefined ? {} : {proofs: options.proofs}),
    ...(crlPath === '' ? {} : {crlPath}),
  };
}

function noUser(): ConnectError {
  return new ConnectError(
    'ERR_CONNECT_SETTING',
    'could not determine client identity, ensure USER environment variable is set',
  );
}

/** Who runs this process, empty where nobody knows. */
export function systemUserName(platform: Pick<Platform, 'env' | 'host'>): string {
  const named = platform.env[platform.host.platform === 'win32' ? 'USERNAME' : 'USER'] ?? '';
  // Containers have users and no such variable.
  return named === '' ? (platform.host.userName ?? '') : named;
}

/** The environment wins over `--certname` here. */
function fileCertname(config: Config, options: SecurityOptions): string {
  const {platform, certnameOverride = ''} = options;
  const override = platform.env['MCOLLECTIVE_CERTNAME'] || certnameOverride;
  if (override !== '') return override;
  const user = systemUserName(platform);
  if (options.mode === 'client' && platform.host.uid !== 0 && platform.host.platform !== 'win32' && user !== '') {
    return `${user}.${clientSuffix}`;
  }
  return textOf(config.get('identity'));
}

/** `--certname` wins over the environment here. */
export function puppetCertname(config: Config, options: SecurityOptions): string {
  const {platform, certnameOverride = ''} = options;
  const override = certnameOverride || (platform.env['MCOLLECTIVE_CERTNAME'] ?? '');
  if (override !== '') return override;
  if (options.mode === 'server') return textOf(config.get('identity'));
  const user = systemUserName(platform);
  if (user === '') throw noUser();
  return `${user}.${clientSuffix}`;
}

export async function puppetSslDirectory(config: Config, options: SecurityOptions): Promise<string> {
  const configured = textOf(config.get('plugin.choria.ssldir'));
  if (configured !== '') return configured;
  const {host} = options.platform;
  if (host.uid !== 0 && host.platform !== 'win32' && host.homeDirectory !== undefined) {
    return `${host.homeDirectory}/.puppetlabs/etc/puppet/ssl`;
  }
  return (await askPuppet(options)) || '/etc/puppetlabs/puppet/ssl';
}

async function askPuppet(options: SecurityOptions): Promise<string> {
  try {
    const result = await options.platform.processes.run({
      command: 'puppet',
      args: ['apply', '--environment', 'production', '--configprint', 'ssldir'],
      env: {PATH: `${options.platform.env['PATH'] ?? ''}:/opt/puppetlabs/bin`},
      cwd: '/',
      timeoutMs: connectLimits.puppetTimeoutMs,
      outputBytesMax: 4096,
    });
    return result.exitCode === 0 ? result.stdout.toString('utf8').trim() : '';
  } catch (error) {
    options.logger.debug(`Puppet was not asked for its ssl directory: ${String(error)}`);
    return '';
  }
}

/** Callers without certificates of their own: a token says who they are, and a remote signer signs for them. */
function isAnonymousClient(config: Config): boolean {
  return isOn(config.get('plugin.security.client_anon_tls'));
}

export interface ConnectSecurity {
  readonly tls?: SessionTls;
  readonly auth?: ConnectAuth;
  /** Before each attempt: certificates and tokens that were renewed are read again. */
  readonly prepare?: () => Promise<void>;
}

/** TLS and credentials of a connection, in the form that `openConnection` takes. */
export function connectSecurity(
  config: Config,
  options: {
    readonly provider: SecurityProvider;
    readonly switches: SecuritySwitches;
    /** Says what could not be read again; what was read before stays in use. */
    readonly logger?: Logger;
  },
): ConnectSecurity {
  const {provider, switches, logger = silentLogger} = options;
  if (textOf(config.get('plugin.nats.credentials')) !== '') {
    throw new ConnectError(
      'ERR_CONNECT_SETTING',
      'Cannot use plugin.nats.credentials: credential files of NATS operators are not supported, expected plugin.nats.user and plugin.nats.pass or certificates',
      {details: {setting: 'plugin.nats.credentials'}},
    );
  }
  const legacyNames = provider.name === 'puppet' || isOn(config.get('plugin.security.support_legacy_certificates'));
  // Its certificate, if there is any, says nothing that the token does not say better.
  const isAnonymous = provider.remoteSigner !== undefined && isAnonymousClient(config);
  const {brokerToken} = provider;
  const auth = connectAuth(config, tokenHolder(provider, isAnonymous));
  return {
    ...(switches.tls
      ? {
          tls: {
            // Read at each connection, so that a renewed certificate is used from the next one on.
            get material() {
              if (isAnonymous) return {};
              return brokerToken === undefined ? provider.tls : withoutCertificate(provider.tls);
            },
            get verify() {
              return switches.verifyTls && !isAnonymous && hasAuthority(provider);
            },
            legacyNames,
          },
        }
      : {}),
    ...(auth === undefined ? {} : {auth}),
    prepare: () => refresh(provider, logger),
  };
}

function withoutCertificate({certificatePem: _certificate, keyPem: _key, ...rest}: TlsMaterial): TlsMaterial {
  return rest;
}

/** With tokens the broker's certificate is verified only when there is an authority to do it with. */
function hasAuthority(provider: SecurityProvider): boolean {
  return provider.technology === 'x509' || provider.tls.caPem !== undefined;
}

interface TokenHolder {
  readonly token: string;
  readonly expiresAtMs: number | undefined;
  sign(nonce: Buffer): Promise<Buffer>;
}

function tokenHolder(provider: SecurityProvider, isAnonymous: boolean): TokenHolder | undefined {
  const {brokerToken} = provider;
  if (brokerToken !== undefined) {
    return {
      get token() {
        return brokerToken.token;
      },
      get expiresAtMs() {
        return brokerToken.expiresAtMs;
      },
      sign: (nonce) => brokerToken.signNonce(nonce),
    };
  }
  if (provider.technology === 'ed25519+jwt') {
    return {
      get token() {
        return provider.credential;
      },
      get expiresAtMs() {
        return provider.expiresAtMs;
      },
      sign: (nonce) => provider.sign(nonce),
    };
  }
  const {remoteSigner} = provider;
  if (remoteSigner === undefined || !isAnonymous) return undefined;
  return {
    get token() {
      return remoteSigner.token;
    },
    get expiresAtMs() {
      return remoteSigner.expiresAtMs;
    },
    sign: (nonce) => remoteSigner.signNonce(nonce),
  };
}

function connectAuth(config: Config, holder: TokenHolder | undefined): ConnectAuth | undefined {
  const user = textOf(config.get('plugin.nats.user'));
  const password = textOf(config.get('plugin.nats.pass'));
  const named = user === '' ? {} : {user, password};
  if (holder === undefined) return user === '' ? undefined : named;
  return {
    ...named,
    get token() {
      return holder.token;
    },
    get expiresAtMs() {
      return holder.expiresAtMs;
    },
    signNonce: (nonce) => holder.sign(nonce),
  };
}

async function refresh(provider: SecurityProvider, logger: Logger): Promise<void> {
  try {
    if ((await provider.refresh?.()) === true) logger.info('Read changed certificates or tokens again');
  } catch (error) {
    logger.warn(`Could not read changed certificates or tokens, the earlier ones stay in use: ${errorMessage(error)}`);
  }
}
