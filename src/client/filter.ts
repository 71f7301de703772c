/** Filters as people write them, turned into the filter that travels. */
import {compileNodeFilter} from './node-filter.ts';
import {errorMessage} from '../lib/errors.ts';
import {type Filter, parseFactFilter, tryFactFilter} from '../protocol/index.ts';

/** Each member as its command line flag: facts `country=mt`, classes, agents and identities plain or `/regex/`. */
export interface FilterText {
  readonly facts?: readonly string[];
  readonly classes?: readonly string[];
  readonly agents?: readonly string[];
  readonly identities?: readonly string[];
  /** Words separated by spaces: facts where they parse as one, else classes. */
  readonly combined?: readonly string[];
  /** One expression, judged by the nodes. */
  readonly compound?: string;
}

/**
 * Order on the wire is the order given; empty texts are skipped; classes, agents and identities are added once.
 *
 * @throws {ProtocolError} `ERR_FACT_FILTER_INVALID`
 */
export function buildFilter(text: FilterText): Filter {
  const facts = notEmpty(text.facts).map((fact) => parseFactFilter(fact));
  const classes = new Set(notEmpty(text.classes));
  for (const word of notEmpty(text.combined).flatMap((words) => words.split(' '))) {
    if (word === '') continue;
    const fact = tryFactFilter(word);
    if (fact === undefined) classes.add(word);
    else facts.push(fact);
  }
  return {
    facts,
    classes: [...classes],
    agents: [...new Set(notEmpty(text.agents))],
    identities: [...new Set(notEmpty(text.identities))],
    compounds: text.compound === undefined || text.compound === '' ? [] : [[{expr: text.compound}]],
  };
}

/**
 * What is wrong with an expression that goes to the nodes, in words. They judge it themselves and stay silent when they cannot read it, so
 * that nobody would learn of the mistake; it is no error, because their version decides and not ours.
 */
export function expressionDoubt(filter: Filter): string | undefined {
  if (filter.compounds.length === 0) return undefined;
  try {
    compileNodeFilter(filter);
    return undefined;
  } catch (error) {
    return `No node can be expected to match: ${errorMessage(error)}`;
  }
}

function notEmpty(texts: readonly string[] | undefined): readonly string[] {
  return (texts ?? []).filter((text) => text !== '');
}

export function withAgent(filter: Filter, agent: string | undefined): Filter {
  if (agent === undefined || filter.agents.includes(agent)) return filter;
  return {...filter, agents: [...filter.agents, agent]};
}
