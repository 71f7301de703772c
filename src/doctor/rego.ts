/** Rego policies of a server: whether they are there, compile, and are nobody else's to change. */
import {dirname, join} from 'node:path';
import {AuthzError, createOpaCompiler, serverQuery} from '../authz/index.ts';
import type {Platform} from '../lib/platform.ts';
import {type FileFact, inspectFile, textOf} from './files.ts';
import {finding, word} from './finding.ts';
import {doctorLimits} from './limits.ts';
import {judgeMode, namesIn} from './policies.ts';
import type {Finding, Subject} from './types.ts';

export interface RegoFacts {
  readonly directory: string;
  readonly folder: FileFact;
  readonly policies: readonly RegoPolicyFact[];
  readonly isWindows: boolean;
}

interface RegoPolicyFact {
  readonly file: FileFact;
  /** Absent: it can be used. */
  readonly problem?: {readonly isOpa: boolean; readonly message: string};
}

/** Undefined for everything but servers that authorise by Rego. */
export async function collectRegoPolicies(subject: Subject, platform: Platform): Promise<RegoFacts | undefined> {
  const {config, role, configPath} = subject;
  if (role !== 'server' || !config.get('rpcauthorization')) return undefined;
  if (config.get('rpcauthprovider').toLowerCase() !== 'rego_policy') return undefined;
  const directory = join(dirname(configPath), 'policies', 'rego');
  const names = await namesIn(platform, directory);
  const program = config.get('plugin.regopolicy.opa');
  const compiler = createOpaCompiler({platform, ...(program === '' ? {} : {program})});
  const policies: RegoPolicyFact[] = [];
  for (const name of names.filter((item) => /\.(?:rego|wasm)$/.test(item)).slice(0, doctorLimits.itemsMax)) {
    const path = join(directory, name);
    // What is compiled is used in place of its text.
    if (name.endsWith('.wasm')) policies.push({file: await inspectFile(platform.files, path)});
    else if (!names.includes(name.replace(/rego$/, 'wasm'))) {
      const file = await inspectFile(platform.files, path, {limitBytes: doctorLimits.policyBytesMax});
      policies.push({file, ...(await compileProblem(file, compiler))});
    }
  }
  const folder = await inspectFile(platform.files, directory);
  return {directory, folder, policies, isWindows: platform.host.platform === 'win32'};
}

async function compileProblem(
  file: FileFact,
  compiler: ReturnType<typeof createOpaCompiler>,
): Promise<Pick<RegoPolicyFact, 'problem'>> {
  if (file.state !== 'present') return {problem: {isOpa: false, message: file.reason ?? 'it cannot be read'}};
  try {
    await compiler.compile(textOf(file), serverQuery);
    return {};
  } catch (error) {
    if (!(error instanceof AuthzError)) throw error;
    return {problem: {isOpa: error.code === 'ERR_OPA_MISSING', message: error.message}};
  }
}

export function judgeRegoPolicies(facts: RegoFacts): readonly Finding[] {
  const {directory, folder, policies} = facts;
  if (policies.length === 0) {
    const fix = `write ${word(join(directory, 'default.rego'))}; docs/guides/policies.md has one to begin with`;
    return [finding('policy-none', {cause: `${directory} holds no policy`, fix})];
  }
  return [
    ...judgeMode(folder, facts),
    ...policies.flatMap(({file, problem}) => [
      ...judgeMode(file, facts),
      ...(problem === undefined ? [] : [judgeProblem(file, problem)]),
    ]),
  ];
}

function judgeProblem({path}: FileFact, problem: NonNullable<RegoPolicyFact['problem']>): Finding {
  // One program is missing, however many policies wait for it.
  if (problem.isOpa) {
    const fix = 'go install github.com/open-policy-agent/opa@latest, or plugin.regopolicy.opa = PATH';
    return finding('opa-missing', {cause: problem.message, fix});
  }
  const cause = `${path}: ${problem.message}`;
  return finding('policy-rego', {cause, fix: `opa check ${word(path)}`});
}
