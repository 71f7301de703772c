/**
 * Keeps the subscriptions of a server in step with its collectives and agents (server.md 5).
 *
 * One handler for all of them: the agent is the one the request names, not the one of the subject.
 */
import type {Connection, MiddlewareMessage, MiddlewareSubscription} from '../connect/index.ts';
import {broadcastSubject, nodeSubject, serviceSubject} from '../protocol/index.ts';
import type {Agent, AgentRegistry} from '../rpc/types.ts';

export interface Subscriptions {
  readonly count: number;
  stop(): void;
}

export function startSubscriptions(options: {
  readonly connection: Connection;
  readonly registry: AgentRegistry;
  readonly identity: string;
  readonly collectives: readonly string[];
  /** Service hosts do not listen on their node subject. */
  readonly withNode: boolean;
  readonly handler: (message: MiddlewareMessage) => void;
}): Subscriptions {
  const {connection, registry, identity, collectives, handler} = options;
  const byAgent = new Map<string, readonly MiddlewareSubscription[]>();
  const nodeSubscriptions = options.withNode
    ? collectives.map((collective) => connection.subscribe(nodeSubject(collective, identity), handler))
    : [];

  const subscribeAgent = (agent: Agent): readonly MiddlewareSubscription[] => {
    const {name, service} = agent.metadata;
    return collectives.map((collective) =>
      service
        ? connection.subscribe(serviceSubject(collective, name), handler, {queue: name})
        : connection.subscribe(broadcastSubject(collective, name), handler),
    );
  };
  const drop = (name: string): void => {
    for (const subscription of byAgent.get(name) ?? []) subscription.unsubscribe();
    byAgent.delete(name);
  };
  const stopListening = registry.listen({
    added: (agent) => void byAgent.set(agent.metadata.name, subscribeAgent(agent)),
    removed: (agent) => drop(agent.metadata.name),
  });
  return {
    get count() {
      return nodeSubscriptions.length + [...byAgent.values()].reduce((sum, list) => sum + list.length, 0);
    },
    stop() {
      stopListening();
      for (const subscription of nodeSubscriptions) subscription.unsubscribe();
      for (const name of byAgent.keys()) drop(name);
    },
  };
}
