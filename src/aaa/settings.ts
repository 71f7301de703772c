/**
 * The service's configuration: one JSON document, with the names that existing installations use (spec security 6.2).
 *
 * A name that is not known is told as a warning, so that files of other programs can be read.
 */
import {errorMessage} from '../lib/errors.ts';
import {nsToMs, parseExtendedDuration} from '../lib/duration.ts';
import {isJsonObject, type JsonObject, parseJson} from '../lib/json.ts';
import {AaaError} from './errors.ts';
import {aaaLimits} from './limits.ts';

export interface AaaUser {
  readonly name: string;
  readonly passwordHash: string;
  readonly organization: string;
  readonly acls: readonly string[];
  readonly policy?: string;
  readonly policyFile?: string;
  readonly properties?: Readonly<Record<string, string>>;
  readonly permissions?: Readonly<Record<string, boolean>>;
}

/** What every authenticator needs for making tokens. */
export interface TokenSettings {
  readonly validityMs: number;
  readonly signingKey: string;
  /** Token of a chain issuer, whose seed `signingKey` is then. */
  readonly signingToken?: string;
}

export type AuthenticatorSettings =
  | ({readonly kind: 'userlist'; readonly users: readonly AaaUser[]; readonly usersFile?: string} & TokenSettings)
  | ({readonly kind: 'program'; readonly command: string} & TokenSettings)
  | ({
      readonly kind: 'web';
      readonly url: string;
      readonly ca?: string;
      readonly clientId: string;
      readonly clientSecretFile?: string;
    } & TokenSettings);

export interface SignerSettings {
  /** A file or 64 hex characters: the key that signs callers' tokens. */
  readonly certificate: string;
  readonly token?: string;
  readonly seed?: string;
  readonly maxValidityMs: number;
  /** Also answers as the agent `aaa_signer`. */
  readonly isAgent: boolean;
  readonly allowsBearerTokens: boolean;
}

export interface AaaSettings {
  readonly logfile: string;
  readonly loglevel: string;
  readonly choriaConfig: string;
  readonly address: string;
  readonly port: number;
  /** 0: metrics are not served. */
  readonly monitorPort: number;
  readonly site: string;
  readonly tls: {readonly certificate: string; readonly key: string; readonly ca: string};
  readonly authenticator: AuthenticatorSettings | undefined;
  readonly authorizer: 'actionlist' | 'opa' | undefined;
  readonly signer: SignerSettings | undefined;
  readonly auditFile: string | undefined;
  readonly auditSubject: {readonly servers: string; readonly topic: string} | undefined;
  readonly opa: string;
  readonly loginsPerMinute: number;
  readonly signaturesPerSecond: number;
  /** Names that mean nothing here. */
  readonly warnings: readonly string[];
}

/** @throws {AaaError} `ERR_AAA_CONFIG` */
export function parseSettings(text: Uint8Array, path: string): AaaSettings {
  const reader = Reader.open(text, path);
  const auditors = reader.list('auditors').map((name) => reader.oneOf('auditors', name, ['logfile', 'jetstream']));
  const authenticator = reader.text('authenticator');
  const authorizer = reader.text('authorizer');
  const signer = reader.text('signer');
  const settings: AaaSettings = {
    logfile: reader.text('logfile'),
    loglevel: reader.text('loglevel'),
    choriaConfig: reader.text('choria_config'),
    address: reader.text('address'),
    port: reader.integer('port', 0),
    monitorPort: reader.integer('monitor_port', 0),
    site: reader.text('site'),
    tls: {certificate: reader.text('tls_certificate'), key: reader.text('tls_key'), ca: reader.text('tls_ca')},
    authenticator:
      authenticator === ''
        ? undefined
        : readAuthenticator(reader, reader.oneOf('authenticator', authenticator, ['userlist', 'program', 'web'])),
    authorizer: authorizer === '' ? undefined : reader.oneOf('authorizer', authorizer, ['actionlist', 'opa']),
    signer: signer === '' ? undefined : readSigner(reader, reader.oneOf('signer', signer, ['basicjwt'])),
    auditFile: auditors.includes('logfile') ? reader.section('logfile_auditor').needed('logfile') : undefined,
    auditSubject: auditors.includes('jetstream') ? readSubjectAuditor(reader.section('jetstream_auditor')) : undefined,
    opa: reader.text('opa'),
    ...readLimits(reader.optionalSection('rate_limits')),
    warnings: reader.warnings,
  };
  for (const name of ['userlist_authenticator', 'program_authenticator', 'web_authenticator', 'basicjwt_signer'])
    reader.allow(name);
  for (const name of ['logfile_auditor', 'jetstream_auditor']) reader.allow(name);
  reader.end();
  if (settings.authenticator === undefined && settings.signer === undefined) {
    throw reader.wrong('authenticator', 'neither it nor "signer" is set, expected at least one of them');
  }
  if (settings.signer !== undefined && settings.authorizer === undefined) {
    throw reader.wrong('authorizer', 'it is not set, expected "actionlist" or "opa" beside a signer');
  }
  return settings;
}

