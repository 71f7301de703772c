/** Issues what members prove themselves with: certificates, or tokens and seeds, and for the broker both. */
import {createPublicKey} from 'node:crypto';
import {
  type Certificate,
  ed25519PublicFromSeed,
  type IssuedCertificate,
  issueCertificate,
  issueToken,
  readCertificates,
  readToken,
  seedSigner,
} from '../crypto/index.ts';
import type {Platform} from '../lib/platform.ts';
import {issuerName} from './configuration.ts';
import {OrganisationError} from './errors.ts';
import {organisationLimits} from './limits.ts';
import {callerIdOf, isIpv4} from './names.ts';
import type {IssuedRecord, MemberKind, Role} from './types.ts';

export type IssuePlatform = Pick<Platform, 'clock' | 'random'>;

export interface Authority extends IssuedCertificate {
  /** Of the issuer of tokens; absent where members have certificates alone. */
  readonly issuerSeed?: Uint8Array;
}

export interface IssueOptions {
  readonly authority: Authority;
  readonly kind: MemberKind;
  readonly name: string;
  readonly role?: Role;
  readonly collectives: readonly string[];
  readonly validityMs?: number;
  /** What was issued last, to issue it again for the same keys. */
  readonly renewed?: IssuedRecord;
}

export interface IssuedMember {
  readonly record: IssuedRecord;
  /** Of the certificate; empty when it was renewed, absent when there is none. */
  readonly keyPem?: string;
  readonly token?: string;
  /** 64 hexadecimal digits; absent when the token was renewed. */
  readonly seed?: string;
}

/** Clocks in a fleet differ. */
const backdateMs = 5 * 60_000;

export async function issueMember(platform: IssuePlatform, options: IssueOptions): Promise<IssuedMember> {
  const {kind, name, role, authority} = options;
  const {issuerSeed} = authority;
  const issuedAtMs = platform.clock.nowMs();
  const common = {kind, name, ...(role === undefined ? {} : {role}), issuedAtMs};
  // Where members have tokens only the broker needs a certificate, for TLS.
  const certified = issuerSeed === undefined || kind === 'broker' ? await issueX509(platform, options) : undefined;
  const tokened = issuerSeed === undefined ? undefined : await issueJwt(platform, {...options, issuerSeed});
  const certificate = certified === undefined ? undefined : readLeaf(certified.certificatePem, name);
  const serial = certificate === undefined ? (tokened?.id ?? '') : serialOf(certificate);
  const ends = [certificate?.notAfterMs, tokened?.expiresAtMs].filter((item) => item !== undefined);
  return {
    record: {
      ...common,
      serial,
      expiresAtMs: Math.min(...ends),
      ...(certified === undefined ? {} : {certificatePem: certified.certificatePem}),
      ...(tokened === undefined ? {} : {publicKey: tokened.publicKey}),
    },
    ...(certified === undefined ? {} : {keyPem: certified.keyPem}),
    ...(tokened === undefined ? {} : {token: tokened.token}),
    ...(tokened?.seed === undefined ? {} : {seed: tokened.seed}),
  };
}

/** Callers sign requests, which protocol version 1 does with RSA; the others have EC keys, which cost a hundredth to make. */
function issueX509(platform: IssuePlatform, options: IssueOptions): Promise<IssuedCertificate> {
  const {kind, name, authority, renewed} = options;
  const {clock, random} = platform;
  const nowMs = clock.nowMs();
  const validityMs = options.validityMs ?? organisationLimits.memberValidityMs;
  const isBroker = kind === 'broker';
  const oldPem = renewed?.certificatePem;
  return issueCertificate({
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
    ...(oldPem === undefined
      ? {}
      : {publicKeyPem: createPublicKey(oldPem).export({type: 'spki', format: 'pem'}).toString()}),
  });
}

interface IssuedToken {
  readonly id: string;
  readonly token: string;
  readonly seed?: string;
  readonly publicKey: string;
  readonly expiresAtMs: number | undefined;
}

async function issueJwt(
  platform: IssuePlatform,
  options: IssueOptions & {readonly issuerSeed: Uint8Array},
): Promise<IssuedToken> {
  const {kind, renewed, issuerSeed} = options;
  const seed = renewed?.publicKey === undefined ? platform.random.bytes(seedBytes) : undefined;
  const publicKey = renewed?.publicKey ?? ed25519PublicFromSeed(seed ?? Buffer.alloc(0)).toString('hex');
  const token = await issueToken(claimsOf(options), {
    purpose: kind === 'user' || kind === 'provisioner' ? 'choria_client_id' : 'choria_server',
    signer: seedSigner(issuerSeed),
    publicKey,
    nowMs: platform.clock.nowMs(),
    validityMs: options.validityMs ?? organisationLimits.memberValidityMs,
    random: platform.random,
  });
  const {claims, expiresAtMs} = readToken(token);
  const id = claims['jti'];
  return {
    id: typeof id === 'string' ? id : '',
    token,
    publicKey,
    expiresAtMs,
    ...(seed === undefined ? {} : {seed: seed.toString('hex')}),
  };
}

export const seedBytes = 32;

/** A broker's token is for nothing but its own start: it belongs to no collective. What users may do on nodes, policies say. */
function claimsOf({kind, name, role, collectives}: IssueOptions): Readonly<Record<string, unknown>> {
  if (kind === 'provisioner')
    return {callerid: callerIdOf('jwt', name), ou: issuerName, permissions: {provisioner: true}};
  if (kind !== 'user') return {identity: name, collectives: kind === 'broker' ? [] : collectives, ou: issuerName};
  const watching = role === 'operator' ? {events_viewer: true} : {};
  return {callerid: callerIdOf('jwt', name), ou: issuerName, permissions: {fleet_management: true, ...watching}};
}

function readLeaf(certificatePem: string, name: string): Certificate {
  const [certificate] = readCertificates(certificatePem, 1);
  if (certificate !== undefined) return certificate;
  throw new OrganisationError('ERR_ORGANISATION_DAMAGED', `Cannot read the certificate issued for "${name}"`);
}

/** Lower-case hex, as revocation files have it. */
function serialOf(certificate: Certificate): string {
  return certificate.x509.serialNumber.toLowerCase();
}
