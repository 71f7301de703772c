/** Agents and their descriptions on disk. */
import {parseAgentDdl} from '../ddl/index.ts';
import {errorMessage} from '../lib/errors.ts';
import type {Platform} from '../lib/platform.ts';
import {codeOf, type FileFact, inspectFile, textOf} from './files.ts';
import {finding, word} from './finding.ts';
import {doctorLimits} from './limits.ts';
import type {Finding, Subject} from './types.ts';

export interface AgentFacts {
  readonly role: Subject['role'];
  readonly configPath: string;
  readonly missing: readonly string[];
  /** Programs of agents that no description is beside. */
  readonly undescribed: readonly string[];
  readonly descriptions: readonly {readonly ddl: FileFact; readonly program: FileFact}[];
  readonly isWindows: boolean;
}

export async function collectAgents(subject: Subject, platform: Platform): Promise<AgentFacts> {
  const {config, role, configPath} = subject;
  const provider = config.get('plugin.choria.agent_provider.mcorpc.libdir');
  const directories = [...new Set([...config.get('libdir'), ...provider])].filter((path) => path !== '');
  const missing: string[] = [];
  const undescribed: string[] = [];
  const descriptions: {readonly ddl: FileFact; readonly program: FileFact}[] = [];
  for (const directory of directories) {
    if ((await inspectFile(platform.files, directory)).state === 'missing') {
      missing.push(directory);
      continue;
    }
    const folder = `${directory.replace(/\/+$/, '')}/mcollective/agent`;
    const found = await findAgents(platform, folder);
    undescribed.push(...found.undescribed);
    for (const path of found.descriptions) {
      if (descriptions.length >= doctorLimits.itemsMax) break;
      descriptions.push({
        ddl: await inspectFile(platform.files, path, {limitBytes: doctorLimits.policyBytesMax}),
        program: await inspectFile(platform.files, path.slice(0, -'.json'.length)),
      });
    }
  }
  return {role, configPath, missing, undescribed, descriptions, isWindows: platform.host.platform === 'win32'};
}

/** `NAME.json`, and `NAME/NAME.json`, as agents are laid out; and the programs that lie there without one. */
async function findAgents(
  platform: Platform,
  folder: string,
): Promise<{readonly descriptions: readonly string[]; readonly undescribed: readonly string[]}> {
  const {files} = platform;
  const list = async (place: string): Promise<readonly {readonly name: string; readonly kind: string}[]> => {
    try {
      return await files.list(place);
    } catch (error) {
      if (['ENOENT', 'ENOTDIR'].includes(codeOf(error))) return [];
      throw error;
    }
  };
  const descriptions: string[] = [];
  const undescribed: string[] = [];
  const isProgram = async (path: string): Promise<boolean> => {
    const {info} = await inspectFile(files, path);
    return info?.kind === 'file' && (info.mode & 0o111) !== 0;
  };
  const entries = await list(folder);
  const names = new Set(entries.map(({name}) => name));
  for (const {name, kind} of entries) {
    const path = `${folder}/${name}`;
    if (kind === 'directory') {
      if (name === 'tmp') continue;
      const inner = await list(path);
      if (inner.some((item) => item.name === `${name}.json`)) descriptions.push(`${path}/${name}.json`);
      else if (!names.has(`${name}.json`) && (await isProgram(`${path}/${name}`))) undescribed.push(`${path}/${name}`);
    } else if (name.endsWith('.json')) descriptions.push(path);
    else if (name.endsWith('.rb')) {
      const stem = name.slice(0, -'.rb'.length);
      if (!names.has(`${stem}.json`) && !names.has(`${stem}.ddl`)) undescribed.push(path);
    } else if (!name.includes('.') && !names.has(`${name}.json`) && (await isProgram(path))) undescribed.push(path);
  }
  return {descriptions: descriptions.sort(), undescribed: undescribed.sort()};
}

export function judgeAgents(facts: AgentFacts): readonly Finding[] {
  const findings = facts.missing.map((path) =>
    finding('libdir-missing', {
      cause: `${path} in ${facts.configPath} does not exist`,
      fix: `mkdir -p ${word(path)}, or change libdir`,
    }),
  );
  const undescribed = facts.undescribed.map((path) =>
    finding('ddl-missing', {
      cause: `${path} has no description beside it`,
      fix: `copy its description to ${word(`${path.replace(/\.rb$/, '')}.json`)}`,
    }),
  );
  return [...findings, ...undescribed, ...facts.descriptions.flatMap((item) => judgeAgent(item, facts))];
}

function judgeAgent(
  {ddl, program}: AgentFacts['descriptions'][number],
  {role, isWindows}: AgentFacts,
): readonly Finding[] {
  let provider: string;
  try {
    if (ddl.state !== 'present') throw new Error(ddl.reason ?? 'it cannot be read');
    ({provider} = parseAgentDdl(Buffer.from(textOf(ddl)), `"${ddl.path}"`).metadata);
  } catch (error) {
    return [finding('ddl-broken', {cause: `${ddl.path}: ${errorMessage(error)}`, fix: 'choria plugin doc --help'})];
  }
  // Programs run on nodes; clients have the description alone.
  if (role !== 'server' || provider !== 'external') return [];
  const name = program.path.slice(program.path.lastIndexOf('/') + 1);
  if (program.state === 'missing') {
    return [
      finding('agent-program-missing', {
        cause: `${program.path} does not exist`,
        fix: `copy the program "${name}" beside its description`,
      }),
    ];
  }
  const mode = program.info?.mode ?? 0;
  if (isWindows || program.info?.kind !== 'file' || (mode & 0o111) !== 0) return [];
  return [finding('agent-not-executable', {cause: program.path, fix: `chmod +x ${word(program.path)}`})];
}
