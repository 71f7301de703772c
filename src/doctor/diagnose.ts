/** Collects facts topic by topic, judges them, and puts the findings in order. */
import type {Platform} from '../lib/platform.ts';
import {collectAgents, judgeAgents} from './agents.ts';
import {collectBrokerSetup, judgeBrokerSetup} from './broker.ts';
import {collectConfiguration, collectSettings, judgeConfiguration, judgeSettings} from './configuration.ts';
import {collectCredentials, judgeCredentials, judgeProvider, judgeTrustSettings} from './credentials.ts';
import {collectNetwork, judgeNetwork} from './network.ts';
import {collectPolicies, judgeAuthorization, judgePolicies} from './policies.ts';
import {collectRegoPolicies, judgeRegoPolicies} from './rego.ts';
import {collectRevocations, judgeRevocations} from './revocations.ts';
import {collectServerFiles, judgeServerFiles} from './server-files.ts';
import {collectTokens, judgeTokens, judgeTrust} from './tokens.ts';
import type {Config} from '../config/index.ts';
import type {DoctorRole, Finding, Subject} from './types.ts';

export interface DiagnoseOptions {
  readonly platform: Platform;
  readonly configPath: string;
  /** Absent: what the file looks like. */
  readonly role?: DoctorRole;
  /** Touches files only. */
  readonly isOffline: boolean;
  /** Where a server of this configuration keeps what it must not forget. */
  readonly stateDirectory: (config: Config) => string | undefined;
  readonly signal?: AbortSignal;
}

export interface Diagnosis {
  readonly role: DoctorRole;
  readonly configPath: string;
  /** Errors first; nothing twice. */
  readonly findings: readonly Finding[];
}

/**
 * @example
 * const {findings} = await diagnose({platform, configPath: '/etc/choria/server.conf', isOffline: false, stateDirectory});
 */
export async function diagnose(options: DiagnoseOptions): Promise<Diagnosis> {
  const {platform, configPath} = options;
  const role = options.role ?? (await guessRole(platform, configPath));
  const configuration = await collectConfiguration(platform, {path: configPath, role});
  const findings = [...judgeConfiguration(configuration)];
  if (configuration.config !== undefined) {
    const subject = {role, config: configuration.config, configPath, nowMs: platform.clock.nowMs()};
    findings.push(...(await examine(subject, {...options, platform: asSeenBy(role, platform)})));
  }
  return {role, configPath, findings: inOrder(findings)};
}

/** The name that a person's shell gives to requests is not that of a daemon. */
function asSeenBy(role: DoctorRole, platform: Platform): Platform {
  if (role === 'client') return platform;
  const {MCOLLECTIVE_CERTNAME: _name, ...env} = platform.env;
  return {...platform, env};
}

async function examine(subject: Subject, options: DiagnoseOptions): Promise<readonly Finding[]> {
  const {platform, isOffline, signal} = options;
  const local: Finding[] = [
    ...judgeSettings(await collectSettings(subject, platform)),
    ...judgeProvider(subject),
    ...judgeTrustSettings(subject),
    ...judgeTrust(subject),
    ...judged(await collectCredentials(subject, platform), judgeCredentials),
    ...judged(await collectTokens(subject, platform), judgeTokens),
    ...judged(await collectRevocations(subject, platform), judgeRevocations),
  ];
  // With credentials that cannot work, every step of a connection would fail for the reason that is known already.
  // With checks turned off the connection tried would not be the one that is meant.
  const isUsable = !local.some((item) => item.severity === 'error' || item.code === 'environment-insecure');
  const network = isOffline
    ? undefined
    : await collectNetwork(subject, {platform, isUsable, ...(signal === undefined ? {} : {signal})});
  return [
    ...local,
    ...judged(network, judgeNetwork),
    ...judged(await collectBrokerSetup(subject, {platform, isOffline}), judgeBrokerSetup),
    ...judgeAuthorization(subject),
    ...judged(await collectPolicies(subject, platform), judgePolicies),
    ...judged(await collectRegoPolicies(subject, platform), judgeRegoPolicies),
    ...judgeAgents(await collectAgents(subject, platform)),
    ...judged(
      await collectServerFiles(subject, {platform, stateDirectory: options.stateDirectory(subject.config)}),
      judgeServerFiles,
    ),
  ];
}

function judged<Facts>(facts: Facts | undefined, judge: (facts: Facts) => readonly Finding[]): readonly Finding[] {
  return facts === undefined ? [] : judge(facts);
}

/** A file says what it is for by what it sets. */
async function guessRole(platform: Platform, path: string): Promise<DoctorRole> {
  const {config} = await collectConfiguration(platform, {path, role: 'server'});
  const isBroker = config?.get('plugin.choria.broker_network') === true || /broker\.(?:conf|cfg)$/.test(path);
  if (isBroker) return 'broker';
  const isServer =
    /server\.(?:conf|cfg)$/.test(path) ||
    ['classesfile', 'plugin.yaml', 'rpcaudit', 'registerinterval'].some((key) => config?.has(key) === true);
  return isServer ? 'server' : 'client';
}

function inOrder(findings: readonly Finding[]): readonly Finding[] {
  const unique = new Map(findings.map((item) => [`${item.code} ${item.cause}`, item]));
  const all = [...unique.values()];
  return [...all.filter((item) => item.severity === 'error'), ...all.filter((item) => item.severity === 'warning')];
}
