/** Whether requests are authorised, and whether the policies say what they seem to. */
import {dirname, join} from 'node:path';
import {parsePolicy} from '../authz/index.ts';
import type {Platform} from '../lib/platform.ts';
import {codeOf, type FileFact, inspectFile, textOf} from './files.ts';
import {finding, modeText, word} from './finding.ts';
import {doctorLimits} from './limits.ts';
import type {Finding, Subject} from './types.ts';

export interface PolicyFacts {
  readonly subject: Subject;
  readonly directory: string;
  readonly policies: readonly FileFact[];
  readonly groups: FileFact;
  /** The directory itself: who may write it may replace what is in it. */
  readonly folder: FileFact;
  readonly isWindows: boolean;
}

/** Undefined for everything but servers that authorise by Action Policy. */
export async function collectPolicies(subject: Subject, platform: Platform): Promise<PolicyFacts | undefined> {
  const {config, role, configPath} = subject;
  if (role !== 'server' || !config.get('rpcauthorization')) return undefined;
  if (config.get('rpcauthprovider').toLowerCase() !== 'action_policy') return undefined;
  const {files} = platform;
  const directory = join(dirname(configPath), 'policies');
  const names = (await namesIn(platform, directory))
    .filter((name) => name.endsWith('.policy'))
    .slice(0, doctorLimits.itemsMax);
  const read = (name: string): Promise<FileFact> =>
    inspectFile(files, join(directory, name), {limitBytes: doctorLimits.policyBytesMax});
  return {
    subject,
    directory,
    policies: await Promise.all(names.map(read)),
    groups: await read('groups'),
    folder: await inspectFile(files, directory),
    isWindows: platform.host.platform === 'win32',
  };
}

export async function namesIn(platform: Platform, directory: string): Promise<readonly string[]> {
  try {
    return (await platform.files.list(directory)).map((entry) => entry.name).sort();
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(codeOf(error))) return [];
    throw error;
  }
}

export function judgeAuthorization({config, role, configPath}: Subject): readonly Finding[] {
  if (role !== 'server') return [];
  if (!config.get('rpcauthorization')) {
    return [
      finding('authorization-off', {cause: `rpcauthorization is off in ${configPath}`, fix: 'rpcauthorization = true'}),
    ];
  }
  const provider = config.get('rpcauthprovider');
  if (['action_policy', 'rego_policy', 'aaasvc', 'aaasvc_policy'].includes(provider.toLowerCase())) return [];
  const cause = `rpcauthprovider is "${provider}" in ${configPath}`;
  return [finding('authorization-provider', {cause, fix: 'rpcauthprovider = action_policy'})];
}

export function judgePolicies(facts: PolicyFacts): readonly Finding[] {
  const {subject, directory, policies, groups} = facts;
  const findings: Finding[] = [];
  const isOpen = isOn(subject.config.raw('plugin.actionpolicy.allow_unconfigured'));
  if (isOpen) {
    const cause = `plugin.actionpolicy.allow_unconfigured is on in ${subject.configPath}`;
    findings.push(finding('policy-open', {cause, fix: 'plugin.actionpolicy.allow_unconfigured = false'}));
  }
  if (policies.length === 0 && !isOpen) {
    const fix = `write ${word(join(directory, 'AGENT.policy'))}; choria init makes a set to begin with`;
    return [finding('policy-none', {cause: `${directory} holds no policy`, fix}), ...findings];
  }
  return [
    ...findings,
    ...judgeDefault(facts),
    ...[facts.folder, ...policies, groups].flatMap((file) => judgeMode(file, facts)),
    ...policies.flatMap(judgePolicy),
    ...judgeGroups(groups),
  ];
}

function isOn(text: string | undefined): boolean {
  return ['1', 'yes', 'true', 'y', 't'].includes((text ?? '').trim().toLowerCase());
}

function judgeDefault({subject, directory, policies}: PolicyFacts): readonly Finding[] {
  const {config} = subject;
  if (!isOn(config.raw('plugin.actionpolicy.enable_default'))) return [];
  const path = join(directory, `${config.raw('plugin.actionpolicy.default_name') ?? 'default'}.policy`);
  if (policies.some((file) => file.path === path)) return [];
  return [
    finding('policy-default-missing', {
      cause: `${path} does not exist`,
      fix: `write ${word(path)}: policy default deny`,
    }),
  ];
}

export function judgeMode({path, info}: FileFact, {isWindows}: {readonly isWindows: boolean}): readonly Finding[] {
  const mode = info?.mode ?? 0;
  if (isWindows || (mode & 0o022) === 0) return [];
  return [finding('policy-writable', {cause: `${path} has mode ${modeText(mode)}`, fix: `chmod go-w ${word(path)}`})];
}

function judgePolicy(file: FileFact): readonly Finding[] {
  const {path} = file;
  const text = textOf(file);
  if (file.state !== 'present' || text.includes('\ufffd')) {
    const cause = `${path}: ${file.reason ?? 'it is not UTF-8 text'}`;
    return [finding('policy-unreadable', {cause, fix: `ls -l ${word(path)}`})];
  }
  return parsePolicy(text).warnings.map(({line, message, loosens}) =>
    finding(loosens ? 'policy-deny-lost' : 'policy-line', {
      cause: `${path}:${line}: ${message}`,
      fix: 'allow|deny, callers, actions, facts and classes, with tabs between them',
    }),
  );
}

/** `name member member`; names are plain words. */
function judgeGroups(file: FileFact): readonly Finding[] {
  if (file.state !== 'present') return [];
  return textOf(file)
    .split('\n')
    .map((text, index) => ({text: text.replace(/\r$/, ''), line: index + 1}))
    .filter(({text}) => text.trim() !== '' && !text.startsWith('#'))
    .filter(({text}) => !/^[0-9A-Za-z_.-]+ +\S/.test(text))
    .map(({text, line}) =>
      finding('policy-group', {
        cause: `${file.path}:${line}: ${text}`,
        fix: 'name choria=first.mcollective choria=second.mcollective',
      }),
    );
}
