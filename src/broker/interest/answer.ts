/** What both engines make of the connections they know: the answer to a question about interest. */
import {defaultInterestAgents, type InterestAnswer, type InterestQuery} from '../../protocol/index.ts';
import {hasWildcard} from '../../natswire/index.ts';

/** What one connection listens to, gathered for one collective. */
export interface Listening {
  /** Of its own subjects `<collective>.node.<identity>`; a server has one. */
  readonly identities: readonly string[];
  readonly agents: ReadonlySet<string>;
}

/**
 * Reads the subjects of one connection.
 *
 * Only literal subjects count: a tool that listens to everything is no server.
 */
export function readSubjects(subjects: Iterable<string>, collective: string): Listening | undefined {
  const node = `${collective}.node.`;
  const agent = `${collective}.broadcast.agent.`;
  let identities: string[] | undefined;
  let agents: Set<string> | undefined;
  for (const subject of subjects) {
    if (!subject.startsWith(collective) || hasWildcard(subject)) continue;
    if (subject.startsWith(node)) (identities ??= []).push(subject.slice(node.length));
    else if (subject.startsWith(agent)) (agents ??= new Set()).add(subject.slice(agent.length));
  }
  return identities === undefined ? undefined : {identities, agents: agents ?? noAgents};
}

const noAgents: ReadonlySet<string> = new Set();

export function answerFrom(
  query: InterestQuery,
  known: {readonly listeners: Iterable<Listening>; readonly complete: boolean; readonly brokers: number},
): InterestAnswer {
  const wanted = query.agents ?? defaultInterestAgents;
  const matching = new Set<string>();
  const asked = query.identities === undefined ? undefined : new Set(query.identities);
  const connected = new Set<string>();
  for (const {identities, agents} of known.listeners) {
    const hasAll = wanted.every((name) => agents.has(name));
    for (const identity of identities) {
      if (hasAll) matching.add(identity);
      if (asked?.has(identity) === true) connected.add(identity);
    }
  }
  return {
    collective: query.collective,
    servers: matching.size,
    ...(query.list === true ? {identities: [...matching].sort()} : {}),
    ...(asked === undefined ? {} : {connected: [...connected].sort()}),
    complete: known.complete,
    truncated: false,
    brokers: known.brokers,
  };
}
