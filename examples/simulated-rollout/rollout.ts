/**
 * An automation as people write it: switch every web node to a version, one after the other, and say when all of them have it.
 *
 * `careless` has a mistake that no test on a healthy fleet shows. `careful` is what it became after a simulated fleet found it.
 */
import type {Client} from '../../src/client/index.ts';

export interface Rollout {
  readonly switched: readonly string[];
  readonly open: readonly string[];
}

/** Believes that no news is good news: a node that does not answer counts as switched. */
export async function careless(client: Client, version: string): Promise<Rollout> {
  const {identities} = await client.discover({agent: 'release'});
  for (const identity of identities) {
    for await (const reply of client.request('release', 'switch', {version}, {targets: [identity]})) {
      if (reply.statusCode !== 0) return {switched: [], open: [identity]};
    }
  }
  return {switched: identities, open: []};
}

/** Counts only what was answered, and knows which nodes there should be. */
export async function careful(
  client: Client,
  options: {readonly version: string; readonly expected: readonly string[]},
): Promise<Rollout> {
  const switched: string[] = [];
  const replies = client.request('release', 'switch', {version: options.version}, {targets: options.expected});
  for await (const reply of replies) if (reply.statusCode === 0) switched.push(reply.sender);
  return {switched: switched.sort(), open: options.expected.filter((identity) => !switched.includes(identity))};
}
