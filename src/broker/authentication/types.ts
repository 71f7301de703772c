/** The one interface through which both engines ask who a connection is and what it may do. */
import type {TlsState} from '../../lib/network.ts';
import type {CredentialFacts} from '../../crypto/index.ts';
import type {Permissions} from '../permissions.ts';

/** What is known of a connection apart from what it says itself. */
export interface ConnectionFacts {
  readonly clientId: number;
  readonly kind: 'client' | 'websocket' | 'leafnode' | 'in-process';
  readonly remoteAddress: string;
  readonly tls: TlsState | undefined;
  /** The text the connection was asked to sign, when it was. */
  readonly nonce: string | undefined;
}

/** What the connection says of itself in CONNECT. Claims, not facts. */
export interface ConnectFields {
  readonly user: string | undefined;
  readonly password: string | undefined;
  readonly authToken: string | undefined;
  readonly jwt: string | undefined;
  readonly nkey: string | undefined;
  readonly signature: string | undefined;
  readonly name: string | undefined;
}

export interface Admission {
  readonly isAdmitted: true;
  readonly account: string;
  /** The name in monitoring and logs. */
  readonly user: string;
  /** Absent: everything in the account. */
  readonly permissions?: Permissions;
  /** The connection is closed at this wall clock time. */
  readonly expiresAtMs?: number;
  /** By what it can be revoked while it lives. */
  readonly credential?: CredentialFacts;
}

export interface Refusal {
  readonly isAdmitted: false;
  /** For the log, never for the peer. No secrets. */
  readonly reason: string;
}

export type AuthDecision = Admission | Refusal;

export interface Authenticator {
  /** INFO carries a nonce to sign. */
  readonly isNonceNeeded: boolean;
  /** INFO says `auth_required`. Whether it says so or not, nothing is served before a good CONNECT. */
  readonly isAnnounced: boolean;
  authenticate(facts: ConnectionFacts, connect: ConnectFields): AuthDecision | Promise<AuthDecision>;
}