function readSubjectAuditor(reader: Reader): {readonly servers: string; readonly topic: string} {
  const found = {servers: reader.text('servers'), topic: reader.needed('topic')};
  reader.end();
  return found;
}

function readLimits(reader: Reader | undefined): Pick<AaaSettings, 'loginsPerMinute' | 'signaturesPerSecond'> {
  const found = {
    loginsPerMinute: reader?.integer('logins_per_minute', aaaLimits.loginsPerMinute) ?? aaaLimits.loginsPerMinute,
    signaturesPerSecond:
      reader?.integer('signatures_per_second', aaaLimits.signaturesPerSecond) ?? aaaLimits.signaturesPerSecond,
  };
  reader?.end();
  return found;
}

function readSigner(outer: Reader, _kind: 'basicjwt'): SignerSettings {
  const reader = outer.section('basicjwt_signer');
  const found: SignerSettings = {
    certificate: reader.needed('signing_certificate'),
    ...reader.optional('token', 'signing_token'),
    ...reader.optional('seed', 'signing_seed'),
    maxValidityMs: reader.duration('max_validity', '24h'),
    isAgent: reader.flag('choria_service'),
    allowsBearerTokens: reader.flag('allow_bearer_tokens'),
  };
  reader.end();
  return found;
}

function readAuthenticator(outer: Reader, kind: 'userlist' | 'program' | 'web'): AuthenticatorSettings {
  const reader = outer.section(`${kind}_authenticator`);
  const token: TokenSettings = {
    validityMs: reader.duration('validity', '1h'),
    signingKey: reader.needed('signing_key'),
    ...reader.optional('signingToken', 'signing_token'),
  };
  let found: AuthenticatorSettings;
  if (kind === 'program') {
    found = {kind, ...token, command: reader.needed('command')};
  } else if (kind === 'web') {
    found = {
      kind,
      ...token,
      url: reader.needed('token_url'),
      ...reader.optional('ca', 'ca'),
      clientId: reader.needed('client_id'),
      ...reader.optional('clientSecretFile', 'client_secret_file'),
    };
  } else {
    found = {kind, ...token, users: reader.users('users'), ...reader.optional('usersFile', 'users_file')};
  }
  reader.end();
  return found;
}

/** A file of users: a JSON list. @throws {AaaError} `ERR_AAA_CONFIG` */
export function parseUsers(text: Uint8Array, path: string): readonly AaaUser[] {
  return readUsers(parseDocument(text, path), {path, place: 'the list'});
}

function readUsers(value: unknown, where: {readonly path: string; readonly place: string}): readonly AaaUser[] {
  if (!Array.isArray(value)) throw configError(where.path, `${where.place} is no list of users`);
  const users = value.map((item: unknown, index) => {
    if (!isJsonObject(item)) throw configError(where.path, `user ${index + 1} in ${where.place} is no object`);
    const reader = new Reader(item, {path: where.path, place: `user ${index + 1}`});
    const user: AaaUser = {
      name: reader.needed('username'),
      passwordHash: reader.text('password'),
      organization: reader.text('organization') || 'choria',
      acls: reader.list('acls'),
      ...reader.optional('policy', 'opa_policy'),
      ...reader.optional('policyFile', 'opa_policy_file'),
      ...reader.map('properties', 'properties', 'string'),
      ...reader.map('permissions', 'broker_permissions', 'boolean'),
    };
    reader.end();
    return user;
  });
  const names = new Set(users.map((user) => user.name));
  if (names.size !== users.length) throw configError(where.path, `${where.place} holds a user twice`);
  const callers = new Set(users.map((user) => callerNameOf(user.name)));
  if (callers.size !== users.length) {
    throw configError(
      where.path,
      `${where.place} holds users that differ only in "@", "." and "_", whose requests would be signed in one name`,
    );
  }
  return users;
}

/** What stands for `@` and `.` in the caller of a signed request. */
export function callerNameOf(name: string): string {
  return name.replaceAll(/[@.]/g, '_');
}

function parseDocument(text: Uint8Array, path: string): unknown {
  try {
    return parseJson(text, {bytesMax: aaaLimits.configBytesMax});
  } catch (cause) {
    throw new AaaError('ERR_AAA_CONFIG', `Cannot read "${path}": ${errorMessage(cause)}`, {cause, details: {path}});
  }
}

