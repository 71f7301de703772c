/**
 * Decides whether a certificate chains to our roots and may act as a client.
 *
 * Trust grows from the roots downward: only keys that are already trusted are ever used to check a signature, so a stranger's odd
 * key costs nothing. Rules follow what the Go program's standard library asks of a client certificate (spec security 3.1): dates
 * of every certificate, authorities that may sign, path lengths, and clientAuth wherever the use is restricted. Beyond that,
 * revocation lists count where they are configured.
 */
import {createHash} from 'node:crypto';
import {type BoundedCache, createBoundedCache} from './bounded-cache.ts';
import {type Certificate, parseCertificate} from './certificate.ts';
import {CryptoError} from './errors.ts';
import {cryptoLimits} from './limits.ts';
import {parsePem} from './pem.ts';
import {readRevocationLists, type RevocationLists} from './revocation-list.ts';

/** A leaf that was proven to chain to the roots. */
export interface TrustedCertificate {
  readonly certificate: Certificate;
  readonly validFromMs: number;
  /** The earliest end of the leaf and of everything above it. */
  readonly validUntilMs: number;
}

export interface CertificateVerifier {
  /** Hash of the roots: two verifiers with the same roots have the same. */
  readonly trustId: string;
  /** @throws {CryptoError} `ERR_CERTIFICATE_INVALID` */
  verifyClient(pem: string, nowMs: number): TrustedCertificate;
}

interface Authority {
  readonly certificate: Certificate;
  readonly validFromMs: number;
  readonly validUntilMs: number;
  /** How many more authorities may follow below; Infinity when unlimited. */
  readonly depthLeft: number;
}

const clientAuth = '1.3.6.1.5.5.7.3.2';
const anyUsage = '2.5.29.37.0';

/** SHA-2 with RSA, RSA-PSS, ECDSA, and ed25519. MD5 and SHA-1 prove nothing any more. */
const acceptedSignatures: ReadonlySet<string> = new Set([
  '1.2.840.113549.1.1.10',
  '1.2.840.113549.1.1.11',
  '1.2.840.113549.1.1.12',
  '1.2.840.113549.1.1.13',
  '1.2.840.10045.4.3.2',
  '1.2.840.10045.4.3.3',
  '1.2.840.10045.4.3.4',
  '1.3.101.112',
]);

function refuse(certificate: Certificate, reason: string): CryptoError {
  return new CryptoError('ERR_CERTIFICATE_INVALID', `Cannot trust certificate "${certificate.commonName}": ${reason}`, {
    details: {commonName: certificate.commonName},
  });
}

/** Reads every certificate of a PEM text, in order. */
export function readCertificates(pem: string, blocksMax: number): readonly Certificate[] {
  return parsePem(pem, {blocksMax})
    .filter((block) => block.label === 'CERTIFICATE')
    .map((block) => parseCertificate(block.der));
}

/**
 * @param crlPem  revocation lists; with any, every authority of a chain needs one
 * @throws {CryptoError} `ERR_CERTIFICATE_INVALID` when the roots cannot be read, `ERR_REVOCATIONS_INVALID` when the lists cannot
 */
export function createCertificateVerifier(caPem: string, crlPem?: string): CertificateVerifier {
  const lists = crlPem === undefined ? undefined : readRevocationLists(crlPem);
  const roots = readCertificates(caPem, cryptoLimits.rootCertificatesMax);
  const cache: BoundedCache<TrustedCertificate> = createBoundedCache(cryptoLimits.certificateCacheEntriesMax);
  const trustId = createHash('sha256')
    .update(caPem)
    .update(lists?.id ?? '')
    .digest('base64');
  return {
    trustId,
    verifyClient(pem, nowMs) {
      const key = createHash('sha256').update(pem).digest('base64');
      const known = cache.get(key, nowMs);
      if (known !== undefined && known.validFromMs <= nowMs) return known;
      const trusted = verifyChain(pem, {roots, lists, nowMs});
      cache.set(key, trusted, trusted.validUntilMs);
      return trusted;
    },
  };
}

interface ChainRules {
  readonly roots: readonly Certificate[];
  readonly lists: RevocationLists | undefined;
  readonly nowMs: number;
}

