/** Tests nodes of an inventory file with the rules that nodes use themselves. */
import {type CompileFilter, DiscoveryError} from '../discovery/index.ts';

export const compileNodeFilter: CompileFilter = (filter) => {
  const {facts, classes, agents, identities, compounds} = filter;
  if (facts.length + classes.length + agents.length + identities.length + compounds.length === 0) return () => true;
  throw new DiscoveryError(
    'ERR_DISCOVERY_FILTER',
    'Cannot filter an inventory file by facts, classes, agents or names',
  );
};
