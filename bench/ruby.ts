/**
 * A call of a Ruby agent that loads Puppet: through the shim, which starts Ruby for each call, and through a warm worker. Needs the Debian
 * packages `ruby`, `mcollective-client` and `puppet`.
 */
import {cpSync, mkdirSync} from 'node:fs';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {type AgentNode, startAgentNode} from '../test/support/agent-node.ts';
import {type BenchContext, type BenchRow, benchRow, median} from './row.ts';

const shim = fileURLToPath(new URL('../packaging/ruby/choria_mcollective_agent_compat.rb', import.meta.url));
const fixtures = fileURLToPath(new URL('../test/fixtures/ruby', import.meta.url));

async function startNode(workers: boolean): Promise<AgentNode> {
  const node = await startAgentNode({
    settings: {
      'plugin.choria.agent_provider.mcorpc.agent_shim': shim,
      'plugin.choria.agent_provider.mcorpc.config': '{root}/shim.cfg',
      'plugin.choria.agent_provider.mcorpc.workers': String(workers),
    },
  });
  cpSync(fixtures, join(node.root, 'lib'), {recursive: true});
  mkdirSync(join(node.root, 'state'));
  node.write('shim.cfg', `libdir = ${node.root}/lib\nloglevel = error\nplugin.psk = unset\n`);
  node.write('plugin.d/puppet.cfg', `state = ${node.root}/state\n`);
  await node.scan();
  return node;
}

/** @returns milliseconds of each call, in order */
async function timeCalls(node: AgentNode, count: number): Promise<readonly number[]> {
  const times: number[] = [];
  for (let index = 0; index < count; index++) {
    const started = performance.now();
    const reply = await node.call('puppet', 'status');
    if (reply?.statuscode !== 0) throw new Error(`the call failed: ${JSON.stringify(reply)}`);
    times.push(performance.now() - started);
  }
  return times;
}

export async function rows({say}: BenchContext): Promise<readonly BenchRow[]> {
  const cold = await startNode(false);
  const warm = await startNode(true);
  try {
    const [first = Number.NaN] = await timeCalls(warm, 3);
    say(`first call of a worker: ${first.toFixed(0)} ms`);
    const coldTimes: number[] = [];
    const warmTimes: number[] = [];
    // Side by side, so that both have the same machine.
    for (let round = 0; round < 5; round++) {
      coldTimes.push(...(await timeCalls(cold, 2)));
      warmTimes.push(...(await timeCalls(warm, 40)));
    }
    say(`shim ${median(coldTimes).toFixed(0)} ms, worker ${median(warmTimes).toFixed(1)} ms a call`);
    return [
      benchRow('ruby: calls of an agent that loads Puppet', {
        unit: 'calls/s',
        ours: 1000 / median(warmTimes),
        peer: 1000 / median(coldTimes),
        goal: {atLeastTimesPeer: 20},
        note: 'the peer is the shim, one process a call',
      }),
    ];
  } finally {
    await warm[Symbol.asyncDispose]();
    await cold[Symbol.asyncDispose]();
  }
}
