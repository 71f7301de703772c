/** The most nodes that one request of a caller may reach, from the configuration and the command line. Pure. */
import type {Config} from '../../config/types.ts';
import {errorMessage} from '../../lib/errors.ts';
import {compileRegex} from '../../lib/regex.ts';
import {ClientError} from '../errors.ts';

export interface Ceiling {
  readonly nodes: number;
  /** Where it comes from, for messages. */
  readonly source: string;
}

const key = 'plugin.choria.client.ceilings';

/**
 * The lowest of what applies; undefined when nothing does.
 *
 * `plugin.choria.client.ceilings` has entries `CALLER:NODES`, the caller whole or as `/pattern/`; the first that fits counts.
 *
 * @throws {ClientError} `ERR_CLIENT_REACH` for an entry that cannot be understood: a ceiling that is not read must not mean none
 */
export function ceilingFor(
  config: Config,
  options: {readonly callerId: string; readonly maxNodes: number | undefined},
): Ceiling | undefined {
  const ceilings: Ceiling[] = [];
  if (options.maxNodes !== undefined) ceilings.push({nodes: options.maxNodes, source: '--max-nodes'});
  const general = config.get('plugin.choria.client.max_nodes');
  if (general > 0) ceilings.push({nodes: general, source: 'plugin.choria.client.max_nodes'});
  const own = config
    .get(key)
    .map(parseEntry)
    .find((entry) => entry.fits(options.callerId));
  if (own !== undefined) ceilings.push({nodes: own.nodes, source: `${key} for ${options.callerId}`});
  return ceilings.toSorted((a, b) => a.nodes - b.nodes)[0];
}

/** Whether any is configured; without one nobody needs to know who is calling. */
export function hasCeiling(config: Config): boolean {
  return config.get('plugin.choria.client.max_nodes') > 0 || config.get(key).length > 0;
}

interface Entry {
  readonly nodes: number;
  fits(callerId: string): boolean;
}

function parseEntry(text: string): Entry {
  const [, caller = '', digits = ''] = /^(\S+):(\d{1,9})$/.exec(text.trim()) ?? [];
  if (caller === '') {
    throw new ClientError(
      'ERR_CLIENT_REACH',
      `Cannot use ${JSON.stringify(text)} in ${key}: expected a caller and a number of nodes, such as choria=alice.mcollective:100`,
      {details: {key, text}},
    );
  }
  const nodes = Number(digits);
  if (!(caller.length > 2 && caller.startsWith('/') && caller.endsWith('/'))) {
    return {nodes, fits: (callerId) => callerId === caller};
  }
  try {
    const pattern = compileRegex(caller.slice(1, -1));
    return {nodes, fits: (callerId) => pattern.test(callerId)};
  } catch (cause) {
    throw new ClientError('ERR_CLIENT_REACH', `Cannot use ${JSON.stringify(text)} in ${key}: ${errorMessage(cause)}`, {
      cause,
      details: {key, text},
    });
  }
}
