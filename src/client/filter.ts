/** Filters as people write them, turned into the filter that travels. */
import {compileNodeFilter} from './node-filter.ts';
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
 * @throws {DiscoveryError} `ERR_DISCOVERY_FILTER` for an expression that no node could read
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
  const filter: Filter = {
    facts,
    classes: [...classes],
    agents: [...new Set(notEmpty(text.agents))],
    identities: [...new Set(notEmpty(text.identities))],
    compounds: text.compound === undefined || text.compound === '' ? [] : [[{expr: text.compound}]],
  };
  // To nodes a mistyped expression means silence: nobody would learn of the mistake.
  if (filter.compounds.length > 0) compileNodeFilter(filter);
  return filter;
}

function notEmpty(texts: readonly string[] | undefined): readonly string[] {
  return (texts ?? []).filter((text) => text !== '');
}

export function withAgent(filter: Filter, agent: string | undefined): Filter {
  if (agent === undefined || filter.agents.includes(agent)) return filter;
  return {...filter, agents: [...filter.agents, agent]};
}
