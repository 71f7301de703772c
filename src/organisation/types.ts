/** The words of this area. */

export type MemberKind = 'broker' | 'node' | 'user' | 'provisioner';

/** What a user may do on nodes by default: everything, or only look. */
export type Role = 'operator' | 'reader';

/** How members prove who they are: certificates and protocol version 1, or tokens of an issuer and version 2. */
export type OrganisationSecurity = 'x509' | 'jwt';

/** What is the same for every member; `organisation.json`. */
export interface Organisation {
  /** Absolute path of its folder. */
  readonly directory: string;
  readonly name: string;
  readonly security: OrganisationSecurity;
  /** With tokens: the key that signs them, 64 hexadecimal digits. */
  readonly issuer?: string;
  readonly broker: BrokerAddress;
  readonly collectives: readonly string[];
  readonly createdAtMs: number;
}

export interface BrokerAddress {
  /** The name that nodes and users connect to, and the one in the broker's certificate. */
  readonly host: string;
  /** 0: any free one; only for fleets that live in one process tree. */
  readonly port: number;
  /** Absent: every address of the machine. */
  readonly listenAddress?: string;
}

/** One certificate or token that was issued; a file in `authority/issued`. */
export interface IssuedRecord {
  readonly kind: MemberKind;
  /** Such as `web1.example.net`, `rip.mcollective` of a certificate or `rip` of a token. */
  readonly name: string;
  readonly role?: Role;
  /** Serial number of the certificate in hex, or the token's id. */
  readonly serial: string;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
  readonly certificatePem?: string;
  /** The key that a token is for, in hex. */
  readonly publicKey?: string;
}

export type MemberState = 'valid' | 'expired' | 'revoked';

export interface MemberStatus {
  readonly kind: MemberKind;
  readonly name: string;
  readonly role?: Role;
  readonly state: MemberState;
  readonly serial: string;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
  /** Where its files are; undefined when they were moved away. */
  readonly directory?: string;
}

/** One file to be written. */
export interface PlannedFile {
  /** Below the folder that is planned. */
  readonly path: string;
  readonly text: string;
  readonly mode: number;
}
