/**
 * The providers that prove callers by certificate and speak protocol v1: `file` names its files one by one, `puppet` finds them
 * in the layout of a Puppet agent.
 */
import {createHash, createPrivateKey, type KeyObject, sign as signWith, verify as verifyWith} from 'node:crypto';
import {join} from 'node:path';
import type {TlsMaterial} from '../lib/network.ts';
import type {Files} from '../lib/platform.ts';
import {type BoundedCache, createBoundedCache} from './bounded-cache.ts';
import {
  callerName,
  createNameMatcher,
  defaultAllowedCallers,
  defaultPrivilegedCallers,
  type NameMatcher,
} from './caller-names.ts';
import {type CertificateVerifier, createCertificateVerifier, type TrustedCertificate} from './chain.ts';
import {keyPairProblem, readOptional} from './credential-files.ts';
import {CryptoError} from './errors.ts';
import {cryptoLimits} from './limits.ts';
import {createReloadingProvider} from './reloading-provider.ts';
import type {ProvenCaller, RequestProof, SecurityProvider} from './types.ts';
import {fileExists} from '../lib/file-exists.ts';

export interface X509Settings {
  /** Name of this process; the caller id is `choria=<certname>` unless `callerId` says otherwise. */
  readonly certname: string;
  readonly callerId?: string;
  /** RE2 patterns of names that may call; absent: the anchored defaults. */
  readonly allowedCallers?: readonly string[];
  /** RE2 patterns of certificates that may speak for any caller; absent: the anchored defaults. */
  readonly privilegedCallers?: readonly string[];
  readonly cipherList?: string;
  readonly curves?: string;
  /** Proofs checked before; share one among the providers of a process so that identical bytes are checked once. */
  readonly proofs?: ProofCache;
}

export interface FileProviderOptions extends X509Settings {
  readonly files: Files;
  readonly certificatePath: string;
  readonly keyPath: string;
  readonly caPath: string;
  /** Revocation lists, PEM; certificates that they name are refused. */
  readonly crlPath?: string;
}

export interface PuppetProviderOptions extends X509Settings {
  readonly files: Files;
  /** Puppet's `ssldir`, such as `/etc/puppetlabs/puppet/ssl`. */
  readonly sslDirectory: string;
  readonly crlPath?: string;
}

/** Verdicts by hash of everything that went into them. */
export type ProofCache = BoundedCache<ProvenCaller>;

export function createProofCache(): ProofCache {
  return createBoundedCache(cryptoLimits.proofCacheEntriesMax);
}

/** Where Puppet keeps what a certificate name needs. */
export function puppetPaths(
  sslDirectory: string,
  certname: string,
): Pick<FileProviderOptions, 'certificatePath' | 'keyPath' | 'caPath'> {
  return {
    certificatePath: join(sslDirectory, 'certs', `${certname}.pem`),
    keyPath: join(sslDirectory, 'private_keys', `${certname}.pem`),
    caPath: join(sslDirectory, 'certs', 'ca.pem'),
  };
}

/**
 * Missing files are no failure here, because clients with a remote signer have none: `validate()` names them, and what needs them
 * is refused.
 *
 * @throws {CryptoError} `ERR_CREDENTIALS_UNREADABLE` | `ERR_CERTIFICATE_INVALID` for files that are there and useless
 */
export async function createFileProvider(options: FileProviderOptions): Promise<SecurityProvider> {
  return createX509Provider('file', options);
}

/** As `createFileProvider`, with the files of Puppet's layout. */
export async function createPuppetProvider(options: PuppetProviderOptions): Promise<SecurityProvider> {
  return createX509Provider('puppet', {...options, ...puppetPaths(options.sslDirectory, options.certname)});
}

/** As `createFileProvider`, with the files that cert-manager's certificates are kept in. */
export async function createCertManagerProvider(options: FileProviderOptions): Promise<SecurityProvider> {
  return createX509Provider('certmanager', options);
}

