/** The YAML configuration of the provisioner (server.md 15). */
import {errorMessage} from '../lib/errors.ts';
import {nsToMs, parseExtendedDuration} from '../lib/duration.ts';
import {parseYamlFacts} from '../lang/index.ts';
import {splitShellWords} from '../discovery/index.ts';
import {provisioningComponent} from '../provision/index.ts';
import {ProvisionerError} from './errors.ts';
import {provisionerLimits} from './limits.ts';

export interface ProvisionerSettings {
  readonly workers: number;
  readonly intervalMs: number;
  readonly logfile: string;
  readonly loglevel: string;
  /** Program and arguments. */
  readonly helper: readonly string[];
  /** The `cht` of the provisioning token. */
  readonly token: string;
  readonly lifecycleComponent: string;
  readonly isInsecure: boolean;
  readonly site: string;
  /** 0: no metrics are served. */
  readonly monitorPort: number;
  readonly brokerPassword: string;
  readonly certDenyList: readonly string[];
  /** PEM file or hexadecimal key that verifies provisioning tokens. */
  readonly jwtVerifyCert: string;
  readonly jwtSigningKey: string;
  readonly jwtSigningToken: string;
  readonly serverJwtValidityMs: number;
  readonly regoPolicy: string;
  readonly leaderElection: boolean;
  readonly upgradesRepository: string;
  readonly upgradesOptional: boolean;
  readonly features: {
    readonly pki: boolean;
    readonly jwt: boolean;
    readonly ed25519: boolean;
    readonly upgrades: boolean;
  };
}

/** Names that would make a node a caller with rights of its own. */
export const defaultDenyList: readonly string[] = [
  '\\.privileged.mcollective$',
  '\\.privileged.choria$',
  '\\.mcollective$',
  '\\.choria$',
];

const known: ReadonlySet<string> = new Set([
  'workers',
  'interval',
  'logfile',
  'loglevel',
  'helper',
  'token',
  'lifecycle_component',
  'choria_insecure',
  'site',
  'monitor_port',
  'broker_provisioning_password',
  'cert_deny_list',
  'jwt_verify_cert',
  'jwt_signing_key',
  'jwt_signing_token',
  'server_jwt_validity',
  'rego_policy',
  'leader_election',
  'upgrades_repository',
  'upgrades_optional',
  'features',
]);

/**
 * @param options.cpuCount workers when none are configured
 * @throws {ProvisionerError} `ERR_PROVISIONER_SETTING`
 */
export function parseProvisionerSettings(
  text: string,
  options: {readonly cpuCount: number; readonly warn?: (text: string) => void},
): ProvisionerSettings {
  const values = readDocument(text);
  for (const key of values.keys()) if (!known.has(key)) options.warn?.(`"${key}" is no setting of the provisioner`);
  const read = new Reader(values);
  const features = new Reader(read.map('features'));
  const ed25519 = features.flag('ed25519');
  const settings: ProvisionerSettings = {
    workers: read.whole('workers', {fallback: options.cpuCount, least: 1, most: provisionerLimits.workersMax}),
    intervalMs: read.duration('interval', provisionerLimits.intervalMsMin),
    logfile: read.text('logfile'),
    loglevel: read.text('loglevel') || 'info',
    helper: splitShellWords(read.text('helper')),
    token: read.text('token'),
    lifecycleComponent: read.text('lifecycle_component') || provisioningComponent,
    isInsecure: read.flag('choria_insecure'),
    site: read.text('site'),
    monitorPort: read.whole('monitor_port', {fallback: 0, least: 0, most: 65_535}),
    brokerPassword: read.text('broker_provisioning_password'),
    certDenyList: read.texts('cert_deny_list') ?? defaultDenyList,
    jwtVerifyCert: read.text('jwt_verify_cert'),
    jwtSigningKey: read.text('jwt_signing_key'),
    jwtSigningToken: read.text('jwt_signing_token'),
    serverJwtValidityMs: read.duration('server_jwt_validity', 365 * 86_400_000),
    regoPolicy: read.text('rego_policy'),
    leaderElection: read.flag('leader_election'),
    upgradesRepository: read.text('upgrades_repository'),
    upgradesOptional: read.flag('upgrades_optional'),
    features: {
      pki: features.flag('pki'),
      jwt: features.flag('jwt') || ed25519,
      ed25519,
      upgrades: features.flag('upgrades'),
    },
  };
  checkSettings(settings);
  return settings;
}

