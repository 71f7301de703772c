/** Filters on the wire and in the program; what they mean is the business of `filter/`. */
import {ProtocolError, type ProtocolStage} from './errors.ts';
import {protocolLimits} from './limits.ts';
import type {CompoundEntry, FactFilter, FactOperator, Filter} from './types.ts';

export interface FilterWire {
  readonly fact: readonly {readonly fact: string; readonly operator: string; readonly value: string}[];
  readonly cf_class: readonly string[];
  readonly agent: readonly string[];
  readonly identity: readonly string[];
  readonly compound: readonly CompoundEntry[];
}

export const emptyFilter: Filter = {facts: [], classes: [], agents: [], identities: [], compounds: []};

export function filterToWire(filter: Filter): FilterWire {
  return {
    fact: filter.facts.map(({fact, operator, value}) => ({fact, operator, value})),
    cf_class: filter.classes,
    agent: filter.agents,
    identity: filter.identities,
    compound: filter.compounds,
  };
}

/**
 * The filter of a request that passed its schema; absent or null means the empty one, which only version 2 allows.
 *
 * @throws {ProtocolError} `ERR_REQUEST_INVALID` for compound values that are not texts and for lists beyond all measure
 */
export function filterFromWire(wire: unknown, stage: ProtocolStage = 'secure_request'): Filter {
  if (wire === undefined || wire === null) return emptyFilter;
  const source = wire as Partial<Record<keyof FilterWire, readonly unknown[] | null>>;
  const list = (key: keyof FilterWire): readonly unknown[] => {
    const items = source[key] ?? [];
    if (!Array.isArray(items)) throw refuse(`its list ${key} is not a list`, stage);
    if (items.length > protocolLimits.filterEntriesMax) {
      throw refuse(`its list ${key} has more than ${protocolLimits.filterEntriesMax} entries`, stage);
    }
    return items;
  };
  const texts = (key: keyof FilterWire): readonly string[] => list(key).map((item) => requireText(item, key, stage));
  return {
    facts: list('fact').map((item) => readFact(item, stage)),
    classes: texts('cf_class'),
    agents: texts('agent'),
    identities: texts('identity'),
    compounds: list('compound').map((item) => readCompound(item, stage)),
  };
}

function refuse(reason: string, stage: ProtocolStage): ProtocolError {
  return new ProtocolError('ERR_REQUEST_INVALID', `Cannot accept the request's filter: ${reason}`, {stage});
}

function requireText(value: unknown, where: string, stage: ProtocolStage): string {
  if (typeof value === 'string') return value;
  throw refuse(`an entry of ${where} is not a text`, stage);
}

function readFact(item: unknown, stage: ProtocolStage): FactFilter {
  const {fact, operator, value} = Object(item) as Record<string, unknown>;
  return {
    fact: requireText(fact, 'fact', stage),
    // The schema lists the operators.
    operator: requireText(operator, 'fact', stage) as FactOperator,
    value: requireText(value, 'fact', stage),
  };
}

function readCompound(item: unknown, stage: ProtocolStage): CompoundEntry {
  if (!Array.isArray(item)) throw refuse('an entry of compound is not a list', stage);
  return item.map((statement: unknown) => {
    const entries = Object.entries(Object(statement) as Record<string, unknown>).map(
      ([key, value]) => [key, requireText(value, 'compound', stage)] as const,
    );
    // Object.fromEntries defines own properties, so a key named __proto__ stays data.
    return Object.fromEntries(entries);
  });
}
