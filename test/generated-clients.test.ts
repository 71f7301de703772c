/** Generated clients: compiled by the real compiler with the strictest settings, and one of them run against real servers. */
import {spawnSync} from 'node:child_process';
import {existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {fileURLToPath, pathToFileURL} from 'node:url';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {createClient} from '../src/client/index.ts';
import {loadConfig} from '../src/config/index.ts';
import {builtinAgentDdl, builtinAgentNames, generateClient, parseAgentDdl} from '../src/ddl/index.ts';
import type {AgentDdl} from '../src/ddl/types.ts';
import {startSmallLab} from './support/small-lab.ts';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const scratch = mkdtempSync(join(tmpdir(), 'choria-generated-'));
afterAll(() => rmSync(scratch, {recursive: true, force: true}));

/** Descriptions among the captured vectors, where they are at hand. */
function vectorDdls(): readonly AgentDdl[] {
  const directory = join(root, '..', 'shared', 'vectors', 'cli', 'lab', 'lib', 'mcollective', 'agent');
  if (!existsSync(directory)) return [];
  const names = readdirSync(directory).filter((name) => name.endsWith('.json'));
  return names.map((name) => parseAgentDdl(readFileSync(join(directory, name), 'utf8')));
}

const types = ['string', 'integer', 'float', 'number', 'boolean', 'hash', 'array', 'list', 'Hash', 'any', ''];

/** Every type, required and optional, and names that TypeScript would take for something else. */
const oddDdl = parseAgentDdl(
  JSON.stringify({
    metadata: {name: '9_odd-one', description: '*/ }', author: 'a', license: 'l', version: '1', url: 'u', timeout: 1},
    actions: ['constructor', 'a_b', 'a-b', 'send', 'new'].map((action) => ({
      action,
      description: '*/ throw 1; /*',
      input: Object.fromEntries(
        types.flatMap((type, index) =>
          [true, false].map((optional) => [
            `in_${index}_${optional}`,
            {type, optional, list: type === 'list' ? ['a"b', 'c'] : [], maxlength: 1},
          ]),
        ),
      ),
      output: Object.fromEntries(
        [...types, 'then', 'hashMap', '__proto__'].map((type, index) => [`${type}_${index}`, {type}]),
      ),
    })),
  }),
);

function writeClients(ddls: readonly AgentDdl[]): void {
  const importFrom = pathToFileURL(join(root, 'src', 'client', 'index.ts')).pathname;
  for (const ddl of ddls) {
    const directory = join(scratch, ddl.metadata.name);
    mkdirSync(directory);
    for (const [name, text] of Object.entries(generateClient(ddl, {importFrom})))
      writeFileSync(join(directory, name), text);
  }
  const config = {
    extends: join(root, 'tsconfig.json'),
    compilerOptions: {
      typeRoots: [join(root, 'node_modules', '@types')],
      rootDir: '/',
      // The clients import the library from its source, by an absolute path.
      rewriteRelativeImportExtensions: false,
    },
    include: [join(scratch, '**', '*.ts')],
  };
  writeFileSync(join(scratch, 'tsconfig.json'), JSON.stringify(config));
}

interface GeneratedRpcutil {
  readonly RpcutilClient: new (
    client: unknown,
  ) => {
    optionFactFilter(fact: string): GeneratedRpcutil['client'];
  };
  readonly client: {
    getFact(fact: string): {
      do(): Promise<{
        readonly stats: {readonly ok: number};
        allOutputs(): readonly {
          readonly value: unknown;
          resultDetails(): {readonly sender: string; readonly ok: boolean};
        }[];
      }>;
    };
    discoverNodes(): Promise<readonly string[]>;
  };
}

describe('generated clients', () => {
  beforeAll(() => {
    const builtin = builtinAgentNames.flatMap((name) => builtinAgentDdl(name, '1.0.0') ?? []);
    writeClients([...builtin, ...vectorDdls(), oddDdl]);
  });

  test('compile with strict settings', () => {
    const tsc = join(root, 'node_modules', '.bin', 'tsc');
    const {stdout, status} = spawnSync(tsc, ['-p', join(scratch, 'tsconfig.json')], {encoding: 'utf8', cwd: root});
    expect(stdout).toBe('');
    expect(status).toBe(0);
  });

  test('ask real servers', async () => {
    await using lab = await startSmallLab();
    const platform = lab.platform();
    const config = await loadConfig({platform, mode: 'user', path: '/lab/client/client.conf'});
    await using client = createClient({config, platform});
    const module = (await import(join(scratch, 'rpcutil', 'index.ts'))) as GeneratedRpcutil;
    const rpcutil = new module.RpcutilClient(client).optionFactFilter('country=mt');
    const result = await rpcutil.getFact('country').do();
    const told = result.allOutputs().map((output) => [output.resultDetails().sender, output.value]);
    expect(told.map(String).toSorted()).toEqual(['n1.example.net,mt', 'n2.example.net,mt']);
    expect(result.stats.ok).toBe(2);
    await expect(rpcutil.getFact('').do()).rejects.toThrow('Cannot call rpcutil#get_fact');
  });
});
