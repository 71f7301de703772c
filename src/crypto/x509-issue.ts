/**
 * Issues X.509 certificates and writes certificate requests: a small own DER writer, for the demonstration fleet, small own
 * authorities, enrolment and tests. Signatures and keys come from node:crypto.
 *
 * Pure but for key generation: dates come from `nowMs`, serial numbers from `random`.
 */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPair,
  type KeyObject,
  sign as signWith,
  X509Certificate,
} from 'node:crypto';
import {promisify} from 'node:util';
import type {Random} from '../lib/platform.ts';
import {
  der,
  derBitString,
  derBoolean,
  derInteger,
  derOid,
  derSequence,
  derSet,
  derTag,
  derTime,
  derUtf8,
  readDer,
  readDerChildren,
} from './der.ts';
import {CryptoError} from './errors.ts';
import {cryptoLimits} from './limits.ts';
import {formatPem} from './pem.ts';

export type KeyKind = 'rsa' | 'ec' | 'ed25519';

export interface KeyPair {
  /** PKCS#8 PEM. */
  readonly privateKeyPem: string;
  /** SPKI PEM. */
  readonly publicKeyPem: string;
}

export interface IssuedCertificate {
  readonly certificatePem: string;
  /** PKCS#8 PEM; empty when only a public key was given. */
  readonly keyPem: string;
}

/** Purposes of a certificate. */
export type CertificateUsage = 'clientAuth' | 'serverAuth';

export interface IssueAuthorityOptions {
  readonly commonName: string;
  readonly nowMs: number;
  readonly random: Pick<Random, 'bytes'>;
  /** Default ten years. */
  readonly validityMs?: number;
  readonly keyKind?: KeyKind;
  /** An existing key instead of a new one. */
  readonly keyPem?: string;
  /** Who signs; absent: the authority itself. */
  readonly authority?: IssuedCertificate;
}

/** What a certificate says. */
export interface CertificateNames {
  readonly commonName: string;
  readonly nowMs: number;
  readonly random: Pick<Random, 'bytes'>;
  /** DNS names; absent: the common name, when it can be one. Empty: no subject alternative name at all. */
  readonly dnsNames?: readonly string[];
  /** Dotted IPv4 addresses. */
  readonly ipAddresses?: readonly string[];
  /** Default both. */
  readonly usages?: readonly CertificateUsage[];
  /** Default one year. */
  readonly validityMs?: number;
  readonly notBeforeMs?: number;
}

export interface IssueCertificateOptions extends CertificateNames {
  readonly authority: IssuedCertificate;
  readonly keyKind?: KeyKind;
  readonly rsaBits?: number;
  readonly keyPem?: string;
  /** Instead of a private key: the certificate of a key that is elsewhere. The result then has an empty `keyPem`. */
  readonly publicKeyPem?: string;
}

/** Parts of a subject beside the common name. */
export interface SubjectParts {
  readonly country?: string;
  readonly locality?: string;
  readonly organization?: string;
  readonly organizationalUnit?: string;
}

export interface CertificateRequestOptions extends SubjectParts {
  readonly keyPem: string;
  readonly commonName: string;
  readonly dnsNames?: readonly string[];
}

export interface CertificateRequest {
  readonly pem: string;
  readonly der: Buffer;
  /** Hex SHA-256 of the DER, as enrolment shows it. */
  readonly fingerprint: string;
}

const dayMs = 86_400_000;
const usageOid: Readonly<Record<CertificateUsage, string>> = {
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
};
/** Certificates start a little in the past, because clocks in a fleet differ. */
const backdateMs = 5 * 60_000;

const generate = promisify(generateKeyPair);

/** A new key: RSA 2048 (or `rsaBits`), EC P-256 or ed25519. */
export async function generateKey(kind: KeyKind, options: {readonly rsaBits?: number} = {}): Promise<KeyPair> {
  const pair = await generatePair(kind, options.rsaBits ?? 2_048);
  return {
    privateKeyPem: pair.privateKey.export({type: 'pkcs8', format: 'pem'}).toString(),
    publicKeyPem: pair.publicKey.export({type: 'spki', format: 'pem'}).toString(),
  };
}

function generatePair(kind: KeyKind, bits: number): Promise<{privateKey: KeyObject; publicKey: KeyObject}> {
  switch (kind) {
    case 'rsa':
      return generate('rsa', {modulusLength: bits});
    case 'ec':
      return generate('ec', {namedCurve: 'P-256'});
    case 'ed25519':
      return generate('ed25519');
  }
}

