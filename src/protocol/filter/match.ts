/**
 * Judges filters on nodes.
 *
 * A filter is compiled once and then judged on any number of nodes: in an emulator thousands of nodes get the same one. Every kind
 * has to match; whatever is malformed, too large or fails matches nothing.
 */
import {errorMessage} from '../../lib/errors.ts';
import {type ExprProgram, LangError} from '../../lang/index.ts';
import type {Filter} from '../types.ts';
import {compileCompound, runCompound} from './compound.ts';
import {matchFact} from './fact-match.ts';
import {filterLimits} from './limits.ts';
import type {FilterData, FilterNode, FilterNodeSource, FilterVerdict} from './node.ts';
import {agentTest, classTest, createPatternPool, identityTest, type NameTest, type PatternPool} from './patterns.ts';

/** True when the filter selects every node. One that holds only an agent is not empty. */
export function isEmptyFilter(filter: Filter): boolean {
  const {facts, classes, agents, identities, compounds} = filter;
  return facts.length + classes.length + agents.length + identities.length + compounds.length === 0;
}

interface NamedTest {
  readonly entry: string;
  readonly test: NameTest;
}

export interface CompiledFilter {
  readonly filter: Filter;
  readonly usesFacts: boolean;
  readonly usesClasses: boolean;
  readonly identities: readonly NamedTest[];
  readonly agents: readonly NamedTest[];
  readonly classes: readonly NamedTest[];
  readonly pool: PatternPool;
  /** The compiled expressions for a set of data plugins, or why one does not compile. */
  compoundsFor(data: FilterData | undefined): readonly (ExprProgram | string)[] | string;
}

export function compileFilter(filter: Filter): CompiledFilter {
  const pool = createPatternPool();
  const named = (
    entries: readonly string[],
    make: (entry: string, pool: PatternPool) => NameTest,
  ): readonly NamedTest[] => entries.map((entry) => ({entry, test: make(entry, pool)}));
  const variants = new Map<string, readonly (ExprProgram | string)[]>();
  const sources = compoundSources(filter);
  return {
    filter,
    usesFacts: filter.facts.length > 0 || filter.compounds.length > 0,
    usesClasses: filter.classes.length > 0 || filter.compounds.length > 0,
    identities: named(filter.identities, identityTest),
    agents: named(filter.agents, agentTest),
    classes: named(filter.classes, classTest),
    pool,
    compoundsFor(data) {
      if (typeof sources === 'string') return sources;
      const key = JSON.stringify(
        Object.entries(data?.functions ?? {}).map(([name, {takesQuery}]) => [name, takesQuery]),
      );
      const known = variants.get(key);
      if (known !== undefined) return known;
      const programs = sources.map((source) => compileCompound(source, data));
      if (variants.size < filterLimits.variantsMax) variants.set(key, programs);
      return programs;
    },
  };
}

/** The expressions of the compound entries, or why none of them may be judged. */
function compoundSources(filter: Filter): readonly string[] | string {
  if (filter.compounds.length > filterLimits.compoundsMax) {
    return `it has more than ${filterLimits.compoundsMax} compound entries`;
  }
  const sources: string[] = [];
  for (const entry of filter.compounds) {
    const [only] = entry;
    const source = only !== undefined && Object.hasOwn(only, 'expr') ? only['expr'] : undefined;
    if (entry.length !== 1 || typeof source !== 'string') return 'a compound entry is not one object with an expr';
    sources.push(source);
  }
  return sources;
}

const all: FilterVerdict = {matched: true, reason: 'every part of the filter matches'};

function no(reason: string): FilterVerdict {
  return {matched: false, reason};
}

/**
 * Judges on a node whose facts and classes are at hand.
 *
 * @returns the verdict; never rejects because of what the filter holds
 */
