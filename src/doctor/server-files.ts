/** Files of a node: facts, classes, the audit log, what it remembers, its status. */
import {dirname} from 'node:path';
import {parseYamlFacts} from '../lang/index.ts';
import {errorMessage} from '../lib/errors.ts';
import {parseJson} from '../lib/json.ts';
import type {Platform} from '../lib/platform.ts';
import {type FileFact, inspectFile, probeDirectory, probeExisting, probeLog, textOf, type WriteFact} from './files.ts';
import {finding, word} from './finding.ts';
import {doctorLimits} from './limits.ts';
import type {Finding, Subject} from './types.ts';

export interface ServerFileFacts {
  readonly subject: Subject;
  readonly facts: readonly FileFact[];
  readonly classes?: FileFact;
  /** Absent: auditing is off, or has no file. */
  readonly audit?: WriteFact;
  readonly state?: WriteFact;
  readonly status?: WriteFact;
}

/** @param options.stateDirectory  where a server of this configuration keeps what it must not forget; undefined when it has no place */
export async function collectServerFiles(
  subject: Subject,
  options: {readonly platform: Platform; readonly stateDirectory: string | undefined},
): Promise<ServerFileFacts | undefined> {
  const {config, role} = subject;
  if (role !== 'server') return undefined;
  const {platform, stateDirectory} = options;
  const {files, host} = platform;
  const factPaths = config
    .get('plugin.yaml')
    .split(host.platform === 'win32' ? ';' : ':')
    .filter((path) => path !== '');
  const classes = config.get('classesfile');
  const audit = config.get('rpcaudit') ? config.get('plugin.rpcaudit.logfile') : '';
  const status = config.get('plugin.choria.status_file_path');
  return {
    subject,
    facts: await Promise.all(
      factPaths.map((path) => inspectFile(files, path, {limitBytes: doctorLimits.factsBytesMax})),
    ),
    ...(classes === '' ? {} : {classes: await inspectFile(files, classes)}),
    ...(audit === '' ? {} : {audit: await probeLog(platform, audit)}),
    ...(stateDirectory === undefined ? {} : {state: await probeDirectory(platform, stateDirectory)}),
    ...(status === '' ? {} : {status: await probeExisting(platform, dirname(status))}),
  };
}

export function judgeServerFiles(facts: ServerFileFacts): readonly Finding[] {
  return [
    ...facts.facts.flatMap(judgeFacts),
    ...judgeClasses(facts),
    ...judgeAudit(facts),
    ...judgeState(facts),
    ...judgeStatus(facts),
  ];
}

function judgeFacts(file: FileFact): readonly Finding[] {
  const {path} = file;
  if (file.state === 'missing') {
    return [
      finding('facts-missing', {cause: `${path} does not exist`, fix: `plugin.yaml = PATH, or write ${word(path)}`}),
    ];
  }
  const problem = file.state === 'unreadable' ? (file.reason ?? 'it cannot be read') : factProblem(file);
  if (problem === undefined) return [];
  return [
    finding('facts-unreadable', {
      cause: `${path}: ${problem}`,
      fix: 'choria facts --help; facts are one YAML or JSON mapping',
    }),
  ];
}

function factProblem(file: FileFact): string | undefined {
  const text = textOf(file);
  try {
    const value: unknown = file.path.endsWith('.json')
      ? parseJson(text, {bytesMax: doctorLimits.factsBytesMax})
      : parseYamlFacts(text);
    return typeof value === 'object' ? undefined : 'it holds no mapping';
  } catch (error) {
    return errorMessage(error);
  }
}

/** The default place belongs to Puppet, which many nodes do not have. */
function judgeClasses({subject, classes}: ServerFileFacts): readonly Finding[] {
  if (classes === undefined || classes.state === 'present' || !subject.config.has('classesfile')) return [];
  return [
    finding('classes-missing', {
      cause: `${classes.path} ${classes.reason ?? 'does not exist'}`,
      fix: `classesfile = PATH, or touch ${word(classes.path)}`,
    }),
  ];
}

function judgeAudit({subject, audit}: ServerFileFacts): readonly Finding[] {
  const {config, configPath} = subject;
  if (!config.get('rpcaudit')) return [];
  if (audit === undefined) {
    const cause = `rpcaudit is on in ${configPath}, and plugin.rpcaudit.logfile is not set`;
    return [finding('audit-nowhere', {cause, fix: 'plugin.rpcaudit.logfile = /var/log/choria/audit.log'})];
  }
  const {code, reason} = audit;
  const path = config.get('plugin.rpcaudit.logfile');
  const findings: Finding[] = [];
  if (isFull(audit)) findings.push(diskFull(audit));
  else if (code !== undefined) {
    const fix = code === 'ENOENT' ? `mkdir -p ${word(dirname(path))}` : 'plugin.rpcaudit.logfile = PATH';
    findings.push(finding('audit-unwritable', {cause: `${path}: ${reason ?? code}`, fix}));
  }
  const mode = config.get('plugin.rpcaudit.logfile.mode');
  if (mode !== '' && !/^0?[0-7]{3}$/.test(mode)) {
    findings.push(
      finding('audit-mode', {
        cause: `plugin.rpcaudit.logfile.mode is "${mode}" in ${configPath}`,
        fix: 'plugin.rpcaudit.logfile.mode = 0600',
      }),
    );
  }
  return findings;
}

function judgeState({state}: ServerFileFacts): readonly Finding[] {
  if (state?.code === undefined) return [];
  if (isFull(state)) return [diskFull(state)];
  const cause = `${state.path}: ${state.reason ?? state.code}`;
  return [finding('state-unwritable', {cause, fix: 'plugin.choria.server.state_directory = PATH'})];
}

function judgeStatus({status}: ServerFileFacts): readonly Finding[] {
  if (status?.code === undefined || isFull(status)) return [];
  const cause = `${status.path}: ${status.reason ?? status.code}`;
  return [finding('status-unwritable', {cause, fix: `mkdir -p ${word(status.path)}`})];
}

function isFull({code}: WriteFact): boolean {
  return code === 'ENOSPC' || code === 'EDQUOT';
}

function diskFull({path, reason}: WriteFact): Finding {
  return finding('disk-full', {cause: `${path}: ${reason ?? 'no space left'}`, fix: `df -h ${word(path)}`});
}