function problem(text: string): ProvisionerError {
  return new ProvisionerError('ERR_PROVISIONER_SETTING', text);
}

function checkSettings(settings: ProvisionerSettings): void {
  const {features} = settings;
  if (settings.intervalMs < provisionerLimits.intervalMsMin) {
    throw problem('interval is too small, minmum is 1 minute.  Valid example values are 10m or 10h');
  }
  if (settings.helper.length === 0) throw problem('Cannot use the configuration: "helper" names no program');
  if (features.pki && features.ed25519) {
    throw problem(
      'Cannot use the configuration: the features "pki" and "ed25519" exclude each other, expected one of them',
    );
  }
  if (features.jwt && settings.jwtVerifyCert === '') {
    throw problem(
      'Cannot use the configuration: the feature "jwt" needs "jwt_verify_cert", by which tokens are verified',
    );
  }
  if (features.ed25519 && settings.jwtSigningKey === '') {
    throw problem(
      'Cannot use the configuration: the feature "ed25519" needs "jwt_signing_key", which signs the tokens of servers',
    );
  }
  if (features.upgrades && settings.upgradesRepository === '') {
    throw problem('Cannot use the configuration: the feature "upgrades" needs "upgrades_repository"');
  }
}

function readDocument(text: string): ReadonlyMap<string, unknown> {
  let value: unknown;
  try {
    value = parseYamlFacts(text);
  } catch (cause) {
    throw new ProvisionerError('ERR_PROVISIONER_SETTING', `Cannot read the configuration: ${errorMessage(cause)}`, {
      cause,
    });
  }
  if (value instanceof Map) return value as ReadonlyMap<string, unknown>;
  throw problem('Cannot read the configuration: expected "key: value" lines in YAML');
}

class Reader {
  readonly #values: ReadonlyMap<string, unknown>;

  constructor(values: ReadonlyMap<string, unknown>) {
    this.#values = values;
  }

  text(key: string): string {
    const value = this.#values.get(key);
    if (value === undefined || value === null) return '';
    if (typeof value === 'string' || typeof value === 'number') return String(value);
    throw this.#wrong(key, 'a text');
  }

  texts(key: string): readonly string[] | undefined {
    const value = this.#values.get(key);
    if (value === undefined || value === null) return undefined;
    if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value;
    throw this.#wrong(key, 'a list of texts');
  }

  flag(key: string): boolean {
    const value = this.#values.get(key);
    if (value === undefined || value === null) return false;
    if (typeof value === 'boolean') return value;
    throw this.#wrong(key, 'true or false');
  }

  whole(key: string, range: {readonly fallback: number; readonly least: number; readonly most: number}): number {
    const value = this.#values.get(key);
    if (value === undefined || value === null || value === 0) return range.fallback;
    if (typeof value === 'number' && Number.isInteger(value) && value >= range.least && value <= range.most)
      return value;
    throw this.#wrong(key, `a whole number from ${range.least} to ${range.most}`);
  }

  duration(key: string, fallbackMs: number): number {
    const text = this.text(key);
    if (text === '') return fallbackMs;
    try {
      return nsToMs(parseExtendedDuration(text));
    } catch {
      throw this.#wrong(key, 'a duration such as 10m or 1y');
    }
  }

  map(key: string): ReadonlyMap<string, unknown> {
    const value = this.#values.get(key);
    if (value === undefined || value === null) return new Map();
    if (value instanceof Map) return value as ReadonlyMap<string, unknown>;
    throw this.#wrong(key, 'a list of "name: true" lines');
  }

  #wrong(key: string, wanted: string): ProvisionerError {
    return problem(`Cannot use the configuration: "${key}" is not ${wanted}`);
  }
}
