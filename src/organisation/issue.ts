/** Issues the certificates of members, and says what they may be used for. */
import {type IssuedCertificate, issueCertificate, parseCertificate, readCertificates} from '../crypto/index.ts';
import type {Platform} from '../lib/platform.ts';
import {OrganisationError} from './errors.ts';
import {organisationLimits} from './limits.ts';
import {isIpv4} from './names.ts';
import type {IssuedRecord, MemberKind, Role} from './types.ts';

export type IssuePlatform = Pick<Platform, 'clock' | 'random'>;

export interface IssueOptions {
  readonly authority: IssuedCertificate;
  readonly kind: MemberKind;
  readonly name: string;
  readonly role?: Role;
  readonly validityMs?: number;
  /** Only the certificate is new. */
  readonly publicKeyPem?: string;
  readonly keyPem?: string;
}

export interface IssuedMember {
  readonly record: IssuedRecord;
  /** Empty when only a public key was given. */
  readonly keyPem: string;
}

/** Callers sign requests, which protocol version 1 does with RSA; the others have EC keys, which cost a hundredth to make. */
export async function issueMember(platform: IssuePlatform, options: IssueOptions): Promise<IssuedMember> {
  const {kind, name, authority, role} = options;
  const {clock, random} = platform;
  const nowMs = clock.nowMs();
  const validityMs = options.validityMs ?? organisationLimits.memberValidityMs;
  const isBroker = kind === 'broker';
  const issued = await issueCertificate({
    authority,
    commonName: name,
    nowMs,
    random,
    // Programs on the broker's own machine may use its short name.
    dnsNames: isBroker ? [...new Set([...(isIpv4(name) ? [] : [name]), 'localhost'])] : [name],
    ipAddresses: isBroker ? [...new Set([...(isIpv4(name) ? [name] : []), '127.0.0.1'])] : [],
    usages: isBroker ? ['serverAuth', 'clientAuth'] : ['clientAuth'],
    notBeforeMs: nowMs - backdateMs,
    validityMs: validityMs + backdateMs,
    keyKind: kind === 'user' ? 'rsa' : 'ec',
    ...(options.keyPem === undefined ? {} : {keyPem: options.keyPem}),
    ...(options.publicKeyPem === undefined ? {} : {publicKeyPem: options.publicKeyPem}),
  });
  return {record: recordOf(issued.certificatePem, {kind, name, role, issuedAtMs: nowMs}), keyPem: issued.keyPem};
}

/** Clocks in a fleet differ. */
const backdateMs = 5 * 60_000;

function recordOf(
  certificatePem: string,
  member: {
    readonly kind: MemberKind;
    readonly name: string;
    readonly role: Role | undefined;
    readonly issuedAtMs: number;
  },
): IssuedRecord {
  const {role, ...rest} = member;
  const [certificate] = readCertificates(certificatePem, 1);
  if (certificate === undefined) {
    throw new OrganisationError('ERR_ORGANISATION_DAMAGED', `Cannot read the certificate issued for "${member.name}"`);
  }
  return {
    ...rest,
    ...(role === undefined ? {} : {role}),
    serial: serialOf(certificate),
    expiresAtMs: certificate.notAfterMs,
    certificatePem,
  };
}

/** Lower-case hex, as revocation files have it. */
export function serialOf(certificate: ReturnType<typeof parseCertificate>): string {
  return certificate.x509.serialNumber.toLowerCase();
}
