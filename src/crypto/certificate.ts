/**
 * Reads X.509 certificates: names, dates, purposes and the properties that decide whether one may be trusted.
 *
 * Names are taken from the DER itself, never from a printed form, so that no odd character can pass for a separator. Public keys
 * and signatures are left to node:crypto.
 */
import {X509Certificate, type KeyObject} from 'node:crypto';
import {errorMessage} from '../lib/errors.ts';
import {type DerElement, derTag, readDer, readDerChildren, readOid, readTime} from './der.ts';
import {CryptoError} from './errors.ts';
import {cryptoLimits} from './limits.ts';

export interface Certificate {
  readonly der: Buffer;
  readonly subjectDer: Buffer;
  readonly issuerDer: Buffer;
  /** The last common name of the subject, empty when there is none. */
  readonly commonName: string;
  readonly dnsNames: readonly string[];
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  readonly isAuthority: boolean;
  /** How many authorities may stand below this one; undefined for no limit. */
  readonly pathLength: number | undefined;
  readonly maySignCertificates: boolean;
  /** Object identifiers; undefined when the certificate does not restrict its use. */
  readonly extendedKeyUsages: readonly string[] | undefined;
  readonly signatureAlgorithm: string;
  /** Critical extensions that nobody here understands; such a certificate must not be used. */
  readonly unknownCritical: readonly string[];
  readonly x509: X509Certificate;
  publicKey(): KeyObject;
}

const extensionOid = {
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  policies: '2.5.29.32',
  extendedKeyUsage: '2.5.29.37',
} as const;

const commonNameOid = '2.5.4.3';

interface Extensions {
  readonly dnsNames: readonly string[];
  readonly isAuthority: boolean;
  readonly pathLength: number | undefined;
  readonly maySignCertificates: boolean;
  readonly extendedKeyUsages: readonly string[] | undefined;
  readonly unknownCritical: readonly string[];
}

function invalid(reason: string, cause?: unknown): CryptoError {
  return new CryptoError('ERR_CERTIFICATE_INVALID', `Cannot read certificate: ${reason}`, {cause});
}

/** @throws {CryptoError} `ERR_CERTIFICATE_INVALID` */
export function parseCertificate(bytes: Buffer): Certificate {
  if (bytes.length > cryptoLimits.credentialBytesMax) {
    throw invalid(`it has ${bytes.length} bytes, at most ${cryptoLimits.credentialBytesMax} are accepted`);
  }
  const outer = readDer(bytes);
  const [tbs, algorithm] = readDerChildren(outer.content, 3);
  if (tbs === undefined || algorithm === undefined) throw invalid('it is not a certificate');
  const fields = readDerChildren(tbs.content, 10);
  // Version 1 certificates have no [0] in front.
  const start = fields[0]?.tag === 0xa0 ? 1 : 0;
  const [, , issuer, validity, subject] = fields.slice(start);
  if (issuer === undefined || validity === undefined || subject === undefined) throw invalid('it is not a certificate');
  const [notBefore, notAfter] = readDerChildren(validity.content, 2);
  if (notBefore === undefined || notAfter === undefined) throw invalid('it has no dates');
  const extensions = readExtensions(fields.find((field) => field.tag === 0xa3));
  const x509 = readByNode(outer.whole);
  let key: KeyObject | undefined;
  return {
    der: outer.whole,
    subjectDer: subject.whole,
    issuerDer: issuer.whole,
    commonName: readCommonName(subject.content),
    notBeforeMs: readTime(notBefore),
    notAfterMs: readTime(notAfter),
    signatureAlgorithm: readOid(readDer(algorithm.content).content),
    ...extensions,
    x509,
    publicKey() {
      key ??= readPublicKey(x509);
      return key;
    },
  };
}

function readByNode(bytes: Buffer): X509Certificate {
  try {
    return new X509Certificate(bytes);
  } catch (error) {
    throw invalid(errorMessage(error), error);
  }
}

function readPublicKey(x509: X509Certificate): KeyObject {
  try {
    return x509.publicKey;
  } catch (error) {
    throw invalid(`its key cannot be read: ${errorMessage(error)}`, error);
  }
}

function readText(element: DerElement): string {
  // BMPString and UniversalString are not decoded: nobody issues names in them, and their bytes match no name.
  return element.content.toString(element.tag === derTag.utf8String ? 'utf8' : 'latin1');
}

function readCommonName(subject: Buffer): string {
  let found = '';
  for (const set of readDerChildren(subject, cryptoLimits.certificateNamesMax)) {
    for (const attribute of readDerChildren(set.content, cryptoLimits.certificateNamesMax)) {
      const [type, value] = readDerChildren(attribute.content, 2);
      if (type === undefined || value === undefined) throw invalid('its subject is malformed');
      if (readOid(type.content) === commonNameOid) found = readText(value);
    }
  }
  return found;
}

function readExtensions(field: DerElement | undefined): Extensions {
  const found = {
    dnsNames: [] as readonly string[],
    isAuthority: false,
    pathLength: undefined as number | undefined,
    maySignCertificates: true,
    extendedKeyUsages: undefined as readonly string[] | undefined,
    unknownCritical: [] as string[],
  };
  if (field === undefined) return found;
  for (const extension of readDerChildren(readDer(field.content).content, 64)) {
    const parts = readDerChildren(extension.content, 3);
    const oid = readOid(parts[0]?.content ?? Buffer.alloc(0));
    const value = parts.at(-1)?.content ?? Buffer.alloc(0);
    const isCritical = parts.length === 3 && parts[1]?.content[0] !== 0;
    switch (oid) {
      case extensionOid.subjectAltName:
        found.dnsNames = readAlternativeNames(value);
        break;
      case extensionOid.basicConstraints:
        Object.assign(found, readBasicConstraints(value));
        break;
      case extensionOid.keyUsage:
        // Bit 5, counted from the most significant, is keyCertSign.
        found.maySignCertificates = ((readDer(value).content[1] ?? 0) & 0x04) !== 0;
        break;
      case extensionOid.extendedKeyUsage:
        found.extendedKeyUsages = readDerChildren(readDer(value).content, 64).map((item) => readOid(item.content));
        break;
      case extensionOid.policies:
        break;
      default:
        if (isCritical) found.unknownCritical.push(oid);
    }
  }
  return found;
}

function readAlternativeNames(value: Buffer): readonly string[] {
  const names = readDerChildren(readDer(value).content, cryptoLimits.certificateNamesMax);
  // [2] is dNSName.
  return names.filter((name) => name.tag === 0x82).map((name) => name.content.toString('latin1'));
}

function readBasicConstraints(value: Buffer): Pick<Extensions, 'isAuthority' | 'pathLength'> {
  const parts = readDerChildren(readDer(value).content, 2);
  const isAuthority = parts[0]?.tag === derTag.boolean && parts[0].content[0] !== 0;
  const limit = parts.find((part) => part.tag === derTag.integer);
  return {isAuthority, pathLength: limit === undefined ? undefined : (limit.content.at(-1) ?? 0)};
}
