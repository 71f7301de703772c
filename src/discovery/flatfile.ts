/**
 * Takes the nodes from a file: lines of text, a JSON or YAML list, or the results of an earlier request.
 *
 * Rules: the client digest, section 2.3.
 */
import type {Files} from '../lib/platform.ts';
import {compileRegex} from '../lib/regex.ts';
import type {Filter} from '../protocol/types.ts';
import {isRegexEntry} from './broadcast.ts';
import {DiscoveryError} from './errors.ts';
import {checkedIdentities} from './identities.ts';
import {extension} from './paths.ts';
import {isRecord, parseDocument, readSource} from './source.ts';
import type {DiscoveryMethod, DiscoveryRequest} from './types.ts';

export type FlatfileFormat = 'text' | 'json' | 'yaml' | 'responses';

/** Looks a GJSON path up in a JSON text; undefined when nothing is there. */
export type JsonQuery = (document: string, path: string) => unknown;

export interface FlatfileOptions {
  readonly files: Files;
  /** `--nodes`; the option `file` of a request beats it. */
  readonly file?: string | undefined;
  readonly format?: FlatfileFormat | undefined;
  /** What came on STDIN, in place of a file. */
  readonly text?: string | undefined;
  readonly query: JsonQuery;
}

export function createFlatfileMethod(options: FlatfileOptions): DiscoveryMethod {
  return {
    name: 'flatfile',
    discover: async (request) => {
      checkFilter(request.filter);
      const all = await readNodes(request, options);
      return {identities: applyIdentities(all, request.filter.identities), complete: true};
    },
  };
}

/** `.json`, `.yaml`, `.yml`; anything else is text. */
export function formatOfFile(path: string): FlatfileFormat {
  const name = extension(path);
  if (name === 'json') return 'json';
  return name === 'yaml' || name === 'yml' ? 'yaml' : 'text';
}

function formatOfOption(name: string): FlatfileFormat {
  if (name === 'json') return 'json';
  if (name === 'yaml' || name === 'yml') return 'yaml';
  return ['choriarpc', 'results', 'rpc', 'response'].includes(name) ? 'responses' : 'text';
}

function checkFilter(filter: Filter): void {
  if (filter.facts.length + filter.classes.length + filter.compounds.length > 0) {
    throw new DiscoveryError(
      'ERR_DISCOVERY_FILTER',
      'Cannot filter a list of nodes by facts, classes or expressions: only identity filters are supported by the method flatfile',
    );
  }
}

async function readNodes(request: DiscoveryRequest, options: FlatfileOptions): Promise<readonly string[]> {
  const path = request.options['file'] ?? options.file;
  const formatName = request.options['format'];
  if (path === undefined && options.text === undefined) {
    throw new DiscoveryError(
      'ERR_DISCOVERY_SOURCE',
      'Cannot discover nodes by the method flatfile: source file not specified, expected --nodes FILE or --do file=FILE',
    );
  }
  const text = path === undefined ? (options.text ?? '') : await readSource(options.files, path);
  const source = path === undefined ? 'the standard input' : JSON.stringify(path);
  const format = formatName === undefined ? (options.format ?? 'text') : formatOfOption(formatName);
  const names = namesIn(text, {format, source, filter: request.options['filter'], query: options.query});
  return checkedIdentities(names, source);
}

interface ParseOptions {
  readonly format: FlatfileFormat;
  readonly source: string;
  readonly filter: string | undefined;
  readonly query: JsonQuery;
}

function namesIn(text: string, options: ParseOptions): readonly string[] {
  const {format, source} = options;
  if (format === 'text') return textLines(text);
  const document = parseDocument(text, {format: format === 'yaml' ? 'yaml' : 'json', source});
  if (format === 'responses') return respondents(document, source);
  if (options.filter !== undefined) return queriedNames(format === 'json' ? text : JSON.stringify(document), options);
  if (!Array.isArray(document) || !document.every((name) => typeof name === 'string')) {
    throw new DiscoveryError('ERR_DISCOVERY_READ', `Cannot use the nodes of ${source}: expected a list of names`, {
      details: {source},
    });
  }
  return document;
}

function textLines(text: string): readonly string[] {
  const lines = text.split('\n').map((line) => line.trim());
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

/** The senders of an earlier request, whatever their status. */
function respondents(document: unknown, source: string): readonly string[] {
  const replies = isRecord(document) ? document['replies'] : undefined;
  if (isRecord(document) && (replies === undefined || replies === null)) return [];
  if (!Array.isArray(replies)) {
    throw new DiscoveryError(
      'ERR_DISCOVERY_READ',
      `Cannot use the nodes of ${source}: expected the results of a request, with a list of replies`,
      {details: {source}},
    );
  }
  return replies.map((reply) => {
    const sender: unknown = isRecord(reply) ? reply['sender'] : undefined;
    return typeof sender === 'string' ? sender : '';
  });
}

function queriedNames(json: string, options: ParseOptions): readonly string[] {
  const path = options.filter ?? '';
  if (path === '') {
    throw new DiscoveryError('ERR_DISCOVERY_FILTER', 'empty filter string found in discovery options');
  }
  const found = options.query(json, path);
  if (!Array.isArray(found)) {
    throw new DiscoveryError(
      'ERR_DISCOVERY_FILTER',
      `query ${JSON.stringify(path)} did not result in a array of nodes`,
      {
        details: {path},
      },
    );
  }
  return found.filter((name) => typeof name === 'string');
}

/** Each filter chooses from the list in turn. */
function applyIdentities(all: readonly string[], identities: readonly string[]): readonly string[] {
  if (identities.length === 0) return all;
  const chosen = identities.flatMap((wanted) => all.filter((name) => matchesIdentity(wanted, name)));
  return [...new Set(chosen)];
}

function matchesIdentity(wanted: string, name: string): boolean {
  if (!isRegexEntry(wanted)) return wanted === name;
  return compileRegex(wanted.slice(1, -1)).test(name);
}
