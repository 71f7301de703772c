/**
 * Certificate revocation lists: read with suspicion, believed only when the authority itself signed them.
 *
 * As in TLS, where lists are configured every authority of a chain needs one that is in force: a list that is missing or has ended refuses, because
 * otherwise who holds back a list lets everybody in again. Partial and indirect lists (RFC 5280 5.2.5) are not supported and never pass for whole ones.
 */
import {createHash, type KeyObject, verify as verifyWith} from 'node:crypto';
import {type BoundedCache, createBoundedCache} from './bounded-cache.ts';
import {type Certificate, parseCertificate} from './certificate.ts';
import {type DerElement, derTag, readDer, readDerChildren, readOid, readTime} from './der.ts';
import {CryptoError} from './errors.ts';
import {cryptoLimits} from './limits.ts';
import {parsePem} from './pem.ts';
import {normalHex, type Revocations} from './revocations.ts';

export interface RevocationList {
  readonly issuerDer: Buffer;
  readonly fromMs: number;
  /** Infinity when it names no end. */
  readonly untilMs: number;
  /** Serial numbers in lower-case hex without zeros in front. */
  readonly serials: ReadonlySet<string>;
  /** Whether this key signed it. */
  isSignedBy(key: KeyObject): boolean;
}

/** The lists that are configured, and what they say of a certificate. */
export interface RevocationLists {
  /** Hash of the lists. */
  readonly id: string;
  /**
   * Until when the certificate counts as not revoked.
   *
   * @throws {CryptoError} `ERR_CERTIFICATE_INVALID` when it is revoked, or nothing can be known
   */
  check(certificate: Certificate, issuer: Certificate, nowMs: number): number;
}

/** Signature algorithms of lists, and the digest of each; null where the algorithm has none of its own. */
const digests: ReadonlyMap<string, string | null> = new Map([
  ['1.2.840.113549.1.1.11', 'sha256'],
  ['1.2.840.113549.1.1.12', 'sha384'],
  ['1.2.840.113549.1.1.13', 'sha512'],
  ['1.2.840.10045.4.3.2', 'sha256'],
  ['1.2.840.10045.4.3.3', 'sha384'],
  ['1.2.840.10045.4.3.4', 'sha512'],
  ['1.3.101.112', null],
]);

function unusable(reason: string): CryptoError {
  return new CryptoError('ERR_REVOCATIONS_INVALID', `Cannot use a certificate revocation list: ${reason}`);
}

/** @throws {CryptoError} `ERR_REVOCATIONS_INVALID` when the text holds no list, or one that cannot be read whole */
export function readRevocationLists(pem: string): RevocationLists {
  const lists = parseLists(pem);
  // A long list takes milliseconds to check, and every certificate of an authority asks for it.
  const own: BoundedCache<readonly RevocationList[]> = createBoundedCache(cryptoLimits.rootCertificatesMax);
  const listsOf = (issuer: Certificate, nowMs: number): readonly RevocationList[] => {
    const key = issuer.x509.fingerprint256;
    const known = own.get(key, nowMs);
    if (known !== undefined) return known;
    const found = lists.filter(
      (list) => list.issuerDer.equals(issuer.subjectDer) && list.isSignedBy(issuer.publicKey()),
    );
    own.set(key, found, Number.POSITIVE_INFINITY);
    return found;
  };
  return {
    id: createHash('sha256').update(pem).digest('base64'),
    check(certificate, issuer, nowMs) {
      const list = newestOf(listsOf(issuer, nowMs), nowMs);
      if (list === undefined) {
        throw refuse(
          certificate,
          `there is no revocation list in force of "${issuer.commonName}", who signed it: expected one in plugin.security.crl_file`,
        );
      }
      if (list.serials.has(normalHex(certificate.x509.serialNumber))) {
        throw refuse(certificate, `"${issuer.commonName}", who signed it, has revoked it`);
      }
      return list.untilMs;
    },
  };
}

/** Names a certificate by who signed it and its serial number: numbers alone repeat among authorities. */
export function issuedId(certificate: Pick<Certificate, 'issuerDer' | 'x509'>): string {
  return issuedIdOf(certificate.issuerDer, certificate.x509.serialNumber);
}

function issuedIdOf(issuerDer: Buffer, serial: string): string {
  return `${createHash('sha256').update(issuerDer).digest('hex').slice(0, 32)}:${normalHex(serial)}`;
}

/**
 * The lists as revocations of connections that are there already; lists that none of the authorities signed say nothing.
 *
 * @throws {CryptoError} `ERR_REVOCATIONS_INVALID` | `ERR_CERTIFICATE_INVALID`
 */
