/**
 * Who is who in a simulation: certificates or tokens, as an operator would hand them out, and the settings that name them.
 *
 * Keys of certificates are made with real randomness before simulated time begins, seeds of tokens from the simulation's own. Neither is
 * part of the history.
 */
import {
  ed25519PublicFromSeed,
  generateKey,
  issueCertificate,
  issueCertificateAuthority,
  type IssuedCertificate,
  type KeyKind,
  issueToken,
  seedSigner,
} from '../crypto/index.ts';
import type {SimRandom} from './random.ts';

/** Protocol version 1 with certificates, or version 2 with tokens. */
export type SimSecurity = 'certificates' | 'tokens';

export const startWallMs = Date.UTC(2026, 10, 21, 12);
/** Long before the start, so that also a TLS library with a clock of its own finds certificates valid. */
const issuedAtMs = Date.UTC(2010, 0, 1);
const validUntilMs = Date.UTC(2045, 0, 1);
const directory = '/etc/choria';
export const revocationPath = `${directory}/revoked.txt`;
export const provisioningSecret = 's3cret';
export const provisioningPassword = 'pr0visioner';

/** A provisioner has a certificate also where callers have tokens, and a token that permits it to be one. */
export type Role = 'broker' | 'node' | 'caller' | 'provisioner';

/** Keys of certificates. Making them is slow, and which key it is decides nothing: many simulations may share a pool. */
export class KeyPool {
  readonly #keys = new Map<string, Promise<string>>();

  /** The same for the same label. */
  key(label: string, kind: KeyKind): Promise<string> {
    const name = `${kind} ${label}`;
    const known = this.#keys.get(name) ?? generateKey(kind).then((pair) => pair.privateKeyPem);
    this.#keys.set(name, known);
    return known;
  }
}

/** Files and settings of one machine. */
export interface Identity {
  readonly files: Readonly<Record<string, string>>;
  readonly settings: readonly string[];
}

export class Organisation {
  readonly security: SimSecurity;
  readonly #random: SimRandom;
  readonly #authority: IssuedCertificate;
  readonly #keys: KeyPool;
  readonly #issuerSeed: Buffer;

  private constructor(
    security: SimSecurity,
    parts: {readonly random: SimRandom; readonly authority: IssuedCertificate; readonly keys: KeyPool},
  ) {
    this.security = security;
    this.#random = parts.random;
    this.#authority = parts.authority;
    this.#keys = parts.keys;
    this.#issuerSeed = parts.random.fork('issuer').bytes(32);
  }

  static async create(
    security: SimSecurity,
    options: {readonly random: SimRandom; readonly keys: KeyPool},
  ): Promise<Organisation> {
    const {random, keys} = options;
    const authority = await issueCertificateAuthority({
      commonName: 'Simulation authority',
      nowMs: issuedAtMs,
      random: random.fork('authority'),
      validityMs: validUntilMs - issuedAtMs,
      keyPem: await keys.key('authority', 'ec'),
    });
    return new Organisation(security, {random, authority, keys});
  }

  get authorityPem(): string {
    return this.#authority.certificatePem;
  }

