/**
 * Who a connection is and what it may do: the whole decision of a Choria broker, for both engines (spec broker 5, security 7).
 *
 * Pure: what is known of the connection and what it says go in, account, name, permissions and end come out, or a refusal with the text for
 * the log. Order: the provisioner and the system user by their names; then tokens; then certificates; and a connection that failed without
 * a verified certificate may still be a server that waits to be provisioned.
 *
 * Stricter than the reference: a node's certificate acts as that node only (certificate.ts), the provisioner's nonce is checked, a token
 * ends the connection when it ends, and what is revoked is refused.
 */
import type {KeyObject} from 'node:crypto';
import {
  CryptoError,
  ed25519PublicKey,
  readToken,
  type Revocations,
  type Token,
  type TokenPurpose,
  tokenAlgorithm,
  verifyEd25519,
  verifyToken,
} from '../../crypto/index.ts';
import {errorMessage} from '../../lib/errors.ts';
import {fleetAccountName, provisioningAccountName, systemAccountName} from './accounts.ts';
import {
  type CertificateAuthenticatorOptions,
  certificateCredential,
  certificateRules,
  decideCertificate,
} from './certificate.ts';
import {isSameSecret} from './static.ts';
import {
  beyondFleetPermissions,
  ClaimError,
  clientTokenPermissions,
  nothingAtAll,
  serverTokenPermissions,
  unprovisionedPermissions,
} from './token-permissions.ts';
import type {Admission, AuthDecision, Authenticator, ConnectFields, ConnectionFacts} from './types.ts';

export interface ProvisioningAuth {
  /** Of the user `provisioner`. */
  readonly password: string;
  /** Checks tokens of unprovisioned servers that no issuer signed. */
  readonly signer?: KeyObject;
  /** The provisioner needs no token beside its password. */
  readonly isTokenOptional?: boolean;
}

export interface BrokerAuthOptions extends CertificateAuthenticatorOptions {
  /** Raw ed25519 keys by organisation; when there is one, the lists of signers are not used. */
  readonly issuers?: Readonly<Record<string, Uint8Array>>;
  /** Standard NATS clients with a certificate are let in beside the organisation's tokens. */
  readonly isCertificateBesideTokens?: boolean;
  readonly clientSigners?: readonly KeyObject[];
  readonly serverSigners?: readonly KeyObject[];
  readonly provisioning?: ProvisioningAuth;
  readonly revocations?: Revocations;
}

export const provisionerUser = 'provisioner';

/** A refusal with its text for the log. */
class Refused extends Error {}

export function createBrokerAuthenticator(options: BrokerAuthOptions): Authenticator {
  const rules = {...options, ...certificateRules(options)};
  const issuers = new Map(Object.entries(options.issuers ?? {}).map(([name, raw]) => [name, ed25519PublicKey(raw)]));
  const hasTokens =
    issuers.size > 0 || (options.clientSigners ?? []).length > 0 || (options.serverSigners ?? []).length > 0;
  return {
    isNonceNeeded: hasTokens,
    // As the reference: INFO does not say so, and clients of a Choria broker need not be told.
    isAnnounced: false,
    authenticate: (facts, connect) => {
      try {
        return new Decision({facts, connect, rules, issuers}).decide();
      } catch (error) {
        if (error instanceof Refused) return {isAdmitted: false, reason: error.message};
        throw error;
      }
    },
  };
}

type Rules = BrokerAuthOptions & ReturnType<typeof certificateRules>;

interface Question {
  readonly facts: ConnectionFacts;
  readonly connect: ConnectFields;
  readonly rules: Rules;
  readonly issuers: ReadonlyMap<string, KeyObject>;
}

class Decision {
  readonly #facts: ConnectionFacts;
  readonly #connect: ConnectFields;
  readonly #rules: Rules;
  readonly #issuers: ReadonlyMap<string, KeyObject>;
  readonly #nowMs: number;

