/**
 * Holds the import rules of the house: layers, doors, no cycles, pure cores. The table below is the rule; ARCHITECTURE.md tells why.
 */
import {readdirSync, readFileSync} from 'node:fs';
import {dirname, join, relative, resolve} from 'node:path';
import {fileURLToPath} from 'node:url';
import {describe, expect, test} from 'vitest';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const sourceRoot = join(root, 'src');

/** Lower layers know nothing of higher ones; areas of one layer do not import each other. */
const layers: Readonly<Record<string, number>> = {
  lib: 0,
  lang: 1,
  crypto: 1,
  config: 2,
  protocol: 2,
  ddl: 2,
  natswire: 2,
  connect: 3,
  authz: 3,
  events: 3,
  metrics: 3,
  executor: 3,
  rpc: 4,
  discovery: 4,
  submission: 4,
  broker: 5,
  federation: 5,
  adapters: 5,
  aaa: 5,
  provision: 5,
  agents: 5,
  client: 5,
  organisation: 5,
  machine: 5,
  playbook: 5,
  mqtt: 5,
  console: 5,
  server: 6,
  doctor: 6,
  provisioner: 6,
  cli: 7,
  sim: 7,
};

/** Files of L0 to L2 that may touch the real world. Everything else there is handed what it needs. */
const edgeFiles: readonly string[] = ['lib/node-', 'config/node-'];

