/** The metadata of an agent's DDL, for tests that care about a few of its fields. */
export interface AgentMetadata {
  readonly name: string;
  readonly description: string;
  readonly author: string;
  readonly license: string;
  readonly version: string;
  readonly url: string;
  /** In seconds. */
  readonly timeout: number;
  readonly provider?: string;
}

/** @example agentMetadata('web', {timeout: 2}) */
export function agentMetadata(name: string, change: Partial<AgentMetadata> = {}): AgentMetadata {
  return {
    name,
    description: 'd',
    author: 'a',
    license: 'l',
    version: '1.0.0',
    url: 'https://example.net/',
    timeout: 5,
    ...change,
  };
}
