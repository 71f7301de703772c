/** The agent that the automation drives: remembers which version a node runs. */
import {defineAction, defineAgent} from '../../src/rpc/agent.ts';

export function createReleaseAgent(switched: (version: string) => void) {
  return defineAgent({
    name: 'release',
    description: 'Switches the version of the web application',
    author: 'Ops <ops@example.net>',
    license: 'Apache-2.0',
    version: '1.0.0',
    url: 'https://example.net',
    timeoutSeconds: 10,
    actions: {
      switch: defineAction({
        description: 'Runs this version from now on',
        inputs: {version: {type: 'string', description: 'The version', maxLengthBytes: 20, validation: '^[0-9.]+$'}},
        outputs: {version: {type: 'string', description: 'The version that runs'}},
        run: async ({version}) => {
          switched(version);
          return {version};
        },
      }),
    },
  });
}