export async function matchCompiledFilter(
  compiled: CompiledFilter,
  node: FilterNode,
  options: {readonly nowMs?: number} = {},
): Promise<FilterVerdict> {
  if (isEmptyFilter(compiled.filter)) return {matched: true, reason: 'the filter is empty'};
  const named = matchNames(compiled, node);
  if (named !== undefined) return named;
  if (!compiled.usesFacts) return all;
  const factsText = textOf(node.factsJson);
  if (factsText.length > filterLimits.factsCharactersMax) return no('the facts are too large to be judged');
  for (const fact of compiled.filter.facts) {
    const verdict = matchFact(fact, factsText, compiled.pool);
    if (!verdict.matched) return no(verdict.reason ?? `fact "${fact.fact}" does not match`);
  }
  if (compiled.filter.compounds.length === 0) return all;
  return matchCompounds(compiled, node, {factsText, nowMs: options.nowMs ?? 0});
}

/** Judges on a node, reading its facts and classes only when the filter asks for them. */
export async function matchFilterOn(
  compiled: CompiledFilter,
  source: FilterNodeSource,
  options: {readonly nowMs?: number} = {},
): Promise<FilterVerdict> {
  const {identity, data} = source;
  const early = matchIdentity(compiled, identity) ?? matchAgents(compiled, source.agents());
  if (early !== undefined) return early;
  const classes = compiled.usesClasses ? await source.classes() : [];
  const factsJson = compiled.usesFacts ? await source.factsJson() : '{}';
  return matchCompiledFilter(
    compiled,
    {identity, agents: source.agents(), classes, factsJson, ...(data && {data})},
    options,
  );
}

export interface FilterMatcher {
  /** Compiles the filter when this object is seen first; then only judges. */
  match(filter: Filter, node: FilterNodeSource, options?: {readonly nowMs?: number}): Promise<FilterVerdict>;
}

/** One for a process: nodes that share a request object share the compiled filter. */
export function createFilterMatcher(): FilterMatcher {
  const compiled = new WeakMap<Filter, CompiledFilter>();
  return {
    async match(filter, node, options) {
      const known = compiled.get(filter) ?? compileFilter(filter);
      compiled.set(filter, known);
      return matchFilterOn(known, node, options);
    },
  };
}

function textOf(facts: string | Uint8Array): string {
  return typeof facts === 'string'
    ? facts
    : Buffer.from(facts.buffer, facts.byteOffset, facts.byteLength).toString('utf8');
}

/** Undefined when identity, agents and classes all match. */
function matchNames(compiled: CompiledFilter, node: FilterNode): FilterVerdict | undefined {
  const early = matchIdentity(compiled, node.identity) ?? matchAgents(compiled, node.agents);
  if (early !== undefined) return early;
  const missing = compiled.classes.find(({test}) => !node.classes.some(test));
  return missing === undefined ? undefined : no(`no class matches "${missing.entry}"`);
}

function matchIdentity({identities}: CompiledFilter, identity: string): FilterVerdict | undefined {
  if (identities.length === 0 || identities.some(({test}) => test(identity))) return undefined;
  return no(`identity "${identity}" is not asked for`);
}

function matchAgents(compiled: CompiledFilter, agents: readonly string[]): FilterVerdict | undefined {
  const missing = compiled.agents.find(({test}) => !agents.some(test));
  return missing === undefined ? undefined : no(`no agent matches "${missing.entry}"`);
}

/** One up for true, one down for false; more true than false matches, any failure does not. */
async function matchCompounds(
  compiled: CompiledFilter,
  node: FilterNode,
  options: {readonly factsText: string; readonly nowMs: number},
): Promise<FilterVerdict> {
  const programs = compiled.compoundsFor(node.data);
  if (typeof programs === 'string') return no(programs);
  let count = 0;
  for (const program of programs) {
    if (typeof program === 'string') return no(program);
    try {
      count += (await runCompound(program, node, {...options, pool: compiled.pool})) ? 1 : -1;
    } catch (error) {
      return no(error instanceof LangError ? error.message : `a data plugin failed: ${errorMessage(error)}`);
    }
  }
  return count > 0 ? all : no('the expression is false');
}
