/** The way to the brokers: settings, DNS, ports, TLS, authentication, permissions, clocks. */
import {
  chooseSecurityProvider,
  type Connection,
  connectSecurity,
  openConnection,
  parseServerUrl,
  resolveServers,
  securitySwitches,
  type ServerUrl,
} from '../connect/index.ts';
import {errorMessage} from '../lib/errors.ts';
import {parseIpAddress} from '../lib/ip-address.ts';
import {isJsonObject, jsonField, parseJson} from '../lib/json.ts';
import {silentLogger} from '../lib/logger.ts';
import type {Platform} from '../lib/platform.ts';
import {broadcastSubject, inboxPrefix, nodeSubject} from '../protocol/index.ts';
import {codeOf} from './files.ts';
import {finding, word} from './finding.ts';
import type {FindingCode} from './kinds.ts';
import {doctorLimits} from './limits.ts';
import type {Finding, Subject} from './types.ts';

export interface NetworkFacts {
  readonly subject: Subject;
  readonly invalid: readonly {readonly address: string; readonly reason: string}[];
  /** Where the addresses come from. */
  readonly source: 'settings' | 'srv' | 'default';
  readonly brokers: readonly BrokerFacts[];
}

export interface BrokerFacts {
  readonly address: string;
  readonly host: string;
  readonly port: number;
  /** Why the name has no address. */
  readonly unresolved?: string;
  /** Absent: not tried, or it went well. */
  readonly failure?: ConnectFailure;
  /** What the broker did not permit, in its words. */
  readonly refused: readonly string[];
  /** Clock of the broker less ours; absent when it does not tell. */
  readonly skewMs?: number;
}

export interface ConnectFailure {
  /** Of the error and of everything that caused it. */
  readonly codes: readonly string[];
  readonly message: string;
}

/**
 * @param options.isUsable  false when the credentials are known to be useless: then only names and ports are tried, because every later
 * failure would say the same again
 */
export async function collectNetwork(
  subject: Subject,
  options: {readonly platform: Platform; readonly isUsable: boolean; readonly signal?: AbortSignal},
): Promise<NetworkFacts | undefined> {
  const {config, role} = subject;
  if (role === 'broker') return undefined;
  const configured = config.get('plugin.choria.middleware_hosts').filter((item) => item !== '');
  const addresses =
    configured.length === 0
      ? await resolveServers(config, {platform: options.platform, ignoreFederation: true})
      : configured;
  const source = configured.length > 0 ? 'settings' : addresses.join() === 'nats://puppet:4222' ? 'default' : 'srv';
  const invalid: {readonly address: string; readonly reason: string}[] = [];
  const urls: {readonly address: string; readonly url: ServerUrl}[] = [];
  for (const address of addresses.slice(0, doctorLimits.brokersMax)) {
    try {
      urls.push({address, url: parseServerUrl(address)});
    } catch (error) {
      invalid.push({address, reason: errorMessage(error)});
    }
  }
  // The default is a guess; what is wrong is that there is nothing else.
  const tried = source === 'default' ? [] : urls;
  const brokers = await Promise.all(tried.map(({address, url}) => examine({subject, address, url}, options)));
  return {subject, invalid, source, brokers};
}

interface Target {
  readonly subject: Subject;
  readonly address: string;
  readonly url: ServerUrl;
}

type Options = Parameters<typeof collectNetwork>[1];

async function examine(target: Target, options: Options): Promise<BrokerFacts> {
  const {address, url} = target;
  const common = {address, host: url.host, port: url.port, refused: []};
  const unresolved = await resolve(url.host, options.platform);
  if (unresolved !== undefined) return {...common, unresolved};
  try {
    if (!options.isUsable) {
      await tryPort(url, options);
      return common;
    }
    return {...common, ...(await converse(target, options))};
  } catch (error) {
    return {...common, failure: {codes: codesOf(error), message: errorMessage(error)}};
  }
}

async function resolve(host: string, platform: Platform): Promise<string | undefined> {
  if (parseIpAddress(host) !== undefined) return undefined;
  const controller = new AbortController();
  const timer = platform.clock.setTimer(
    () => controller.abort(new Error(`no answer in ${doctorLimits.lookupTimeoutMs} ms`)),
    doctorLimits.lookupTimeoutMs,
    {background: true},
  );
  try {
    const addresses = await platform.names.lookup(host, {signal: controller.signal});
    return addresses.length === 0 ? 'it has no address' : undefined;
  } catch (error) {
    return errorMessage(error);
  } finally {
    timer.cancel();
  }
}

