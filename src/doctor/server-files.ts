/** Files of a node: facts, classes, the audit log, what it remembers, its status. */
import {dirname} from 'node:path';
import {parseYamlFacts} from '../lang/index.ts';
import {errorMessage} from '../lib/errors.ts';
import {parseJson} from '../lib/json.ts';
import type {Platform} from '../lib/platform.ts';
import {type FileFact, inspectFile, probeDirectory, textOf, type WriteFact} from './files.ts';
import {finding, word} from './finding.ts';
import {doctorLimits} from './limits.ts';
import type {Finding, Subject} from './types.ts';

export interface ServerFileFacts {
  readonly subject: Subject;
  readonly facts: readonly FileFact[];
  readonly classes?: FileFact;
  /** Absent: auditing is off, or has no file. */
  readonly audit?: {readonly file: FileFact; readonly directory: WriteFact};
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
    ...(audit === ''
      ? {}
      : {audit: {file: await inspectFile(files, audit), directory: await probeExisting(platform, dirname(audit))}}),
    ...(stateDirectory === undefined ? {} : {state: await probeDirectory(platform, stateDirectory)}),
    ...(status === '' ? {} : {status: await probeExisting(platform, dirname(status))}),
  };
}

/** For directories that nobody makes. */
async function probeExisting(platform: Platform, directory: string): Promise<WriteFact> {
  const {state} = await inspectFile(platform.files, directory);
  if (state === 'missing') return {path: directory, code: 'ENOENT', reason: `${directory} does not exist`};
  return probeDirectory(platform, directory);
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
  const {path, info} = audit.file;
  const {code, reason} = audit.directory;
  const findings: Finding[] = [];
  if (code === 'ENOSPC' || code === 'EDQUOT') findings.push(diskFull(audit.directory));
  else if (code !== undefined)
    findings.push(
      finding('audit-unwritable', {cause: `${path}: ${reason ?? code}`, fix: `mkdir -p ${word(dirname(path))}`}),
    );
  else if (info !== undefined && info.kind !== 'file')
    findings.push(finding('audit-unwritable', {cause: `${path} is not a file`, fix: 'plugin.rpcaudit.logfile = PATH'}));
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
  if (state.code === 'ENOSPC' || state.code === 'EDQUOT') return [diskFull(state)];
  const cause = `${state.path}: ${state.reason ?? state.code}`;
  return [finding('state-unwritable', {cause, fix: 'plugin.choria.server.state_directory = PATH'})];
}

function judgeStatus({status}: ServerFileFacts): readonly Finding[] {
  if (status?.code === undefined || status.code === 'ENOSPC' || status.code === 'EDQUOT') return [];
  const cause = `${status.path}: ${status.reason ?? status.code}`;
  return [finding('status-unwritable', {cause, fix: `mkdir -p ${word(status.path)}`})];
}

function diskFull({path, reason}: WriteFact): Finding {
  return finding('disk-full', {cause: `${path}: ${reason ?? 'no space left'}`, fix: `df -h ${word(path)}`});
}
