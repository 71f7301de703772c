/** Names of nodes as files and commands give them. */
import {DiscoveryError} from './errors.ts';
import {discoveryLimits} from './limits.ts';

const label = /^[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?$/;

/** Whether a name is made of host name labels: letters, digits and inner dashes, joined by dots. */
export function isIdentity(name: string): boolean {
  return name.length <= discoveryLimits.identityBytesMax && name.split('.').every((part) => label.test(part));
}

/**
 * The names, each once, in order; one bad name refuses the whole list, because a list that was cut in two or is of another format
 * must not become a smaller fleet without a word.
 *
 * @throws {DiscoveryError} `ERR_DISCOVERY_IDENTITY` | `ERR_DISCOVERY_READ`
 */
export function checkedIdentities(names: readonly string[], source: string): readonly string[] {
  if (names.length > discoveryLimits.nodesMax) {
    throw new DiscoveryError(
      'ERR_DISCOVERY_READ',
      `Cannot use the nodes of ${source}: it names ${names.length}, at most ${discoveryLimits.nodesMax} are possible`,
    );
  }
  for (const [index, name] of names.entries()) {
    if (isIdentity(name)) continue;
    throw new DiscoveryError(
      'ERR_DISCOVERY_IDENTITY',
      `Cannot use the nodes of ${source}: entry ${index + 1} is the invalid identity ${quoted(name)}, expected a host name`,
      {details: {source, entry: index + 1}},
    );
  }
  return [...new Set(names)];
}

function quoted(name: string): string {
  return JSON.stringify(name.length > 120 ? `${name.slice(0, 120)}...` : name);
}