async function tryPort({host, port}: ServerUrl, {platform}: Options): Promise<void> {
  const stream = await platform.network.connect({host, port, timeoutMs: doctorLimits.connectTimeoutMs});
  stream.destroy();
}

/** Codes along the chain of causes, outermost first. */
function codesOf(error: unknown): readonly string[] {
  const codes: string[] = [];
  let current: unknown = error;
  for (let depth = 0; depth < 8 && current instanceof Error; depth += 1) {
    const details = (current as {readonly details?: Readonly<Record<string, unknown>>}).details;
    for (const code of [codeOf(current), details?.['code']])
      if (typeof code === 'string' && code !== '') codes.push(code);
    current = current.cause;
  }
  return codes;
}

/** Connects as the program would, subscribes to what it would, and asks for the time. */
async function converse(
  {subject, address}: Target,
  {platform, signal}: Options,
): Promise<Pick<BrokerFacts, 'refused' | 'skewMs'>> {
  const {config, role} = subject;
  const mode = role === 'client' ? 'client' : 'server';
  const provider = await chooseSecurityProvider(config, {platform, mode, logger: silentLogger});
  const name = role === 'client' ? provider.callerId : config.get('identity');
  const collective = config.get('main_collective');
  const refused: string[] = [];
  const connection = await openConnection({
    platform,
    name,
    servers: [address],
    ...connectSecurity(config, {provider, switches: securitySwitches({platform, mode, logger: silentLogger})}),
    inboxPrefix: inboxPrefix(collective, name),
    connectTimeoutMs: doctorLimits.connectTimeoutMs,
    attemptsMax: 1,
    ...(signal === undefined ? {} : {signal}),
    events: {
      error: (error) => {
        if (codeOf(error) === 'ERR_PERMISSION') refused.push(errorMessage(error));
      },
    },
  });
  try {
    for (const wanted of subjectsOf(subject, inboxPrefix(collective, name)))
      connection.subscribe(wanted, () => undefined);
    await connection.flush({timeoutMs: doctorLimits.connectTimeoutMs});
    const skewMs = refused.length === 0 ? await measureSkew(connection, platform) : undefined;
    return {refused, ...(skewMs === undefined ? {} : {skewMs})};
  } finally {
    await connection.close();
  }
}

/** What a program of this role has to hear. */
function subjectsOf({role, config}: Subject, inbox: string): readonly string[] {
  if (role === 'client') return [`${inbox}.>`];
  return config
    .get('collectives')
    .flatMap((collective) => [
      nodeSubject(collective, config.get('identity')),
      broadcastSubject(collective, 'discovery'),
    ]);
}

/** Brokers tell their time to those who ask who they are; others say nothing, which is no fault. */
async function measureSkew(connection: Connection, platform: Platform): Promise<number | undefined> {
  const beforeMs = platform.clock.nowMs();
  try {
    const answer = await connection.request('$SYS.REQ.USER.INFO', Buffer.alloc(0), {timeoutMs: timeAnswerMs});
    const value = parseJson(answer.payload, {bytesMax: answerBytesMax});
    const server = isJsonObject(value) ? jsonField(value, 'server') : undefined;
    const time = isJsonObject(server) ? jsonField(server, 'time') : undefined;
    const atMs = typeof time === 'string' ? Date.parse(time) : Number.NaN;
    if (Number.isNaN(atMs)) return undefined;
    return atMs - (beforeMs + platform.clock.nowMs()) / 2;
  } catch (error) {
    if (error instanceof Error) return undefined;
    throw error;
  }
}

const timeAnswerMs = 500;
const answerBytesMax = 65_536;

export function judgeNetwork(facts: NetworkFacts): readonly Finding[] {
  const {subject, invalid, source} = facts;
  const {config, configPath} = subject;
  const hosts = 'plugin.choria.middleware_hosts';
  const findings = invalid.map(({address, reason}) =>
    finding('broker-address', {
      cause: `${hosts} has ${JSON.stringify(address)} in ${configPath}: ${reason}`,
      fix: `${hosts} = broker.example.net:4222`,
    }),
  );
  if (source === 'default') {
    const usesSrv = config.get('plugin.choria.use_srv');
    const cause = usesSrv
      ? `${hosts} is not set in ${configPath} and DNS has no SRV record of brokers`
      : `${hosts} is not set in ${configPath} and SRV look-ups are off`;
    findings.push(
      finding(usesSrv ? 'srv-missing' : 'broker-default', {cause, fix: `${hosts} = broker.example.net:4222`}),
    );
  }
  return [...findings, ...facts.brokers.flatMap((broker) => judgeBroker(broker, subject))];
}