/** Makes a certificate authority, self-signed or below another. */
export async function issueCertificateAuthority(options: IssueAuthorityOptions): Promise<IssuedCertificate> {
  const keyPem = options.keyPem ?? (await generateKey(options.keyKind ?? 'rsa')).privateKeyPem;
  const key = createPrivateKey(keyPem);
  const subject = distinguishedName([['2.5.4.3', options.commonName]]);
  const notBeforeMs = options.nowMs - backdateMs;
  const certificatePem = signCertificate({
    serial: options.random.bytes(16),
    issuer: options.authority ? subjectOf(options.authority.certificatePem) : subject,
    signer: options.authority ? createPrivateKey(options.authority.keyPem) : key,
    subject,
    publicKeyInfo: publicKeyInfo(createPublicKey(key)),
    notBeforeMs,
    notAfterMs: notBeforeMs + (options.validityMs ?? 3_650 * dayMs),
    extensions: [
      extension('2.5.29.19', true, derSequence(derBoolean(true))),
      // keyCertSign and cRLSign.
      extension('2.5.29.15', true, der(derTag.bitString, Buffer.from([1, 0x06]))),
    ],
  });
  return {certificatePem, keyPem};
}

/** Makes a certificate for a server, a node or a caller. */
export async function issueCertificate(options: IssueCertificateOptions): Promise<IssuedCertificate> {
  const bits = options.rsaBits === undefined ? {} : {rsaBits: options.rsaBits};
  const keyPem =
    options.publicKeyPem === undefined
      ? (options.keyPem ?? (await generateKey(options.keyKind ?? 'rsa', bits)).privateKeyPem)
      : '';
  const publicKey = createPublicKey(options.publicKeyPem ?? createPrivateKey(keyPem));
  const certificatePem = issueFor(options, {
    issuer: subjectOf(options.authority.certificatePem),
    signer: createPrivateKey(options.authority.keyPem),
    publicKeyInfo: publicKeyInfo(publicKey),
  });
  return {certificatePem, keyPem};
}

export interface CertificateIssuer {
  /** A certificate of the issuer's one key, in PEM. */
  issue(options: CertificateNames): string;
}

/** For many certificates of one authority and one key: the keys are read once. */
export function createCertificateIssuer(options: {
  readonly authority: IssuedCertificate;
  readonly keyPem: string;
}): CertificateIssuer {
  const signer = createPrivateKey(options.authority.keyPem);
  const issuer = {
    issuer: subjectOf(options.authority.certificatePem),
    signer,
    signerInfo: publicKeyInfo(createPublicKey(signer)),
    publicKeyInfo: publicKeyInfo(createPublicKey(options.keyPem)),
  };
  return {issue: (names) => issueFor(names, issuer)};
}

function issueFor(
  options: CertificateNames,
  issuer: Pick<CertificateContent, 'issuer' | 'signer' | 'signerInfo' | 'publicKeyInfo'>,
): string {
  const usages = options.usages ?? ['clientAuth', 'serverAuth'];
  const dnsNames = options.dnsNames ?? [options.commonName];
  const names = alternativeNames(dnsNames, options.ipAddresses ?? []);
  const notBeforeMs = options.notBeforeMs ?? options.nowMs - backdateMs;
  return signCertificate({
    serial: options.random.bytes(16),
    ...issuer,
    subject: distinguishedName([['2.5.4.3', options.commonName]]),
    notBeforeMs,
    notAfterMs: notBeforeMs + (options.validityMs ?? 365 * dayMs),
    extensions: [
      extension('2.5.29.19', true, derSequence()),
      // digitalSignature, and keyEncipherment for RSA key exchange.
      extension('2.5.29.15', true, der(derTag.bitString, Buffer.from([5, 0xa0]))),
      ...(usages.length === 0
        ? []
        : [extension('2.5.29.37', false, derSequence(...usages.map((usage) => derOid(usageOid[usage]))))]),
      ...(names === undefined ? [] : [extension('2.5.29.17', false, names)]),
    ],
  });
}

/** A PKCS#10 request, its subject in the order country, locality, organization, organizational unit, common name. */
export function createCertificateRequest(options: CertificateRequestOptions): CertificateRequest {
  const key = createPrivateKey(options.keyPem);
  const subject = distinguishedName([
    ...subjectPart('2.5.4.6', options.country),
    ...subjectPart('2.5.4.7', options.locality),
    ...subjectPart('2.5.4.10', options.organization),
    ...subjectPart('2.5.4.11', options.organizationalUnit),
    ['2.5.4.3', options.commonName],
  ]);
  const names = alternativeNames(options.dnsNames ?? [], []);
  // extensionRequest of PKCS#9; the attributes are always there, if only empty.
  const attributes =
    names === undefined
      ? der(0xa0)
      : der(
          0xa0,
          derSequence(derOid('1.2.840.113549.1.9.14'), derSet(derSequence(extension('2.5.29.17', false, names)))),
        );
  const info = derSequence(derInteger(Buffer.from([0])), subject, publicKeyInfo(createPublicKey(key)), attributes);
  const bytes = signStructure(info, key);
  return {
    pem: formatPem('CERTIFICATE REQUEST', bytes),
    der: bytes,
    fingerprint: createHash('sha256').update(bytes).digest('hex'),
  };
}

