/** Tests nodes of an inventory file with the rules that nodes use themselves. */
import {type CompileFilter, DiscoveryError} from '../discovery/index.ts';
import {compileFilter, matchCompiledFilter} from '../protocol/index.ts';

/** Here a bad expression is an error, because there is no node that could stay silent. */
export const compileNodeFilter: CompileFilter = (filter) => {
  const compiled = compileFilter(filter);
  const compounds = compiled.compoundsFor(undefined);
  const problem = typeof compounds === 'string' ? compounds : compounds.find((item) => typeof item === 'string');
  if (typeof problem === 'string') {
    throw new DiscoveryError('ERR_DISCOVERY_FILTER', problem, {details: {compounds: filter.compounds}});
  }
  return async (node) => {
    const {name, agents, classes, facts} = node;
    const verdict = await matchCompiledFilter(compiled, {
      identity: name,
      agents,
      classes,
      factsJson: JSON.stringify(facts),
    });
    return verdict.matched;
  };
};