const bans: readonly {readonly pattern: RegExp; readonly reason: string}[] = [
  {pattern: /\bprocess\.env\b/, reason: 'the environment comes in through Platform.env'},
  {pattern: /\bDate\.now\(\)|\bnew Date\(\)/, reason: 'the time comes in through Platform.clock'},
  {
    pattern: /\bMath\.random\(/,
    reason: 'randomness comes in through Platform.random, so that a run replays from its seed',
  },
  {pattern: /\bsetTimeout\(|\bsetInterval\(/, reason: 'timers come in through Platform.clock'},
  {
    pattern: /from 'node:(fs|net|tls|http|https|dns|child_process|os|dgram|timers)/,
    reason: 'the outside world comes in through Platform',
  },
  {pattern: /\bconsole\.(log|error|warn|info)\(/, reason: 'output goes through a Logger or a TextSink'},
];

const hostEvaluation: readonly {readonly pattern: RegExp; readonly reason: string}[] = [
  {pattern: /\bnew RegExp\(/, reason: 'patterns from users or the network run on RE2 semantics: lib/regex.ts'},
  {pattern: /\beval\(|\bnew Function\(|from 'node:vm'/, reason: 'no host-language evaluation (design 2.7)'},
];

interface SourceFile {
  readonly path: string;
  readonly area: string;
  readonly text: string;
  readonly imports: readonly {readonly specifier: string; readonly typeOnly: boolean}[];
}

const importPattern =
  /(?:^|\n)\s*(?:import|export)\s+(type\s+)?(?:[^'"();]*?\sfrom\s+)?['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)/g;

function parseImports(text: string): SourceFile['imports'] {
  return [...text.matchAll(importPattern)].map((match) => ({
    specifier: match[2] ?? match[3] ?? '',
    typeOnly: match[1] !== undefined,
  }));
}

function readSources(): readonly SourceFile[] {
  return readdirSync(sourceRoot, {withFileTypes: true, recursive: true})
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && !entry.name.endsWith('.test.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((file) => {
      const path = relative(sourceRoot, file).split('\\').join('/');
      const text = readFileSync(file, 'utf8');
      return {path, area: path.split('/')[0] ?? '', text, imports: parseImports(text)};
    });
}

function checkImport(from: {path: string; area: string}, specifier: string, typeOnly: boolean): string | undefined {
  if (!specifier.startsWith('.')) return undefined;
  const target = relative(sourceRoot, resolve(sourceRoot, dirname(from.path), specifier))
    .split('\\')
    .join('/');
  const area = target.split('/')[0] ?? '';
  if (target.startsWith('..')) return `${from.path} imports ${specifier}: outside src, expected a file of the program`;
  const fromLayer = layers[from.area];
  const layer = layers[area];
  if (fromLayer === undefined || layer === undefined)
    return `${from.path}: area "${from.area}" or "${area}" is not in the table of layers`;
  if (area === from.area) return undefined;
  const within = target.slice(area.length + 1);
  const isDoor =
    area === 'lib' || within === 'index.ts' || within === 'internal.ts' || (within === 'types.ts' && typeOnly);
  if (layer >= fromLayer) {
    return `${from.path} (L${fromLayer}) imports ${target} (L${layer}): an area imports only lower layers; let the lower one hold the interface`;
  }
  if (!isDoor)
    return `${from.path} imports ${target}: only ${area}/index.ts or ${area}/internal.ts may be imported from outside`;
  return undefined;
}

function checkPurity(file: {path: string; area: string; text: string}): readonly string[] {
  const layer = layers[file.area] ?? 99;
  const isEdge = edgeFiles.some((prefix) => file.path.startsWith(prefix));
  const active = layer <= 2 && !isEdge ? [...bans, ...hostEvaluation] : hostEvaluation;
  const code = file.text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
  return active
    .filter((ban) => ban.pattern.test(code))
    .map((ban) => `${file.path} matches ${ban.pattern}: ${ban.reason}`);
}

function findCycle(graph: ReadonlyMap<string, readonly string[]>): readonly string[] | undefined {
  const state = new Map<string, 'open' | 'done'>();
  const stack: string[] = [];
  const visit = (node: string): readonly string[] | undefined => {
    if (state.get(node) === 'done') return undefined;
    if (state.get(node) === 'open') return [...stack.slice(stack.indexOf(node)), node];
    state.set(node, 'open');
    stack.push(node);
    for (const next of graph.get(node) ?? []) {
      const cycle = visit(next);
      if (cycle) return cycle;
    }
    stack.pop();
    state.set(node, 'done');
    return undefined;
  };
  for (const node of graph.keys()) {
    const cycle = visit(node);
    if (cycle) return cycle;
  }
  return undefined;
}

describe('architecture', () => {
  const sources = readSources();

  test('the scan sees the whole program', () => {
    expect(sources.length).toBeGreaterThan(12);
    expect(sources.flatMap((file) => file.imports).length).toBeGreaterThan(5);
  });

  test('every area has its layer', () => {
    expect(sources.filter((file) => layers[file.area] === undefined).map((file) => file.path)).toEqual([]);
  });

  test('the tour shows the same table', () => {
    const tour = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8');
    const rows = [...tour.matchAll(/^\| (\d) \| (.+) \|$/gm)];
    const shown = rows.flatMap(([, layer, areas]) =>
      [...(areas ?? '').matchAll(/`(\w+)`/g)].map(([, area]) => `${area} ${layer}`),
    );
    const real = [...new Set(sources.map((file) => file.area))].map((area) => `${area} ${layers[area]}`);
    expect(shown.sort((a, b) => (a < b ? -1 : 1))).toEqual(real.sort((a, b) => (a < b ? -1 : 1)));
  });

  test('a file imports only its own area or the door of a lower one', () => {
    const problems = sources.flatMap((file) =>
      file.imports
        .map((item) => checkImport(file, item.specifier, item.typeOnly))
        .filter((problem) => problem !== undefined),
    );
    expect(problems).toEqual([]);
  });

  test('the lower layers touch nothing outside, and nobody evaluates host code', () => {
    expect(sources.flatMap(checkPurity)).toEqual([]);
  });

  test('there are no import cycles', () => {
    const graph = new Map(
      sources.map((file) => [
        file.path,
        file.imports
          .filter((item) => item.specifier.startsWith('.'))
          .map((item) =>
            relative(sourceRoot, resolve(sourceRoot, dirname(file.path), item.specifier))
              .split('\\')
              .join('/'),
          ),
      ]),
    );
    expect(findCycle(graph)).toBeUndefined();
  });

  test('the YAML library is loaded with the first document, not with the program', () => {
    const loads = sources.filter(({text}) => /^import (?!type\b)[^;]* from 'yaml'/m.test(text));
    expect(loads.map(({path}) => path)).toEqual([]);
  });

  test('a planted wrong import, door, impurity and cycle are found', () => {
    expect(checkImport({path: 'lib/x.ts', area: 'lib'}, '../server/index.ts', false)).toContain(
      'imports only lower layers',
    );
    expect(checkImport({path: 'rpc/x.ts', area: 'rpc'}, '../discovery/index.ts', true)).toContain(
      'imports only lower layers',
    );
    expect(checkImport({path: 'server/x.ts', area: 'server'}, '../protocol/v1/codec.ts', false)).toContain(
      'only protocol/index.ts',
    );
    expect(checkImport({path: 'nowhere/x.ts', area: 'nowhere'}, '../lib/errors.ts', false)).toContain(
      'not in the table',
    );
    expect(checkPurity({path: 'lang/x.ts', area: 'lang', text: 'const now = Date.now();'})).toHaveLength(1);
    expect(checkPurity({path: 'server/x.ts', area: 'server', text: 'new RegExp(pattern)'})).toHaveLength(1);
    expect(
      findCycle(
        new Map([
          ['a', ['b']],
          ['b', ['a']],
        ]),
      ),
    ).toEqual(['a', 'b', 'a']);
  });
});