export function revocationsOfLists(options: {readonly crlPem: string; readonly caPem: string}): Revocations {
  const authorities = parsePem(options.caPem, {blocksMax: cryptoLimits.rootCertificatesMax})
    .filter((block) => block.label === 'CERTIFICATE')
    .map((block) => parseCertificate(block.der));
  const ids = new Set<string>();
  for (const list of parseLists(options.crlPem)) {
    const signer = authorities.find(
      (authority) => authority.subjectDer.equals(list.issuerDer) && list.isSignedBy(authority.publicKey()),
    );
    if (signer === undefined) continue;
    for (const serial of list.serials) ids.add(issuedIdOf(list.issuerDer, serial));
  }
  return {
    reasonFor: (credential) =>
      credential.ids.some((id) => ids.has(id))
        ? 'its certificate is on the revocation list of its authority'
        : undefined,
  };
}

function newestOf(lists: readonly RevocationList[], nowMs: number): RevocationList | undefined {
  let newest: RevocationList | undefined;
  for (const list of lists) {
    const isInForce = list.fromMs <= nowMs && nowMs < list.untilMs;
    if (isInForce && (newest === undefined || list.fromMs >= newest.fromMs)) newest = list;
  }
  return newest;
}

function parseLists(pem: string): readonly RevocationList[] {
  try {
    const blocks = parsePem(pem, {blocksMax: cryptoLimits.rootCertificatesMax});
    const lists = blocks.filter((block) => block.label === 'X509 CRL').map((block) => parseRevocationList(block.der));
    if (lists.length === 0) throw unusable('expected PEM text with an X509 CRL block');
    return lists;
  } catch (error) {
    if (error instanceof CryptoError && error.code === 'ERR_CERTIFICATE_INVALID') throw unusable(error.message);
    throw error;
  }
}

/** @throws {CryptoError} `ERR_CERTIFICATE_INVALID` | `ERR_REVOCATIONS_INVALID` */
export function parseRevocationList(bytes: Buffer): RevocationList {
  const outer = readDer(bytes);
  const [body, algorithm, signature] = readDerChildren(outer.content, 3);
  if (body === undefined || algorithm === undefined || signature?.tag !== derTag.bitString) {
    throw unusable('it is cut short');
  }
  const fields = readDerChildren(body.content, 8);
  const start = fields[0]?.tag === derTag.integer ? 1 : 0;
  const [innerAlgorithm, issuer, from, ...rest] = fields.slice(start);
  if (innerAlgorithm === undefined || issuer === undefined || from === undefined) throw unusable('it is cut short');
  if (!innerAlgorithm.whole.equals(algorithm.whole)) throw unusable('it names two signature algorithms');
  const until = rest.find((field) => field.tag === derTag.utcTime || field.tag === derTag.generalizedTime);
  const entries = rest.find((field) => field.tag === derTag.sequence);
  checkExtensions(rest.find((field) => field.tag === 0xa0));
  const oid = readOid(readDer(algorithm.content).content);
  const digest = digests.get(oid);
  if (digest === undefined) throw unusable(`its signature algorithm ${oid} is not supported`);
  return {
    issuerDer: issuer.whole,
    fromMs: readTime(from),
    untilMs: until === undefined ? Number.POSITIVE_INFINITY : readTime(until),
    serials: readSerials(entries),
    isSignedBy: (key) => isSigned(key, {digest, bytes: body.whole, signature: signature.content.subarray(1)}),
  };
}

function isSigned(
  key: KeyObject,
  {digest, bytes, signature}: {readonly digest: string | null; readonly bytes: Buffer; readonly signature: Buffer},
): boolean {
  try {
    return verifyWith(digest, bytes, key, signature);
  } catch (error) {
    // A key of another kind than the algorithm's did not sign it.
    if (error instanceof Error) return false;
    throw error;
  }
}

function readSerials(entries: DerElement | undefined): ReadonlySet<string> {
  const serials = new Set<string>();
  if (entries === undefined) return serials;
  for (const entry of readDerChildren(entries.content, cryptoLimits.revocationLinesMax)) {
    const [serial, , extensions] = readDerChildren(entry.content, 3);
    if (serial?.tag !== derTag.integer) throw unusable('an entry of it has no serial number');
    if (extensions !== undefined) checkCritical(extensions.content);
    serials.add(normalHex(serial.content.toString('hex')));
  }
  return serials;
}

function checkExtensions(field: DerElement | undefined): void {
  if (field !== undefined) checkCritical(readDer(field.content).content);
}

/** What is critical changes the meaning of the list: of only some certificates, or of another authority's. */
function checkCritical(extensions: Buffer): void {
  for (const extension of readDerChildren(extensions, 64)) {
    const parts = readDerChildren(extension.content, 3);
    if (parts.length === 3 && parts[1]?.content[0] !== 0) {
      throw unusable(
        `it has the critical extension ${readOid(parts[0]?.content ?? Buffer.alloc(0))}, expected a whole list`,
      );
    }
  }
}

function refuse(certificate: Certificate, reason: string): CryptoError {
  return new CryptoError('ERR_CERTIFICATE_INVALID', `Cannot trust certificate "${certificate.commonName}": ${reason}`, {
    details: {commonName: certificate.commonName},
  });
}