function subjectPart(oid: string, value: string | undefined): readonly (readonly [oid: string, value: string])[] {
  return value === undefined || value === '' ? [] : [[oid, value]];
}

interface CertificateContent {
  readonly serial: Buffer;
  readonly issuer: Buffer;
  readonly signer: KeyObject;
  readonly subject: Buffer;
  readonly publicKeyInfo: Buffer;
  /** Of the signer's public key, when it is known already. */
  readonly signerInfo?: Buffer;
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly extensions: readonly Buffer[];
}

function signCertificate(content: CertificateContent): string {
  const serial = Buffer.from(content.serial);
  // A serial number is positive and at most 20 bytes; a zero first byte would shorten it.
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  const tbs = derSequence(
    der(0xa0, derInteger(Buffer.from([2]))),
    derInteger(serial),
    signatureAlgorithm(content.signer),
    content.issuer,
    derSequence(derTime(content.notBeforeMs), derTime(content.notAfterMs)),
    content.subject,
    content.publicKeyInfo,
    der(
      0xa3,
      derSequence(
        ...content.extensions,
        extension('2.5.29.14', false, der(derTag.octetString, keyIdentifier(content.publicKeyInfo))),
        extension(
          '2.5.29.35',
          false,
          derSequence(der(0x80, keyIdentifier(content.signerInfo ?? publicKeyInfo(createPublicKey(content.signer))))),
        ),
      ),
    ),
  );
  return formatPem('CERTIFICATE', signStructure(tbs, content.signer));
}

function signStructure(body: Buffer, key: KeyObject): Buffer {
  const signature = signWith(key.asymmetricKeyType === 'ed25519' ? null : 'sha256', body, key);
  return derSequence(body, signatureAlgorithm(key), derBitString(signature));
}

function signatureAlgorithm(key: KeyObject): Buffer {
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return derSequence(derOid('1.2.840.113549.1.1.11'), der(derTag.null));
    case 'ec':
      return derSequence(derOid('1.2.840.10045.4.3.2'));
    case 'ed25519':
      return derSequence(derOid('1.3.101.112'));
    default:
      throw new CryptoError(
        'ERR_KEY_INVALID',
        `Cannot sign a certificate with a key of type ${key.asymmetricKeyType ?? 'unknown'}: expected rsa, ec or ed25519`,
      );
  }
}

function publicKeyInfo(key: KeyObject): Buffer {
  return key.export({type: 'spki', format: 'der'});
}

function distinguishedName(parts: readonly (readonly [oid: string, value: string])[]): Buffer {
  return derSequence(
    ...parts.map(([oid, value]) => {
      checkName(value);
      return derSet(derSequence(derOid(oid), derUtf8(value)));
    }),
  );
}

/** Control characters in a certificate's name serve only to deceive a reader. */
function checkName(name: string): void {
  if (name.length === 0 || name.length > cryptoLimits.nameLengthMax || /[\u0000-\u001f\u007f]/.test(name)) {
    throw new CryptoError(
      'ERR_CERTIFICATE_INVALID',
      `Cannot issue a certificate for ${JSON.stringify(name.slice(0, 64))}: expected 1 to ${cryptoLimits.nameLengthMax} printable characters`,
    );
  }
}

function extension(oid: string, isCritical: boolean, value: Buffer): Buffer {
  return derSequence(derOid(oid), ...(isCritical ? [derBoolean(true)] : []), der(derTag.octetString, value));
}

/** Names a key inside certificates; both sides of a signature use the same. */
function keyIdentifier(info: Buffer): Buffer {
  return createHash('sha1').update(info).digest();
}

function alternativeNames(dnsNames: readonly string[], ipAddresses: readonly string[]): Buffer | undefined {
  const names = [
    ...dnsNames.map((name) => {
      checkName(name);
      return der(0x82, Buffer.from(name, 'latin1'));
    }),
    ...ipAddresses.map((address) => der(0x87, Buffer.from(address.split('.').map(Number)))),
  ];
  return names.length === 0 ? undefined : derSequence(...names);
}

function subjectOf(certificatePem: string): Buffer {
  const tbs = readDerChildren(readDer(new X509Certificate(certificatePem).raw).content, 3)[0];
  const fields = tbs === undefined ? [] : readDerChildren(tbs.content, 10);
  const subject = fields[fields[0]?.tag === 0xa0 ? 5 : 4];
  if (subject === undefined)
    throw new CryptoError('ERR_CERTIFICATE_INVALID', 'Cannot issue: the authority has no subject');
  return subject.whole;
}

/** For what else an authority signs. */
export const issuingParts = {extension, keyIdentifier, publicKeyInfo, signatureAlgorithm, signStructure, subjectOf};
