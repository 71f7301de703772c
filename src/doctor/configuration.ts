/** The configuration file itself, and settings that any program may have. */
import {dirname} from 'node:path';
import {ChoriaError, errorMessage} from '../lib/errors.ts';
import {logDestinationOf} from '../lib/logger.ts';
import {type Config, type ConfigKey, configKeys, isSecretKey, loadConfig} from '../config/index.ts';
import type {Platform} from '../lib/platform.ts';
import {codeOf, type FileFact, inspectFile, probeLog, type WriteFact} from './files.ts';
import {dateText, finding, modeText, word} from './finding.ts';
import type {FindingCode} from './kinds.ts';
import {doctorLimits} from './limits.ts';
import type {DoctorRole, Finding, Subject} from './types.ts';

export interface ConfigurationFacts {
  readonly role: DoctorRole;
  readonly path: string;
  readonly file: FileFact;
  readonly config?: Config;
  /** Why it could not be loaded. */
  readonly failure?: {readonly code: string; readonly message: string};
  readonly isWindows: boolean;
}

export async function collectConfiguration(
  platform: Platform,
  options: {readonly path: string; readonly role: DoctorRole},
): Promise<ConfigurationFacts> {
  const {path, role} = options;
  const common = {
    role,
    path,
    isWindows: platform.host.platform === 'win32',
    file: await inspectFile(platform.files, path),
  };
  if (common.file.state === 'missing') return common;
  if (common.file.info?.kind === 'directory') {
    return {...common, failure: {code: 'EISDIR', message: `${path} is a directory, expected a file`}};
  }
  try {
    return {...common, config: await loadConfig({platform, mode: role === 'client' ? 'user' : 'server', path})};
  } catch (error) {
    if (!(error instanceof ChoriaError)) throw error;
    const cause = codeOf(error.cause);
    return {...common, failure: {code: cause === '' ? error.code : cause, message: errorMessage(error)}};
  }
}

export function judgeConfiguration(facts: ConfigurationFacts): readonly Finding[] {
  const {file, path, failure, role, config} = facts;
  if (file.state === 'missing') {
    const fix = `choria init ${role === 'client' ? 'user' : 'node'} NAME, or --config FILE with the file that is meant`;
    return [finding('config-missing', {cause: `${path} does not exist`, fix})];
  }
  if (failure !== undefined) {
    const code =
      failure.code.startsWith('ERR_CONFIG_FILE') || !failure.code.startsWith('ERR_')
        ? 'config-unreadable'
        : 'config-contradiction';
    return [finding(code, {cause: failure.message, fix: contradictionFix(code, facts)})];
  }
  return [
    ...judgeMode(facts),
    ...(config === undefined ? [] : config.warnings.filter(isNotJudgedElsewhere).map(warningFinding)),
  ];
}

/** Providers have a finding of their own. */
function isNotJudgedElsewhere(text: string): boolean {
  return !text.includes('"plugin.security.provider"');
}

function contradictionFix(code: FindingCode, {path}: ConfigurationFacts): string {
  return code === 'config-unreadable' ? `ls -l ${word(path)}` : `change or remove one of the settings in ${path}`;
}

function judgeMode({file, path, config, isWindows}: ConfigurationFacts): readonly Finding[] {
  const mode = file.info?.mode;
  if (mode === undefined || isWindows) return [];
  const findings: Finding[] = [];
  if ((mode & 0o022) !== 0) {
    findings.push(
      finding('config-writable', {cause: `${path} has mode ${modeText(mode)}`, fix: `chmod go-w ${word(path)}`}),
    );
  }
  const secrets = [...(config?.rawEntries() ?? [])].filter(([key, value]) => isSecretKey(key) && value !== '');
  if ((mode & 0o044) !== 0 && secrets.length > 0) {
    const names = secrets.map(([key]) => key).join(', ');
    findings.push(
      finding('config-secret-readable', {
        cause: `${path} sets ${names} and has mode ${modeText(mode)}`,
        fix: `chmod 600 ${word(path)}`,
      }),
    );
  }
  return findings;
}

/** The registry of settings says what is odd in one text each; here it gets a code and something to do. */
function warningFinding(text: string): Finding {
  if (text.startsWith('"main_collective"')) {
    return finding('collective-unknown', {cause: text, fix: 'main_collective = NAME, one of collectives'});
  }
  if (text.includes('is not a known setting')) {
    const meant = /did you mean "([^"]+)"/.exec(text)?.[1];
    const fix =
      meant === undefined ? 'remove the line; choria tool config REGEX lists the settings' : `${meant} = VALUE`;
    return finding('config-unknown-setting', {cause: text, fix});
  }
  if (text.includes('sets nothing') || text.includes('is not read')) {
    return finding('config-line-ignored', {cause: text, fix: 'remove the line, or write it as key = value'});
  }
  const key = configKeys.find((name) => text.includes(`"${name}"`));
  return finding('config-value', {
    cause: text,
    fix: key === undefined ? 'correct the line' : `choria tool config ${word(`^${key}$`)}`,
  });
}

/** Switches that client commands take from the environment. */
const insecureVariables: readonly string[] = ['INSECURE_ANON_TLS', 'INSECURE_DISABLE_TLS', 'INSECURE_YES_REALLY'];

export interface SettingsFacts {
  readonly subject: Subject;
  readonly insecure: readonly string[];
  /** Absent: it is no file of its own. */
  readonly log?: WriteFact;
}

export async function collectSettings(subject: Subject, platform: Platform): Promise<SettingsFacts> {
  const isSet = (name: string): boolean => platform.env[name] === 'true';
  const destination = logDestinationOf(subject.config.get('logfile'));
  return {
    subject,
    insecure: subject.role === 'client' ? insecureVariables.filter(isSet) : [],
    ...(typeof destination === 'object' ? {log: await probeLog(platform, destination.path)} : {}),
  };
}

const ttlSecondsMin = 5;
const ttlSecondsMax = 3_600;

export function judgeSettings({subject, insecure, log}: SettingsFacts): readonly Finding[] {
  const {config, nowMs, configPath} = subject;
  const findings: Finding[] = [];
  // Pipes and terminals take lines too, and a full disk is said of what must be written.
  if (log?.code !== undefined && !['EFTYPE', 'ENOSPC', 'EDQUOT'].includes(log.code)) {
    const path = config.get('logfile');
    findings.push(
      finding('log-unwritable', {cause: `${path}: ${log.reason ?? log.code}`, fix: `mkdir -p ${word(dirname(path))}`}),
    );
  }
  if (nowMs < doctorLimits.plausibleTimeMs) {
    findings.push(
      finding('clock-implausible', {cause: `it is ${dateText(nowMs)} here`, fix: 'timedatectl set-ntp true'}),
    );
  }
  for (const name of insecure) {
    findings.push(finding('environment-insecure', {cause: `${name} is true`, fix: `unset ${name}`}));
  }
  const ttl = config.get('ttl');
  if (ttl < ttlSecondsMin || ttl > ttlSecondsMax) {
    findings.push(finding('ttl-range', {cause: `ttl is ${ttl} s in ${configPath}`, fix: 'ttl = 60'}));
  }
  const collectives = config.get('collectives');
  const registration: ConfigKey = 'registration_collective';
  const target = config.get(registration);
  if (target !== config.get('main_collective') && !collectives.includes(target)) {
    findings.push(
      finding('collective-unknown', {
        cause: `${registration} is "${target}" in ${configPath}, and collectives are ${collectives.join(', ')}`,
        fix: `${registration} = ${collectives[0] ?? ''}`,
      }),
    );
  }
  return findings;
}
