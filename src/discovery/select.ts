/**
 * Which method finds the nodes. First rule that applies wins; whatever is overruled or ignored on the way is said in `notes`.
 *
 * Pure. Rules: the client digest, section 2.
 */
import {DiscoveryError} from './errors.ts';
import {type FlatfileFormat, formatOfFile} from './flatfile.ts';

export type MethodName = 'mc' | 'choria' | 'external' | 'flatfile' | 'inventory';

export interface SelectionInput {
  /** `--nodes`. */
  readonly nodesFile: string | undefined;
  readonly hasCompound: boolean;
  /** Whether any filter but the command's own agent was given. */
  readonly hasFilter: boolean;
  /** `--dm`; undefined when it was not on the command line. */
  readonly methodGiven: string | undefined;
  /** `default_discovery_method`. */
  readonly methodConfigured: string;
  /** Whether there are any `--do` options, given or configured. */
  readonly hasOptions: boolean;
  /** What was piped in; undefined when nothing was, or when the command does not look. */
  readonly stdin: string | undefined;
}

export interface Selection {
  readonly method: MethodName;
  /** As the operator knows it, for the line that tells it. */
  readonly shownName: string;
  /** For `flatfile`. */
  readonly file?: string;
  readonly text?: string;
  readonly format?: FlatfileFormat;
  /** The filters play no part. */
  readonly ignoresFilter: boolean;
  readonly notes: readonly string[];
}

const methods: Readonly<Record<string, MethodName>> = {
  mc: 'mc',
  broadcast: 'mc',
  choria: 'choria',
  puppetdb: 'choria',
  external: 'external',
  flatfile: 'flatfile',
  file: 'flatfile',
  inventory: 'inventory',
};

/** @throws {DiscoveryError} `ERR_DISCOVERY_METHOD` */
export function selectMethod(input: SelectionInput): Selection {
  const {nodesFile, stdin, methodGiven, methodConfigured} = input;
  if (nodesFile !== undefined && nodesFile !== '') {
    return {
      method: 'flatfile',
      shownName: 'flatfile',
      file: nodesFile,
      format: formatOfFile(nodesFile),
      ignoresFilter: true,
      notes: input.hasFilter ? [`The filters are ignored: the nodes are those of ${JSON.stringify(nodesFile)}`] : [],
    };
  }
  const wanted = methodGiven ?? methodConfigured;
  if (input.hasCompound && !['mc', 'broadcast', 'inventory'].includes(wanted)) {
    return {
      method: 'mc',
      shownName: 'broadcast',
      ignoresFilter: false,
      notes: [`Only the nodes can judge an expression: discovering by broadcast in place of ${wanted}`],
    };
  }
  if (stdin !== undefined && methodGiven === undefined) {
    const text = stdin.trim();
    if (text.startsWith('{') && text.endsWith('}')) {
      return {
        method: 'flatfile',
        shownName: 'flatfile',
        text,
        format: 'responses',
        ignoresFilter: true,
        notes: input.hasFilter
          ? ['The filters are ignored: the nodes are those of the results on the standard input']
          : [],
      };
    }
    if (text !== '') {
      return {
        ...selectNamed(wanted, input.hasOptions),
        notes: ['What came on the standard input is ignored: it is not the JSON result of a request'],
      };
    }
  }
  return selectNamed(wanted, input.hasOptions);
}

function selectNamed(wanted: string, hasOptions: boolean): Selection {
  const method = Object.hasOwn(methods, wanted) ? methods[wanted] : undefined;
  if (method === undefined) {
    throw new DiscoveryError(
      'ERR_DISCOVERY_METHOD',
      `unsupported discovery method "${wanted}": expected one of ${Object.keys(methods).join(', ')}`,
      {details: {method: wanted}},
    );
  }
  if (wanted === 'flatfile' && !hasOptions) {
    throw new DiscoveryError('ERR_DISCOVERY_SOURCE', 'could not determine file to use as discovery source', {
      details: {method: wanted},
    });
  }
  return {method, shownName: wanted, ignoresFilter: method === 'flatfile', notes: []};
}

/** `default_discovery_options`, used when no `--do` was given; what is not one `key=value` is left out and named. */
export function defaultDiscoveryOptions(entries: readonly string[]): {
  readonly options: Readonly<Record<string, string>>;
  readonly notes: readonly string[];
} {
  const options: Record<string, string> = Object.create(null) as Record<string, string>;
  const notes: string[] = [];
  for (const entry of entries) {
    const parts = entry.split('=');
    if (parts.length === 2) options[parts[0] ?? ''] = parts[1] ?? '';
    else notes.push(`Ignored ${JSON.stringify(entry)} in default_discovery_options: expected one key=value`);
  }
  return {options, notes};
}
