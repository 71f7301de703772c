/**
 * An agent of a program's own: it switches which Prometheus target publishes its metrics.
 *
 * In a program of your own the import is `choria/agent`; here the example uses the sources beside it.
 */
import {ActionFailure, defineAction, defineAgent, type DefinedAgent} from '../../src/rpc/agent.ts';

/** What the program knows of its targets; the agent and the rest of the program share it. */
export interface Streams {
  readonly targets: readonly string[];
  active: string;
}

export function createStreamsAgent(streams: Streams): DefinedAgent {
  return defineAgent({
    name: 'prometheus_streams',
    description: 'Switches which Prometheus target publishes its metrics',
    author: 'Example <ops@example.net>',
    license: 'Apache-2.0',
    version: '1.0.0',
    url: 'https://choria.io',
    timeoutSeconds: 10,
    actions: {
      switch: defineAction({
        description: 'Makes one target publish and every other one rest',
        display: 'always',
        inputs: {
          target: {
            type: 'string',
            prompt: 'Target',
            description: 'Name of the target that shall publish',
            validation: '^[a-z][a-z0-9_-]*$',
            maxLengthBytes: 64,
          },
        },
        outputs: {
          active: {type: 'string', displayAs: 'Active', description: 'The target that publishes now'},
          previous: {type: 'string', displayAs: 'Previous', description: 'The target that published before'},
        },
        aggregates: [{function: 'summary', args: ['active']}],
        run: async ({target}, {node, request}) => {
          if (!streams.targets.includes(target)) {
            throw new ActionFailure(`Cannot switch to "${target}": expected one of ${streams.targets.join(', ')}`);
          }
          const previous = streams.active;
          streams.active = target;
          node.logger.info(`Switched from ${previous} to ${target}`, {caller: request.callerId});
          return {active: target, previous};
        },
      }),
      status: defineAction({
        description: 'Tells which target publishes',
        display: 'always',
        outputs: {active: {type: 'string', displayAs: 'Active', description: 'The target that publishes now'}},
        run: async () => ({active: streams.active}),
      }),
    },
  });
}
