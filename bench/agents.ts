/** Agents from a directory: what a call through a process of its own costs, and what reloading under load loses. */
import {type AgentNode, startAgentNode} from '../test/support/agent-node.ts';
import {type BenchContext, type BenchRow, benchRow} from './row.ts';

const callers = 8;
const reloads = 10;
const callsBetween = 300;

function source(version: number): string {
  return `import {defineAction, defineAgent} from 'choria/agent';
export default defineAgent({
  name: 'web', description: 'd', author: 'a', license: 'Apache-2.0', version: '1.${version}.0', url: 'https://example.net', timeoutSeconds: 30,
  actions: {
    say: defineAction({
      description: 'd',
      outputs: {version: {type: 'integer', description: 'd'}},
      run: async () => { await new Promise((resolve) => setTimeout(resolve, 5)); return {version: ${version}}; },
    }),
  },
});
`;
}

interface Outcome {
  readonly answered: number;
  readonly lost: number;
  readonly versions: number;
}

async function reloadUnderLoad(node: AgentNode): Promise<Outcome> {
  const versions = new Set<unknown>();
  const done = new AbortController();
  const counts = {answered: 0, lost: 0};
  const loops = Array.from({length: callers}, async () => {
    while (!done.signal.aborted) {
      const reply = await node.call('web', 'say');
      if (reply?.statuscode === 0) {
        counts.answered++;
        versions.add(reply.data['version']);
      } else counts.lost++;
    }
  });
  for (let version = 1; version <= reloads; version++) {
    await answersOf(counts, counts.answered + callsBetween);
    node.write('agents/web.mjs', source(version));
    await node.scan();
  }
  done.abort();
  await Promise.all(loops);
  return {...counts, versions: versions.size};
}

async function answersOf(counts: {readonly answered: number; readonly lost: number}, target: number): Promise<void> {
  while (counts.answered < target && counts.lost === 0) await new Promise((resolve) => setImmediate(resolve));
}

export async function rows({say}: BenchContext): Promise<readonly BenchRow[]> {
  const node = await startAgentNode({settings: {'plugin.choria.server.agents': '{root}/agents'}});
  try {
    node.write('agents/web.mjs', source(0));
    await node.scan();
    const {answered, lost, versions} = await reloadUnderLoad(node);
    say(`${reloads} reloads, ${answered} requests answered by ${versions} versions, ${lost} lost`);
    return [
      benchRow('agents: requests lost by reloading under load', {
        unit: 'requests',
        ours: lost,
        goal: {atMost: 0},
        note: `${reloads} reloads while ${answered} requests ran`,
      }),
    ];
  } finally {
    await node[Symbol.asyncDispose]();
  }
}