function createX509Provider(name: SecurityProvider['name'], options: FileProviderOptions): Promise<SecurityProvider> {
  const paths = [options.certificatePath, options.keyPath, options.caPath, options.crlPath ?? ''];
  return createReloadingProvider({
    read: () => Promise.all(paths.map((path) => readOptional(options.files, path))),
    make: ([certificatePem, keyPem, caPem, crlPem]) => {
      const core = createX509Core({
        ...options,
        ...(certificatePem === undefined ? {} : {certificatePem}),
        ...(keyPem === undefined ? {} : {keyPem}),
        ...(caPem === undefined ? {} : {caPem}),
        ...(crlPem === undefined ? {} : {crlPem}),
      });
      return {...core, name, validate: () => validateSetup(options, core.invalidPatterns())};
    },
    problem: (contents) => {
      const missing = contents.findIndex((text, index) => text === undefined && paths[index] !== '');
      return missing === -1 ? keyPairProblem(contents[0], contents[1]) : `${paths[missing]} does not exist`;
    },
  });
}

export interface X509CoreOptions extends X509Settings {
  readonly certificatePem?: string;
  readonly keyPem?: string;
  readonly caPem?: string;
  readonly crlPem?: string;
  /** Signs in place of the key, with a certificate of its own; what is in `certificatePem` and `keyPem` is then for TLS alone. */
  readonly signer?: {readonly certificatePem: string; readonly sign: (message: Uint8Array) => Promise<Buffer>};
}

/** A provider over PEM texts that are already read; the in-memory twin of the file based ones. */
export function createMemoryProvider(options: X509CoreOptions): SecurityProvider {
  const core = createX509Core(options);
  return {...core, name: 'file', validate: async () => describePatterns(core.invalidPatterns())};
}

export interface X509Core extends Omit<SecurityProvider, 'name' | 'validate'> {
  readonly trustId: string;
  /** Compiles the patterns. */
  readonly invalidPatterns: () => readonly string[];
}

export function createX509Core(options: X509CoreOptions): X509Core {
  const allowed = createNameMatcher(options.allowedCallers ?? defaultAllowedCallers);
  const privileged = createNameMatcher(options.privilegedCallers ?? defaultPrivilegedCallers);
  const verifier = options.caPem === undefined ? undefined : createCertificateVerifier(options.caPem, options.crlPem);
  const proofs = options.proofs ?? createProofCache();
  const trustId = createHash('sha256')
    .update(JSON.stringify([verifier?.trustId, allowed.patterns, privileged.patterns]))
    .digest('base64');
  const tls: TlsMaterial = {
    ...(options.certificatePem === undefined ? {} : {certificatePem: options.certificatePem}),
    ...(options.keyPem === undefined ? {} : {keyPem: options.keyPem}),
    ...(options.caPem === undefined ? {} : {caPem: options.caPem}),
    ...(options.crlPem === undefined ? {} : {crlPem: options.crlPem}),
    ...(options.cipherList === undefined ? {} : {cipherList: options.cipherList}),
    ...(options.curves === undefined ? {} : {curves: options.curves}),
  };
  let key: KeyObject | undefined;
  return {
    technology: 'x509',
    certname: options.certname,
    callerId: options.callerId ?? `choria=${options.certname}`,
    credential: options.signer?.certificatePem ?? options.certificatePem ?? '',
    tls,
    trustId,
    invalidPatterns: () => [...allowed.invalid, ...privileged.invalid],
    async sign(message) {
      if (options.signer !== undefined) return options.signer.sign(message);
      key ??= readSigningKey(options);
      // On this thread: it takes 0.4 ms, and a worker's answer would come at a time that no simulated clock knows.
      return signWith('sha256', message, key);
    },
    verifyRequest(proof) {
      const hash = proofHash(trustId, proof);
      const known = proofs.get(hash, proof.nowMs);
      if (known !== undefined) return known;
      const proven = verifyX509(proof, {verifier, allowed, privileged});
      const endMs = Math.min(proven.validUntilMs, proof.nowMs + cryptoLimits.proofCacheSeconds * 1_000);
      proofs.set(hash, proven, endMs);
      return proven;
    },
  };
}

function proofHash(trustId: string, proof: RequestProof): string {
  // Lengths in front keep two different proofs from becoming the same text.
  const head = JSON.stringify([trustId, proof.claimedCaller, proof.credential, proof.message.length]);
  return createHash('sha256').update(head).update(proof.message).update(proof.signature).digest('base64');
}

interface Rules {
  readonly verifier: CertificateVerifier | undefined;
  readonly allowed: NameMatcher;
  readonly privileged: NameMatcher;
}

