/** Filters as people write them, turned into the filter that travels. */
import type {FactFilter, Filter} from '../protocol/types.ts';

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

export const emptyFilter: Filter = {facts: [], classes: [], agents: [], identities: [], compounds: []};

/**
 * Order on the wire is the order given; empty texts are skipped; classes, agents and identities are added once.
 *
 * @param parseFact throws on what is no fact filter
 */
export function buildFilter(text: FilterText, parseFact: (text: string) => FactFilter): Filter {
  const facts = (text.facts ?? []).filter((fact) => fact !== '').map((fact) => parseFact(fact));
  const classes = new Set(notEmpty(text.classes));
  for (const word of notEmpty(text.combined).flatMap((words) => words.split(' '))) {
    if (word === '') continue;
    const fact = tryFact(word, parseFact);
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

function notEmpty(texts: readonly string[] | undefined): readonly string[] {
  return (texts ?? []).filter((text) => text !== '');
}

function tryFact(word: string, parseFact: (text: string) => FactFilter): FactFilter | undefined {
  try {
    return parseFact(word);
  } catch {
    // A word that is no fact is a class: that is what this form of filter means.
    return undefined;
  }
}

export function withAgent(filter: Filter, agent: string | undefined): Filter {
  if (agent === undefined || filter.agents.includes(agent)) return filter;
  return {...filter, agents: [...filter.agents, agent]};
}

export function isEmptyFilter(filter: Filter): boolean {
  const {facts, classes, agents, identities, compounds} = filter;
  return facts.length + classes.length + agents.length + identities.length + compounds.length === 0;
}