  constructor(question: Question) {
    this.#facts = question.facts;
    this.#connect = question.connect;
    this.#rules = question.rules;
    this.#issuers = question.issuers;
    this.#nowMs = question.rules.clock.nowMs();
  }

  decide(): AuthDecision {
    const {user} = this.#connect;
    this.#checkCertificateRevoked();
    if (user === provisionerUser) return this.#provisioner();
    const {system} = this.#rules;
    if (system !== undefined && system.user !== '' && user === system.user) return this.#systemUser(system);
    try {
      return this.#standard();
    } catch (error) {
      if (!(error instanceof Refused) || !this.#hasTls || this.#isVerified) throw error;
      return this.#unprovisioned(error);
    }
  }

  get #hasTls(): boolean {
    return this.#facts.tls !== undefined;
  }

  get #isVerified(): boolean {
    return this.#facts.tls?.peerVerified === true;
  }

  get #isLocal(): boolean {
    return this.#facts.kind === 'in-process';
  }

  get #token(): string {
    return this.#connect.authToken ?? '';
  }

  #provisioner(): AuthDecision {
    const refused = (reason: string): Refused => new Refused(`the user ${provisionerUser} is denied: ${reason}`);
    const {provisioning} = this.#rules;
    if (provisioning === undefined) throw refused('provisioning user password not enabled');
    const password = this.#connect.password ?? '';
    if (password === '') throw refused('password required');
    if (!isSameSecret(password, provisioning.password)) throw refused('invalid provisioner password supplied');
    if (!this.#hasTls && !this.#isLocal) throw refused('it is only allowed over TLS connections');
    const admitted = {isAdmitted: true, account: provisioningAccountName, user: provisionerUser} as const;
    if (this.#issuers.size === 0) {
      if (!this.#isVerified && !this.#isLocal) throw refused('it is only allowed over verified TLS connections');
      return {...admitted, ...this.#certificateEnd()};
    }
    if (this.#token === '') {
      if (provisioning.isTokenOptional === true) return admitted;
      throw refused('no token provided in connection');
    }
    const token = this.#verified('choria_client_id');
    if (!token.hasPermission('provisioner')) {
      throw refused(`provisioner claim is false in token with caller id ${JSON.stringify(token.name)}`);
    }
    this.#checkNonce(token);
    return {...admitted, ...tokenEnd(token), credential: tokenCredential(token)};
  }

  #systemUser(system: {readonly user: string; readonly password: string}): AuthDecision {
    const refused = (reason: string): Refused => new Refused(`the system user is denied: ${reason}`);
    if (!this.#hasTls && !this.#isLocal) throw refused('it is only allowed over TLS connections');
    if (!isSameSecret(this.#connect.password ?? '', system.password)) throw refused('invalid system credentials');
    const admitted = {isAdmitted: true, account: systemAccountName, user: system.user} as const;
    if (this.#isLocal) return admitted;
    if (this.#isVerified) return {...admitted, ...this.#certificateEnd()};
    if (this.#token === '') throw refused('no JWT token received');
    if (this.#claimedPurpose() !== 'choria_client_id') throw refused('client token required');
    const token = this.#verified('choria_client_id');
    if (!token.hasPermission('system_user') && !token.hasPermission('org_admin')) {
      throw refused('no system_user or org_admin claim');
    }
    this.#checkNonce(token);
    return {...admitted, ...tokenEnd(token), credential: tokenCredential(token)};
  }

  /** Clients and servers, by token or by certificate. */
  #standard(): AuthDecision {
    if (this.#token !== '') return this.#byToken();
    if (this.#isLocal) return {isAdmitted: true, account: fleetAccountName, user: this.#connect.user ?? ''};
    if (!this.#isVerified) throw new Refused('unverified connection without JWT token');
    if (this.#issuers.size > 0) return this.#besideTokens();
    const decision = decideCertificate(this.#facts, this.#rules);
    if (!decision.isAdmitted) throw new Refused(decision.reason);
    return decision;
  }

  #besideTokens(): AuthDecision {
    if (this.#rules.isCertificateBesideTokens !== true) throw new Refused('unverified connection without JWT token');
    const user = this.#facts.tls?.peerCertificate?.commonName ?? '';
    const admitted = {isAdmitted: true, account: fleetAccountName, user, permissions: beyondFleetPermissions} as const;
    return {...admitted, ...this.#certificateEnd()};
  }

  #byToken(): AuthDecision {
    if (!this.#hasTls && !this.#isLocal) throw new Refused('a token was presented over a connection without TLS');
    const purpose = this.#claimedPurpose();
    if (purpose !== 'choria_client_id' && purpose !== 'choria_server') {
      throw new Refused(`do not know how to handle ${JSON.stringify(purpose)} purpose token`);
    }
    const isClient = purpose === 'choria_client_id';
    if (this.#facts.kind !== 'client' && this.#facts.kind !== 'websocket' && !this.#isLocal) {
      throw new Refused(`a ${isClient ? 'client' : 'server'} JWT was presented by a ${this.#facts.kind} connection`);
    }
    const token = this.#verified(purpose);
    if (token.name === '') throw new Refused(isClient ? 'no callerid in claims' : 'identity not in claims');
    this.#checkNonce(token);
    return {
      isAdmitted: true,
      account: fleetAccountName,
      user: token.name,
      permissions: this.#tokenPermissions(token, isClient),
      ...tokenEnd(token),
      credential: tokenCredential(token),
    };
  }

  #tokenPermissions(token: Token, isClient: boolean): NonNullable<Admission['permissions']> {
    if (!isClient && this.#rules.isNodeDenied === true) return nothingAtAll;
    try {
      return isClient ? clientTokenPermissions(token) : serverTokenPermissions(token);
    } catch (error) {
      if (error instanceof ClaimError) throw new Refused(error.message);
      throw error;
    }
  }

  /** A server that knows nothing but its provisioning token. */
  #unprovisioned(before: Refused): AuthDecision {
    const refused = (reason: string): Refused =>
      new Refused(`verified error: ${before.message}, unverified error: ${reason}`);
    if (this.#rules.provisioning === undefined) throw refused('provisioning account is not set');
    if (this.#token === '') throw refused('provisioning requires a token');
    let token: Token;
    try {
      const key = this.#provisioningKey();
      token = verifyToken(this.#token, {key, purpose: 'choria_provisioning', nowMs: this.#nowMs});
      this.#checkRevoked(token);
    } catch (error) {
      if (error instanceof CryptoError || error instanceof Refused) throw refused(errorMessage(error));
      throw error;
    }
    return {
      isAdmitted: true,
      account: provisioningAccountName,
      user: '',
      permissions: unprovisionedPermissions,
      ...tokenEnd(token),
      credential: tokenCredential(token),
    };
  }

  #provisioningKey(): KeyObject {
    if (tokenAlgorithm(this.#token) === 'EdDSA' && this.#issuers.size > 0) {
      const name = readToken(this.#token).organization ?? 'choria';
      const key = this.#issuers.get(name);
      if (key === undefined) throw new Refused(`no issuer found for ou ${JSON.stringify(name)}`);
      return key;
    }
    const signer = this.#rules.provisioning?.signer;
    if (signer === undefined) throw new Refused('provisioning is not enabled');
    return signer;
  }

  /** The purpose a token gives itself. */
  #claimedPurpose(): string {
    try {
      return readToken(this.#token).purpose;
    } catch (error) {
      if (error instanceof CryptoError) throw new Refused(`invalid JWT token: ${error.message}`);
      throw error;
    }
  }

  #verified(purpose: Exclude<TokenPurpose, 'choria_provisioning'>): Token {
    const keys = this.#keysFor(purpose);
    let failure: unknown;
    for (const key of keys) {
      try {
        const token = verifyToken(this.#token, {key, purpose, nowMs: this.#nowMs});
        this.#checkRevoked(token);
        return token;
      } catch (error) {
        if (!(error instanceof CryptoError)) throw error;
        failure = error;
      }
    }
    throw new Refused(`invalid JWT token: ${errorMessage(failure)}`);
  }

  #keysFor(purpose: Exclude<TokenPurpose, 'choria_provisioning'>): readonly KeyObject[] {
    const isClient = purpose === 'choria_client_id';
    if (this.#issuers.size === 0) {
      const keys = (isClient ? this.#rules.clientSigners : this.#rules.serverSigners) ?? [];
      if (keys.length > 0) return keys;
      const kind = isClient ? 'Client' : 'Server';
      throw new Refused(
        `no ${kind} JWT signer or Organization Issuer set, denying all ${isClient ? 'clients' : 'servers'}`,
      );
    }
    let organization: string | undefined;
    try {
      ({organization} = readToken(this.#token));
    } catch (error) {
      if (error instanceof CryptoError) throw new Refused(`invalid JWT token: ${error.message}`);
      throw error;
    }
    if (organization === undefined) throw new Refused('no ou claim in token');
    const key = this.#issuers.get(organization);
    if (key === undefined) throw new Refused(`no issuer configured for ou ${JSON.stringify(organization)}`);
    return [key];
  }

  /** The signature is base64url without padding over the nonce as text; other spellings of the same bytes are refused. */
  #checkNonce(token: Token): void {
    const failed = (reason: string): Refused => new Refused(`nonce signature verification failed: ${reason}`);
    const {signature} = this.#connect;
    const {nonce} = this.#facts;
    if (token.publicKey === undefined) throw failed('no public key found in the JWT to verify nonce signature');
    if (signature === undefined || signature === '') throw failed('connection nonce was not signed');
    if (nonce === undefined || nonce === '') throw failed('server did not generate a nonce to verify');
    if (!/^[A-Za-z0-9_-]{86}$/.test(signature)) throw failed('invalid url encoded signature');
    const proof = {message: Buffer.from(nonce, 'utf8'), signature: Buffer.from(signature, 'base64url')};
    if (!verifyEd25519(token.publicKey, proof)) {
      throw failed('nonce signature did not verify using pub key in the jwt');
    }
  }

  #checkRevoked(token: Token): void {
    const reason = this.#rules.revocations?.reasonFor(tokenCredential(token));
    if (reason !== undefined) throw new Refused(reason);
  }

  #checkCertificateRevoked(): void {
    const certificate = this.#isVerified ? this.#facts.tls?.peerCertificate : undefined;
    if (certificate === undefined) return;
    const reason = this.#rules.revocations?.reasonFor(certificateCredential(certificate));
    if (reason !== undefined) throw new Refused(reason);
    // A resumed session is not verified again by the TLS library, so the time is looked at here.
    if (!(certificate.validToMs > this.#nowMs)) throw new Refused('the certificate has expired');
  }

  #certificateEnd(): Pick<Admission, 'expiresAtMs' | 'credential'> {
    const certificate = this.#facts.tls?.peerCertificate;
    if (certificate === undefined) return {};
    return {expiresAtMs: certificate.validToMs, credential: certificateCredential(certificate)};
  }
}

function tokenEnd(token: Token): Pick<Admission, 'expiresAtMs'> {
  return token.expiresAtMs === undefined ? {} : {expiresAtMs: token.expiresAtMs};
}

function tokenCredential(token: Token): NonNullable<Admission['credential']> {
  const id = token.claims['jti'];
  const key = token.publicKey?.toString('hex');
  const issuer = token.claims['iss'];
  return {
    names: token.name === '' ? [] : [token.name],
    ids: [
      ...(typeof id === 'string' && id !== '' ? [id] : []),
      ...(key === undefined ? [] : [key]),
      // Revoking a chain issuer revokes what it issued.
      ...(typeof issuer === 'string' && issuer.startsWith('C-') ? issuer.slice(2).split('.') : []),
    ],
  };
}