  /** Public key of the issuer of tokens, provisioning tokens included, in hex. */
  get issuerHex(): string {
    return ed25519PublicFromSeed(this.#issuerSeed).toString('hex');
  }

  get issuerSeedHex(): string {
    return this.#issuerSeed.toString('hex');
  }

  /** @param options.endMs  wall time at which certificate or token ends; absent: long after the simulation */
  async identity(name: string, options: {readonly role: Role; readonly endMs?: number}): Promise<Identity> {
    const {role, endMs = validUntilMs} = options;
    if (this.security === 'tokens' && role !== 'broker' && role !== 'provisioner')
      return this.#token(name, {role, endMs});
    return this.#certificate(name, {role, endMs});
  }

  /** Certificate and key of a node, for a provisioner's helper. */
  async nodeCertificate(name: string): Promise<IssuedCertificate> {
    return this.#issue(name, {keyPem: await this.#nodeKey(), endMs: validUntilMs});
  }

  /** What an image carries, so that its machine finds the provisioner. */
  async provisioningToken(brokerUrl: string): Promise<string> {
    return issueToken(
      {cht: provisioningSecret, chs: false, chpd: true, chu: brokerUrl, v2: this.security === 'tokens'},
      {
        purpose: 'choria_provisioning',
        signer: seedSigner(this.#issuerSeed),
        nowMs: issuedAtMs,
        validityMs: validUntilMs - issuedAtMs,
        random: this.#random.fork('provisioning-token'),
      },
    );
  }

  async #certificate(name: string, options: {readonly role: Role; readonly endMs: number}): Promise<Identity> {
    const {role, endMs} = options;
    const keyPem =
      role === 'node' ? await this.#nodeKey() : await this.#keys.key(name, role === 'broker' ? 'ec' : 'rsa');
    const issued = await this.#issue(name, {keyPem, endMs});
    const files = {
      [`${directory}/ssl/ca.pem`]: this.#authority.certificatePem,
      [`${directory}/ssl/own.pem`]: issued.certificatePem,
      [`${directory}/ssl/own.key`]: issued.keyPem,
    };
    const kind = this.security === 'tokens' ? 'choria' : 'file';
    return {
      files: {...files, ...(kind === 'choria' ? await this.#ownToken(name, role) : {})},
      settings: [
        `plugin.security.provider = ${kind}`,
        `plugin.security.${kind}.certificate = ${directory}/ssl/own.pem`,
        `plugin.security.${kind}.key = ${directory}/ssl/own.key`,
        `plugin.security.${kind}.ca = ${directory}/ssl/ca.pem`,
        ...(kind === 'choria' ? this.#tokenSettings() : []),
      ],
    };
  }

  async #token(name: string, options: {readonly role: Role; readonly endMs: number}): Promise<Identity> {
    const {role, endMs} = options;
    const claims =
      role === 'node'
        ? {identity: name, collectives: ['mcollective'], permissions: {submission: true}, ou: 'choria'}
        : {
            callerid: `choria=${name}`,
            ou: 'choria',
            permissions: {fleet_management: true, events_viewer: true},
            sub_subjects: ['mcollective.submission.in.>', 'mcollective.broadcast.agent.registration'],
            pub_subjects: ['mcollective.reply.>'],
          };
    return {
      files: {
        [`${directory}/ssl/ca.pem`]: this.#authority.certificatePem,
        ...(await this.#tokenFiles(name, {
          claims,
          endMs,
          purpose: role === 'node' ? 'choria_server' : 'choria_client_id',
        })),
      },
      settings: [
        'plugin.security.provider = choria',
        `plugin.security.choria.ca = ${directory}/ssl/ca.pem`,
        ...this.#tokenSettings(),
      ],
    };
  }

  /** Of those that also have a certificate. */
  #ownToken(name: string, role: Role): Promise<Readonly<Record<string, string>>> {
    const endMs = validUntilMs;
    if (role === 'broker') {
      const claims = {identity: name, collectives: ['mcollective'], permissions: {}, ou: 'choria'};
      return this.#tokenFiles(name, {claims, endMs, purpose: 'choria_server'});
    }
    const claims = {callerid: `choria=${name}`, ou: 'choria', permissions: {provisioner: true}};
    return this.#tokenFiles(name, {claims, endMs, purpose: 'choria_client_id'});
  }

  #tokenSettings(): readonly string[] {
    return [
      `plugin.security.choria.token_file = ${directory}/own.jwt`,
      `plugin.security.choria.seed_file = ${directory}/own.seed`,
      ...this.issuerSettings(),
    ];
  }

  issuerSettings(): readonly string[] {
    return ['plugin.security.issuer.names = choria', `plugin.security.issuer.choria.public = ${this.issuerHex}`];
  }

  async #tokenFiles(
    name: string,
    options: {
      readonly claims: Readonly<Record<string, unknown>>;
      readonly endMs: number;
      readonly purpose: 'choria_server' | 'choria_client_id';
    },
  ): Promise<Readonly<Record<string, string>>> {
    const {claims, endMs, purpose} = options;
    // The same seed again for a renewed token.
    const seed = this.#random.fork(`seed-${name}`).bytes(32);
    const token = await issueToken(claims, {
      purpose,
      signer: seedSigner(this.#issuerSeed),
      nowMs: issuedAtMs,
      validityMs: endMs - issuedAtMs,
      random: this.#random.fork(`token-${name}-${endMs}`),
      publicKey: ed25519PublicFromSeed(seed).toString('hex'),
    });
    return {[`${directory}/own.jwt`]: token, [`${directory}/own.seed`]: seed.toString('hex')};
  }

  /** Protocol v1 signs with RSA; nodes sign registration data only, with a key that they share. */
  #nodeKey(): Promise<string> {
    return this.#keys.key('nodes', 'rsa');
  }

  #issue(name: string, options: {readonly keyPem: string; readonly endMs: number}): Promise<IssuedCertificate> {
    const {keyPem, endMs} = options;
    return issueCertificate({
      authority: this.#authority,
      commonName: name,
      nowMs: issuedAtMs,
      random: this.#random.fork(`certificate-${name}-${endMs}`),
      notBeforeMs: issuedAtMs,
      validityMs: endMs - issuedAtMs,
      keyPem,
    });
  }
}