function configError(path: string, problem: string): AaaError {
  return new AaaError('ERR_AAA_CONFIG', `Cannot use "${path}": ${problem}`, {details: {path}});
}

interface Place {
  readonly path: string;
  readonly place: string;
}

/** Reads members by name and tells, at the end, of those that nobody asked for. */
class Reader {
  private readonly object: JsonObject;
  private readonly where: Place;
  private readonly left: Set<string>;
  readonly warnings: string[];

  constructor(object: JsonObject, where: Place, warnings: string[] = []) {
    this.object = object;
    this.warnings = warnings;
    this.where = where;
    this.left = new Set(Object.keys(object));
  }

  static open(text: Uint8Array, path: string): Reader {
    const value = parseDocument(text, path);
    if (!isJsonObject(value)) throw configError(path, 'it is no JSON object');
    return new Reader(value, {path, place: 'it'});
  }

  /** Secrets may stand in the values, so a message never quotes one. */
  wrong(name: string, problem: string): AaaError {
    const inside = this.where.place === 'it' ? '' : ` of ${this.where.place}`;
    return configError(this.where.path, `"${name}"${inside}: ${problem}`);
  }

  allow(name: string): void {
    this.left.delete(name);
  }

  end(): void {
    const [unknown] = this.left;
    if (unknown !== undefined) this.warnings.push(this.wrong(unknown, 'there is no such setting').message);
  }

  private take(name: string): unknown {
    this.left.delete(name);
    const value = Object.hasOwn(this.object, name) ? this.object[name] : undefined;
    return value === null ? undefined : value;
  }

  text(name: string): string {
    const value = this.take(name) ?? '';
    if (typeof value !== 'string') throw this.wrong(name, 'it is no text');
    return value;
  }

  needed(name: string): string {
    const value = this.text(name);
    if (value === '') throw this.wrong(name, 'it is not set');
    return value;
  }

  optional<Key extends string>(key: Key, name: string): {readonly [K in Key]?: string} {
    const value = this.text(name);
    return (value === '' ? {} : {[key]: value}) as {readonly [K in Key]?: string};
  }

  integer(name: string, standard: number): number {
    const value = this.take(name) ?? standard;
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0)
      throw this.wrong(name, 'it is no whole number');
    return value;
  }

  flag(name: string): boolean {
    const value = this.take(name) ?? false;
    if (typeof value !== 'boolean') throw this.wrong(name, 'it is neither true nor false');
    return value;
  }

  duration(name: string, standard: string): number {
    const text = this.text(name) || standard;
    try {
      return nsToMs(parseExtendedDuration(text));
    } catch (cause) {
      throw new AaaError('ERR_AAA_CONFIG', this.wrong(name, errorMessage(cause)).message, {cause});
    }
  }

  list(name: string): readonly string[] {
    const value = this.take(name) ?? [];
    if (!Array.isArray(value) || value.some((item) => typeof item !== 'string'))
      throw this.wrong(name, 'it is no list of texts');
    return value as readonly string[];
  }

  map<Key extends string, Kind extends 'string' | 'boolean'>(
    key: Key,
    name: string,
    kind: Kind,
  ): {readonly [K in Key]?: Readonly<Record<string, Kind extends 'string' ? string : boolean>>} {
    const value = this.take(name);
    if (value === undefined) return {};
    if (!isJsonObject(value) || Object.values(value).some((item) => typeof item !== kind)) {
      throw this.wrong(name, `it is no object of ${kind === 'string' ? 'texts' : 'true and false'}`);
    }
    return {[key]: value} as never;
  }

  users(name: string): readonly AaaUser[] {
    const value = this.take(name);
    return value === undefined ? [] : readUsers(value, {path: this.where.path, place: `"${name}"`});
  }

  oneOf<const T extends string>(name: string, value: string, known: readonly T[]): T {
    const found = known.find((item) => item === value);
    if (found === undefined)
      throw this.wrong(name, `${JSON.stringify(value)} is not known, expected ${known.join(', ')}`);
    return found;
  }

  section(name: string): Reader {
    const found = this.optionalSection(name);
    if (found === undefined) throw this.wrong(name, 'it is not set');
    return found;
  }

  optionalSection(name: string): Reader | undefined {
    const value = this.take(name);
    if (value === undefined) return undefined;
    if (!isJsonObject(value)) throw this.wrong(name, 'it is no object');
    return new Reader(value, {path: this.where.path, place: `"${name}"`}, this.warnings);
  }
}
