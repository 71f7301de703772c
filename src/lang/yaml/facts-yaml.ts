/**
 * Reads a YAML facts file into JSON data.
 *
 * Scalars follow what the Go program makes of them: `yes` and `1e3` stay texts, `017` is 15, dates stay texts. Keys become texts as
 * written. Anchors, aliases and merge keys work, and everything they unfold counts against one limit, so that a file of a few lines
 * cannot grow into gigabytes.
 */
import type {Node, YAMLMap} from 'yaml';
import {yaml} from '../../lib/yaml.ts';
import {LangError} from '../errors.ts';

/** Values that one file may unfold to. */
export const yamlValuesMax = 1_000_000;

/** Nesting of one file. */
export const yamlDepthMax = 200;

/** Data of a document; objects are maps. */
export type YamlData = null | boolean | number | string | readonly YamlData[] | ReadonlyMap<string, YamlData>;

/**
 * The first document of a YAML text; undefined for an empty one.
 *
 * @throws {LangError} `ERR_YAML_SYNTAX` | `ERR_YAML_TOO_LARGE`
 * @example
 * parseYamlFacts('os: {family: RedHat}'); // Map { 'os' => Map { 'family' => 'RedHat' } }
 */
export function parseYamlFacts(text: string): YamlData | undefined {
  const {LineCounter, parseAllDocuments} = yaml();
  const lineCounter = new LineCounter();
  const documents = parseAllDocuments(text, {
    schema: 'failsafe',
    lineCounter,
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'silent',
  });
  const first = Array.isArray(documents) ? documents[0] : undefined;
  if (first === undefined) return undefined;
  const [problem] = first.errors;
  if (problem !== undefined) {
    const {line, col} = lineCounter.linePos(problem.pos[0]);
    throw new LangError('ERR_YAML_SYNTAX', `[${line}:${col}] ${problem.message}`, {details: {line, column: col}});
  }
  if (first.contents === null) return undefined;
  return new Converter().convert(first.contents, 0);
}

class Converter {
  private readonly kinds = yaml();
  private readonly anchors = new Map<string, Node>();
  private values = 0;

  convert(node: unknown, depth: number): YamlData {
    this.values += 1;
    if (this.values > yamlValuesMax || depth > yamlDepthMax) {
      const what =
        depth > yamlDepthMax ? `nested more than ${yamlDepthMax} deep` : `of more than ${yamlValuesMax} values`;
      throw new LangError('ERR_YAML_TOO_LARGE', `Cannot read the YAML text: it is ${what}`);
    }
    if (this.kinds.isAlias(node)) return this.convert(this.resolve(node.source), depth + 1);
    this.remember(node);
    if (this.kinds.isMap(node)) return this.map(node, depth);
    if (this.kinds.isSeq(node)) return node.items.map((item) => this.convert(item, depth + 1));
    if (!this.kinds.isScalar(node)) return null;
    const text = typeof node.value === 'string' ? node.value : '';
    const isText = (node.type !== undefined && node.type !== 'PLAIN') || node.tag === 'tag:yaml.org,2002:str';
    return isText ? text : resolvePlain(text);
  }

  private remember(node: unknown): void {
    if ((this.kinds.isMap(node) || this.kinds.isSeq(node) || this.kinds.isScalar(node)) && node.anchor !== undefined)
      this.anchors.set(node.anchor, node);
  }

  private resolve(name: string): Node {
    const node = this.anchors.get(name);
    if (node === undefined)
      throw new LangError('ERR_YAML_SYNTAX', `Cannot read the YAML text: there is no anchor "${name}"`);
    return node;
  }

  private map(node: YAMLMap, depth: number): YamlData {
    const merged = new Map<string, YamlData>();
    const own = new Map<string, YamlData>();
    for (const {key, value} of node.items) {
      const name = this.keyText(key);
      if (name === '<<' && this.kinds.isScalar(key) && key.type === 'PLAIN') {
        this.merge(this.convert(value, depth + 1), merged);
      } else {
        own.set(name, this.convert(value, depth + 1));
      }
    }
    return new Map([...merged, ...own]);
  }

  private merge(source: YamlData, into: Map<string, YamlData>): void {
    if (Array.isArray(source)) {
      // Of several sources the first that has a key wins.
      for (const item of source.toReversed() as readonly YamlData[]) this.merge(item, into);
    } else if (source instanceof Map) {
      for (const [key, value] of source as ReadonlyMap<string, YamlData>) into.set(key, value);
    }
  }

  private keyText(key: unknown): string {
    const node = this.kinds.isAlias(key) ? this.resolve(key.source) : key;
    this.remember(node);
    return this.kinds.isScalar(node) && typeof node.value === 'string' ? node.value : '';
  }
}

const specialFloats: ReadonlyMap<string, string> = new Map([
  ['.inf', '+Inf'],
  ['-.inf', '-Inf'],
  ['.nan', 'NaN'],
]);

/** What a plain scalar stands for. */
function resolvePlain(text: string): YamlData {
  if (text === '' || text === '~' || /^(?:null|Null|NULL)$/.test(text)) return null;
  if (/^(?:true|True|TRUE)$/.test(text)) return true;
  if (/^(?:false|False|FALSE)$/.test(text)) return false;
  // JSON has no such numbers, so they stay texts.
  if (specialFloats.has(text.toLowerCase())) return text;
  const number = resolveNumber(text.replaceAll('_', ''));
  return /^[-+.0-9]/.test(text) && number !== undefined ? number : text;
}

function resolveNumber(text: string): number | undefined {
  const match = /^([-+]?)(.+)$/.exec(text);
  const sign = match?.[1] === '-' ? -1 : 1;
  const body = match?.[2] ?? '';
  if (/^0[xX][0-9a-fA-F]+$/.test(body) || /^0[bB][01]+$/.test(body) || /^0[oO][0-7]+$/.test(body)) {
    return sign * Number(body);
  }
  if (/^0[0-7]+$/.test(body)) return sign * Number.parseInt(body, 8);
  if (/^(?:0|[1-9][0-9]*)$/.test(body)) return sign * Number(body);
  if (/^(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/.test(body)) return sign * Number(body);
  return undefined;
}
