/** Writes certificate revocation lists (RFC 5280 5) of small own authorities. */
import {createPrivateKey, createPublicKey} from 'node:crypto';
import {der, derInteger, derSequence, derTime} from './der.ts';
import {formatPem} from './pem.ts';
import {type IssuedCertificate, issuingParts} from './x509-issue.ts';

export interface IssueRevocationListOptions {
  readonly authority: IssuedCertificate;
  /** Serial numbers in hex, and since when they count no longer. */
  readonly revoked: readonly {readonly serial: string; readonly atMs: number}[];
  readonly nowMs: number;
  /** When the next list is promised; whoever has none then refuses everybody. */
  readonly untilMs: number;
}

/** PEM text of the list. */
export function issueRevocationList(options: IssueRevocationListOptions): string {
  const {authority, revoked, nowMs, untilMs} = options;
  const key = createPrivateKey(authority.keyPem);
  const {extension, keyIdentifier, publicKeyInfo, signatureAlgorithm, signStructure, subjectOf} = issuingParts;
  // The number of a list only ever grows: the time does.
  const number = Buffer.from(Math.floor(nowMs).toString(16).padStart(16, '0'), 'hex');
  const entries = revoked.map(({serial, atMs}) =>
    derSequence(derInteger(Buffer.from(serial.length % 2 === 0 ? serial : `0${serial}`, 'hex')), derTime(atMs)),
  );
  const body = derSequence(
    derInteger(Buffer.from([1])),
    signatureAlgorithm(key),
    subjectOf(authority.certificatePem),
    derTime(nowMs),
    derTime(untilMs),
    // An empty list of entries is left out, not written.
    ...(entries.length === 0 ? [] : [derSequence(...entries)]),
    der(
      0xa0,
      derSequence(
        extension('2.5.29.35', false, derSequence(der(0x80, keyIdentifier(publicKeyInfo(createPublicKey(key)))))),
        extension('2.5.29.20', false, derInteger(number)),
      ),
    ),
  );
  return formatPem('X509 CRL', signStructure(body, key));
}
