/** How a program acts as an operator: find nodes, ask them, and tell who did not answer. */
import type {Client} from '../../src/client/index.ts';

export interface FactReport {
  /** Names of nodes by the value they gave, as JSON text. */
  readonly values: ReadonlyMap<string, readonly string[]>;
  /** Nodes that were asked and said nothing. */
  readonly silent: readonly string[];
}

/** Asks every node that a filter means for one fact. */
export async function reportFact(client: Client, fact: string, classes: readonly string[] = []): Promise<FactReport> {
  const values = new Map<string, string[]>();
  const replies = client.request('rpcutil', 'get_fact', {fact}, {filter: {classes}});
  // Replies come as they arrive; leaving the loop ends the request.
  for await (const reply of replies) {
    if (reply.statusCode !== 0) continue;
    const {value} = reply.data as {readonly value?: unknown};
    const text = JSON.stringify(value) ?? 'nothing';
    values.set(text, [...(values.get(text) ?? []), reply.sender]);
  }
  const {noResponses} = await replies.finished;
  return {values, silent: noResponses};
}