function verifyChain(pem: string, rules: ChainRules): TrustedCertificate {
  const {lists, nowMs} = rules;
  if (Buffer.byteLength(pem) > cryptoLimits.credentialBytesMax) {
    throw new CryptoError(
      'ERR_CERTIFICATE_INVALID',
      `Cannot read certificate: it has more than the ${cryptoLimits.credentialBytesMax} bytes that are accepted`,
    );
  }
  const [leaf, ...intermediates] = readCertificates(pem, cryptoLimits.chainCertificatesMax);
  if (leaf === undefined) {
    throw new CryptoError(
      'ERR_CERTIFICATE_INVALID',
      'Cannot read certificate: expected PEM text with a CERTIFICATE block',
    );
  }
  checkUsable(leaf, nowMs);
  const authorities = growTrust(intermediates, rules);
  const parent = authorities.find((authority) => isIssuedBy(leaf, authority));
  if (parent === undefined) {
    throw refuse(leaf, 'no trusted authority signed it: expected one that chains to the configured CA');
  }
  const listedUntilMs = lists?.check(leaf, parent.certificate, nowMs) ?? Number.POSITIVE_INFINITY;
  return {
    certificate: leaf,
    validFromMs: Math.max(leaf.notBeforeMs, parent.validFromMs),
    validUntilMs: Math.min(leaf.notAfterMs, parent.validUntilMs, listedUntilMs),
  };
}

/** Roots, and every intermediate that one of them vouches for, directly or through others. */
function growTrust(intermediates: readonly Certificate[], rules: ChainRules): readonly Authority[] {
  const {roots, nowMs} = rules;
  const trusted: Authority[] = roots
    .filter((root) => root.notBeforeMs <= nowMs && nowMs < root.notAfterMs)
    .map((root) => ({
      certificate: root,
      validFromMs: root.notBeforeMs,
      validUntilMs: root.notAfterMs,
      depthLeft: root.pathLength ?? Number.POSITIVE_INFINITY,
    }));
  const waiting = new Set(intermediates);
  for (let grew = true; grew; ) {
    grew = false;
    for (const candidate of waiting) {
      const authority = vouchFor(candidate, trusted, rules);
      if (authority === undefined) continue;
      trusted.push(authority);
      waiting.delete(candidate);
      grew = true;
    }
  }
  return trusted;
}

function vouchFor(
  candidate: Certificate,
  trusted: readonly Authority[],
  {lists, nowMs}: ChainRules,
): Authority | undefined {
  if (!candidate.isAuthority || !candidate.maySignCertificates || !isUsable(candidate, nowMs)) return undefined;
  const parent = trusted.find((authority) => authority.depthLeft > 0 && isIssuedBy(candidate, authority));
  if (parent === undefined) return undefined;
  const listedUntilMs = lists?.check(candidate, parent.certificate, nowMs) ?? Number.POSITIVE_INFINITY;
  return {
    certificate: candidate,
    validFromMs: Math.max(candidate.notBeforeMs, parent.validFromMs),
    validUntilMs: Math.min(candidate.notAfterMs, parent.validUntilMs, listedUntilMs),
    depthLeft: Math.min(parent.depthLeft - 1, candidate.pathLength ?? Number.POSITIVE_INFINITY),
  };
}

function isIssuedBy(certificate: Certificate, authority: Authority): boolean {
  if (!certificate.issuerDer.equals(authority.certificate.subjectDer)) return false;
  if (!acceptedSignatures.has(certificate.signatureAlgorithm)) return false;
  try {
    return certificate.x509.verify(authority.certificate.publicKey());
  } catch (error) {
    throw refuse(certificate, `its signature cannot be checked (${(error as Error).message})`);
  }
}

function isUsable(certificate: Certificate, nowMs: number): boolean {
  const {extendedKeyUsages} = certificate;
  return (
    certificate.notBeforeMs <= nowMs &&
    nowMs < certificate.notAfterMs &&
    certificate.unknownCritical.length === 0 &&
    (extendedKeyUsages === undefined || extendedKeyUsages.includes(clientAuth) || extendedKeyUsages.includes(anyUsage))
  );
}

function checkUsable(leaf: Certificate, nowMs: number): void {
  if (isUsable(leaf, nowMs)) return;
  const day = (ms: number): string => new Date(ms).toISOString();
  if (nowMs < leaf.notBeforeMs) throw refuse(leaf, `it is valid from ${day(leaf.notBeforeMs)} only`);
  if (nowMs >= leaf.notAfterMs) throw refuse(leaf, `it was valid until ${day(leaf.notAfterMs)}`);
  if (leaf.unknownCritical.length > 0) {
    throw refuse(leaf, `it has critical extensions that are not supported: ${leaf.unknownCritical.join(', ')}`);
  }
  throw refuse(leaf, 'its extended key usage does not contain clientAuth');
}