function verifyX509(proof: RequestProof, rules: Rules): ProvenCaller {
  if (rules.verifier === undefined) {
    throw new CryptoError('ERR_CREDENTIALS_MISSING', 'Cannot verify request: no CA certificate is configured');
  }
  const claimed = callerName(proof.claimedCaller);
  const trusted = rules.verifier.verifyClient(proof.credential, proof.nowMs);
  const signedBy = checkCaller(claimed, trusted, rules);
  checkSignature(proof, trusted);
  return {callerId: proof.claimedCaller, signedBy, validUntilMs: trusted.validUntilMs};
}

/** The name under which the certificate may make this call. */
function checkCaller(claimed: string, trusted: TrustedCertificate, rules: Rules): string {
  const {certificate} = trusted;
  const names = [certificate.commonName, ...certificate.dnsNames].filter((name) => name !== '');
  const special = names.find((name) => rules.privileged.matches(name));
  if (special !== undefined) return special;
  if (!names.includes(claimed)) {
    throw new CryptoError(
      'ERR_CALLER_NOT_ALLOWED',
      `Cannot accept caller "${claimed}": the certificate is for ${names.map((name) => JSON.stringify(name)).join(', ')}`,
    );
  }
  if (!rules.allowed.matches(claimed)) {
    throw new CryptoError(
      'ERR_CALLER_NOT_ALLOWED',
      `Cannot accept caller "${claimed}": it is not on the list of allowed callers (${rules.allowed.patterns.join(', ')})`,
    );
  }
  return claimed;
}

function checkSignature(proof: RequestProof, trusted: TrustedCertificate): void {
  const key = trusted.certificate.publicKey();
  const name = trusted.certificate.commonName;
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (key.asymmetricKeyType !== 'rsa') {
    throw new CryptoError(
      'ERR_CERTIFICATE_INVALID',
      `Cannot verify request: certificate "${name}" has a key of type ${key.asymmetricKeyType ?? 'unknown'}, protocol version 1 requires RSA`,
    );
  }
  if (bits < cryptoLimits.rsaBitsMin || bits > cryptoLimits.rsaBitsMax) {
    throw new CryptoError(
      'ERR_CERTIFICATE_INVALID',
      `Cannot verify request: certificate "${name}" has an RSA key of ${bits} bits, expected ${cryptoLimits.rsaBitsMin} to ${cryptoLimits.rsaBitsMax}`,
    );
  }
  if (!verifyWith('sha256', proof.message, key, proof.signature)) {
    throw new CryptoError(
      'ERR_SIGNATURE_INVALID',
      `Cannot verify request: the signature was not made by certificate "${name}" over this message`,
    );
  }
}

function readSigningKey(options: X509CoreOptions): KeyObject {
  if (options.keyPem === undefined) {
    throw new CryptoError('ERR_CREDENTIALS_MISSING', `Cannot sign as "${options.certname}": there is no private key`);
  }
  let key: KeyObject;
  try {
    key = createPrivateKey(options.keyPem);
  } catch (error) {
    // The cause is left out on purpose: it may quote from the key.
    throw new CryptoError(
      'ERR_KEY_INVALID',
      `Cannot sign as "${options.certname}": the private key cannot be read, expected PEM text`,
      {
        details: {reason: (error as NodeJS.ErrnoException).code ?? 'unreadable'},
      },
    );
  }
  if (key.asymmetricKeyType !== 'rsa') {
    throw new CryptoError(
      'ERR_KEY_INVALID',
      `Cannot sign as "${options.certname}": the private key is of type ${key.asymmetricKeyType ?? 'unknown'}, protocol version 1 requires RSA`,
    );
  }
  return key;
}

function describePatterns(invalid: readonly string[]): readonly string[] {
  return invalid.map(
    (pattern) => `the caller pattern ${JSON.stringify(pattern)} is not a regular expression and never matches`,
  );
}

async function validateSetup(
  options: FileProviderOptions,
  invalidPatterns: readonly string[],
): Promise<readonly string[]> {
  const wanted = [
    {path: options.certificatePath, title: 'public certificate'},
    {path: options.keyPath, title: 'private key'},
    {path: options.caPath, title: 'CA'},
    ...(options.crlPath === undefined ? [] : [{path: options.crlPath, title: 'list of revoked certificates'}]),
  ];
  const problems = await Promise.all(
    wanted.map(async ({path, title}) => {
      if (path === '') return `the ${title} path is not configured`;
      return (await fileExists(options.files, path)) ? undefined : `${title} ${path} does not exist`;
    }),
  );
  return [...problems.filter((problem) => problem !== undefined), ...describePatterns(invalidPatterns)];
}
