/**
 * The agent that simulated nodes run: it writes down what ran, which is what the checkers compare with.
 */
import {defineAction, defineAgent, type DefinedAgent} from '../rpc/index.ts';
import {type Platform, sleep} from '../lib/platform.ts';

export interface Run {
  readonly node: string;
  readonly requestId: string;
  readonly callerId: string;
  readonly action: string;
  readonly task: string;
  /** By the node's own clock, ms since the request was made. */
  readonly ageMs: number;
  /** The node's wall clock. */
  readonly wallMs: number;
  readonly ttlSeconds: number;
}

const runtimeMsMax = 400;

export const ledgerPolicy = [
  'policy default deny',
  'allow\tchoria=alice.mcollective\t*\t*\t*',
  'allow\tchoria=carol.mcollective\tread\t*\t*',
  'allow\tchoria=dave.mcollective\t*\t*\t*',
  'allow\tchoria=erin.mcollective\t*\t*\t*',
  '',
].join('\n');

/** @param ran  called as the first thing an action does */
export function createLedgerAgent(platform: Pick<Platform, 'clock' | 'random'>, ran: (run: Run) => void): DefinedAgent {
  const inputs = {
    task: {type: 'string', description: 'What to write down', maxLengthBytes: 200, validation: '^[a-z0-9-]+$'},
  } as const;
  const outputs = {task: {type: 'string', description: 'What was written down'}} as const;
  const record = (action: string) =>
    defineAction({
      description: 'Writes the task down and answers with it',
      inputs,
      outputs,
      run: async ({task}, {request, node}) => {
        ran({
          node: node.identity,
          requestId: request.requestId,
          callerId: request.callerId,
          action,
          task,
          ageMs: platform.clock.nowMs() - request.sentAtMs,
          wallMs: platform.clock.nowMs(),
          ttlSeconds: request.ttlSeconds,
        });
        await sleep(platform.clock, platform.random.float() * runtimeMsMax);
        return {task};
      },
    });
  return defineAgent({
    name: 'ledger',
    description: 'Writes down what it is told',
    author: 'choria',
    license: 'Apache-2.0',
    version: '1.0.0',
    url: 'https://choria.io',
    timeoutSeconds: 5,
    actions: {write: record('write'), read: record('read')},
  });
}
