/**
 * Admission by certificate: who a connection is, is what its verified certificate says.
 *
 * A certificate whose CN is a caller's acts as a client. Every other is a node and may act as that node only: hear what is sent to it, and answer. Stricter than the
 * reference, where any certificate of the authority may do everything; the decision and the setting that undoes it are in
 * docs/design/broker-certificate-permissions.md.
 */
import {X509Certificate} from 'node:crypto';
import {
  createNameMatcher,
  type CredentialFacts,
  CryptoError,
  cryptoLimits,
  defaultAllowedCallers,
  defaultPrivilegedCallers,
  issuedId,
  normalHex,
  readCertificates,
} from '../../crypto/index.ts';
import type {PeerCertificate} from '../../lib/network.ts';
import type {Clock} from '../../lib/platform.ts';
import {hasWildcard, isPublishSubject} from '../../natswire/index.ts';
import type {Permissions} from '../permissions.ts';
import {createNetworkList, type NetworkList} from './networks.ts';
import {fleetAccountName} from './accounts.ts';
import {inboxes, nothingAtAll} from './token-permissions.ts';
import type {AuthDecision, ConnectionFacts} from './types.ts';

/** Names of one certificate that we give subjects to; a certificate with ten thousand names is not a node's. */
const identitiesMax = 16;

export interface CertificateAuthenticatorOptions {
  readonly clock: Pick<Clock, 'nowMs'>;
  /** Patterns of callers, RE2; default: names that end in `.mcollective` or `.choria`. */
  readonly allowedCallers?: readonly string[];
  readonly privilegedCallers?: readonly string[];
  /** Addresses whose verified connections are clients whatever their name. */
  readonly clientHosts?: readonly string[];
  /** Nodes may connect but neither publish nor subscribe. */
  readonly isNodeDenied?: boolean;
  /** Every verified certificate may do everything. */
  readonly isOpen?: boolean;
  readonly system?: {readonly user: string; readonly password: string};
}

/** The settings in the form that a decision needs. */
export interface CertificateRules {
  readonly isCaller: (name: string) => boolean;
  readonly clientNetworks: NetworkList;
}

export function certificateRules(options: CertificateAuthenticatorOptions): CertificateRules {
  const callers = createNameMatcher(options.allowedCallers ?? defaultAllowedCallers);
  const privileged = createNameMatcher(options.privilegedCallers ?? defaultPrivilegedCallers);
  return {
    isCaller: (name) => callers.matches(name) || privileged.matches(name),
    clientNetworks: createNetworkList(options.clientHosts ?? []),
  };
}

/** A connection without a token, by its certificate. */
export function decideCertificate(
  facts: ConnectionFacts,
  rules: CertificateRules & CertificateAuthenticatorOptions,
): AuthDecision {
  const certificate = facts.tls?.peerVerified === true ? facts.tls.peerCertificate : undefined;
  if (certificate === undefined) return refuse('Rejecting unverified connection without token');
  // A resumed session is not verified again by the TLS library, so the time is looked at here.
  if (!(certificate.validToMs > rules.clock.nowMs())) return refuse('the certificate has expired');
  const {rsaBits = Infinity} = certificate;
  if (rsaBits < cryptoLimits.rsaBitsMin)
    return refuse(`the certificate's RSA key has ${rsaBits} bits, expected at least ${cryptoLimits.rsaBitsMin}`);
  const expiresAtMs = certificate.validToMs;
  const user = certificate.commonName;
  const credential = certificateCredential(certificate);
  const admitted = {isAdmitted: true, account: fleetAccountName, user, expiresAtMs, credential} as const;
  if (rules.isOpen === true || rules.isCaller(user) || rules.clientNetworks.contains(facts.remoteAddress))
    return admitted;
  const identities = identitiesOf(certificate);
  if (identities.length === 0) return refuse(`the certificate has no name that can be a node's identity`);
  return {...admitted, permissions: rules.isNodeDenied === true ? nothingAtAll : nodePermissions(identities)};
}

function refuse(reason: string): AuthDecision {
  return {isAdmitted: false, reason};
}

/** The CN and the DNS names: a node's configured identity may be any of them. Names that would be patterns are none. */
function identitiesOf(certificate: PeerCertificate): readonly string[] {
  const names = new Set([certificate.commonName, ...certificate.subjectAltNames]);
  return [...names]
    .filter((name) => /^[A-Za-z0-9_.-]+$/.test(name) && isPublishSubject(name) && !hasWildcard(name))
    .slice(0, identitiesMax);
}

/**
 * What a node may do, whatever collective it is in: the first token stands for the collective.
 *
 * @param identities names that are single subjects: no wildcards, no blanks
 */
export function nodePermissions(identities: readonly string[]): Permissions {
  return {
    subscribe: {
      allow: identities.flatMap((identity) => inboxes('*', identity)),
      allowSingle: [
        ...identities.map((identity) => `*.node.${identity}`),
        '*.broadcast.agent.*',
        '*.broadcast.service.*',
      ],
      deny: signingRequests,
    },
    publish: sharedNodePublish,
  };
}

/** Tokens and requests of callers go to the signing service, whose own certificate is a privileged one: a node has no business there. */
const signingRequests = ['*.broadcast.service.aaa_signer'] as const;

/** One object for all nodes. */
const sharedNodePublish = {
  allow: [
    '*.reply.>',
    '_INBOX.>',
    '*.broadcast.agent.registration',
    '*.submission.in.>',
    'choria.lifecycle.>',
    'choria.machine.transition',
    'choria.machine.watcher.>',
    'choria.federation.*.collective',
    '$SYS.REQ.USER.INFO',
  ],
} as const;

/** By what a certificate can be revoked: its names, its fingerprint, its serial number, alone and with who signed it. */
export function certificateCredential(certificate: PeerCertificate): CredentialFacts {
  const names = [...new Set([certificate.commonName, ...certificate.subjectAltNames.slice(0, identitiesMax)])];
  let ids: readonly string[] | undefined;
  return {
    names,
    // Taking a certificate apart costs about as much as a handshake, and is only needed where something is revoked.
    get ids() {
      ids ??= [normalHex(certificate.fingerprint256), ...issuedIds(certificate.pem)];
      return ids;
    },
  };
}

function issuedIds(pem: string): readonly string[] {
  if (pem === '') return [];
  const serial = normalHex(new X509Certificate(pem).serialNumber);
  try {
    const [read] = readCertificates(pem, 1);
    return read === undefined ? [serial] : [serial, issuedId(read)];
  } catch (error) {
    // Odder than we read it, yet the TLS library took it: its number alone can still be revoked.
    if (error instanceof CryptoError) return [serial];
    throw error;
  }
}