function judgeBroker(broker: BrokerFacts, subject: Subject): readonly Finding[] {
  const {address, host, unresolved, failure, refused, skewMs} = broker;
  if (unresolved !== undefined) {
    return [finding('name-unresolved', {cause: `${host}: ${unresolved}`, fix: `getent hosts ${word(host)}`})];
  }
  if (failure !== undefined) return [judgeFailure(broker, failure)];
  const findings: Finding[] = refused
    .slice(0, 1)
    .map((text) => finding('permission-refused', {cause: `${address}: ${text}`, fix: permissionFix(subject)}));
  if (skewMs !== undefined && Math.abs(skewMs) > doctorLimits.clockSkewMsMax) {
    const seconds = Math.round(Math.abs(skewMs) / 1_000);
    const cause = `the clock of ${address} is ${seconds} s ${skewMs > 0 ? 'ahead of' : 'behind'} this one`;
    findings.push(finding('clock-skew', {cause, fix: 'timedatectl set-ntp true'}));
  }
  return findings;
}

function permissionFix({role}: Subject): string {
  return role === 'server'
    ? 'identity = NAME, the name of the certificate or token; on the broker: plugin.choria.network.deny_server_connections = false'
    : 'choria init user NAME, and use its certificate';
}

interface Cure {
  readonly codes: readonly string[];
  readonly finding: FindingCode;
  readonly fix: (broker: BrokerFacts) => string;
}

/** The first line one of whose codes is among those of the failure. */
const cures: readonly Cure[] = [
  {codes: ['ENOTFOUND', 'EAI_AGAIN'], finding: 'name-unresolved', fix: ({host}) => `getent hosts ${word(host)}`},
  {codes: ['ECONNREFUSED'], finding: 'port-refused', fix: () => 'choria broker run --config broker.conf'},
  {
    codes: ['ERR_TLS_NOT_OFFERED'],
    finding: 'tls-not-offered',
    fix: () => 'start the broker with its certificate, without --disable-tls',
  },
  {
    codes: ['CERT_HAS_EXPIRED'],
    finding: 'tls-broker-expired',
    fix: ({host}) => `choria init renew ${word(host)}, copy the certificate and restart the broker`,
  },
  {
    codes: ['ERR_TLS_CERT_ALTNAME_INVALID'],
    finding: 'tls-broker-name',
    fix: ({port}) => `plugin.choria.middleware_hosts = NAME:${port}, with a name of the certificate`,
  },
  {
    codes: [
      'SELF_SIGNED_CERT_IN_CHAIN',
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
      'UNABLE_TO_GET_ISSUER_CERT',
      'CERT_SIGNATURE_FAILURE',
      'CERT_UNTRUSTED',
      'INVALID_CA',
    ],
    finding: 'tls-broker-untrusted',
    fix: () => 'plugin.security.file.ca = PATH of the authority that issued the certificate of the broker',
  },
  {
    codes: ['ERR_AUTHORIZATION', 'ERR_AUTHENTICATION_EXPIRED'],
    finding: 'authentication-refused',
    fix: () => 'look at the log of the broker: it says why it refused',
  },
  {
    codes: ['ERR_BROKER_PROTOCOL', 'ERR_TLS_REQUIRED'],
    finding: 'broker-protocol',
    fix: ({host, port}) => `ss -ltnp 'sport = :${port}' on ${word(host)}`,
  },
  {
    codes: ['ERR_CONNECT_TLS', 'ERR_NETWORK_TLS_HANDSHAKE', 'ERR_CONNECTION_LOST', 'EPROTO', 'ECONNRESET'],
    finding: 'tls-handshake',
    fix: ({host, port}) => `openssl s_client -starttls nats -connect ${word(`${host}:${port}`)}`,
  },
];

function judgeFailure(broker: BrokerFacts, {codes, message}: ConnectFailure): Finding {
  const cure = cures.find((item) => item.codes.some((code) => codes.includes(code)));
  if (cure !== undefined) return finding(cure.finding, {cause: message, fix: cure.fix(broker)});
  return finding('port-unreachable', {cause: message, fix: `nc -vz ${word(broker.host)} ${broker.port}`});
}
