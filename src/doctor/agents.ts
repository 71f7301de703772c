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
  readonly descriptions: readonly {readonly ddl: FileFact; readonly program: FileFact}[];
  readonly isWindows: boolean;
}

export async function collectAgents(subject: Subject, platform: Platform): Promise<AgentFacts> {
  const {config, role, configPath} = subject;
  const provider = config.get('plugin.choria.agent_provider.mcorpc.libdir');
  const directories = [...new Set([...config.get('libdir'), ...provider])].filter((path) => path !== '');
  const missing: string[] = [];
  const descriptions: {readonly ddl: FileFact; readonly program: FileFact}[] = [];
  for (const directory of directories) {
    if ((await inspectFile(platform.files, directory)).state === 'missing') {
      missing.push(directory);
      continue;
    }
    const folder = `${directory.replace(/\/+$/, '')}/mcollective/agent`;
    for (const path of await findDescriptions(platform, folder)) {
      if (descriptions.length >= doctorLimits.itemsMax) break;
      descriptions.push({
        ddl: await inspectFile(platform.files, path, {limitBytes: doctorLimits.policyBytesMax}),
        program: await inspectFile(platform.files, path.slice(0, -'.json'.length)),
      });
    }
  }
  return {role, configPath, missing, descriptions, isWindows: platform.host.platform === 'win32'};
}

/** `NAME.json`, and `NAME/NAME.json`, as external agents are laid out. */
async function findDescriptions(platform: Platform, folder: string): Promise<readonly string[]> {
  const list = async (place: string): Promise<readonly {readonly name: string; readonly kind: string}[]> => {
    try {
      return await platform.files.list(place);
    } catch (error) {
      if (['ENOENT', 'ENOTDIR'].includes(codeOf(error))) return [];
      throw error;
    }
  };
  const paths: string[] = [];
  for (const entry of await list(folder)) {
    if (entry.kind !== 'directory') {
      if (entry.name.endsWith('.json')) paths.push(`${folder}/${entry.name}`);
      continue;
    }
    const inner = await list(`${folder}/${entry.name}`);
    if (inner.some((item) => item.name === `${entry.name}.json`))
      paths.push(`${folder}/${entry.name}/${entry.name}.json`);
  }
  return paths.sort();
}

export function judgeAgents(facts: AgentFacts): readonly Finding[] {
  const findings = facts.missing.map((path) =>
    finding('libdir-missing', {
      cause: `${path} in ${facts.configPath} does not exist`,
      fix: `mkdir -p ${word(path)}, or change libdir`,
    }),
  );
  return [...findings, ...facts.descriptions.flatMap((item) => judgeAgent(item, facts))];
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
