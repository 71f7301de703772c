/**
 * Agents of emulated nodes: they take their time, fail now and then and answer as much as they are told to, so that a study can look like the fleet it stands for.
 *
 * Name, action and input are the reference's: agents `emulated0`, `emulated1`, ... with the action `generate`.
 */
import {sleep} from '../../lib/platform.ts';
import {ActionFailure, defineAction, defineAgent, type DefinedAgent} from '../../rpc/index.ts';
import {version} from '../../lib/version.ts';

export interface EmulatedAgentSettings {
  readonly name: string;
  /** The action takes between these, evenly spread. */
  readonly delayMs?: {readonly min: number; readonly max: number};
  /** Share of the requests that fail, 0 to 1. */
  readonly failureRate?: number;
  /** Characters of the message when the request does not say how many. */
  readonly replyBytes?: number;
}

/** A reply beyond this would be cut off by most brokers. */
export const emulatedReplyBytesMax = 1_000_000;
export const emulatedDelayMsMax = 3_600_000;
/** Time that an agent has beyond its own delay. */
const extraSeconds = 5;
const defaultReplyBytes = 20;
const digits = '0123456789';

export function createEmulatedAgent(settings: EmulatedAgentSettings): DefinedAgent {
  const {name, delayMs = {min: 0, max: 0}, failureRate = 0, replyBytes = defaultReplyBytes} = settings;
  return defineAgent({
    name,
    description: 'Answers as an emulated agent of a study',
    author: 'choria',
    license: 'Apache-2.0',
    version,
    url: 'https://choria.io',
    timeoutSeconds: Math.ceil(delayMs.max / 1000) + extraSeconds,
    actions: {
      generate: defineAction({
        description: 'Generates a message of a given size',
        display: 'failed',
        inputs: {
          size: {type: 'integer', description: 'Characters of the message', optional: true, default: replyBytes},
        },
        outputs: {message: {type: 'string', description: 'The message', displayAs: 'Message'}},
        run: async ({size}, {node, signal}) => {
          const {clock, random} = node.platform;
          const waitMs = delayMs.min + random.float() * (delayMs.max - delayMs.min);
          if (waitMs > 0) await sleep(clock, waitMs, {signal});
          if (failureRate > 0 && random.float() < failureRate) throw new ActionFailure('Failed as it was told to');
          return {message: messageOf(size ?? replyBytes)};
        },
      }),
    },
  });
}

function messageOf(size: number): string {
  if (size < 0 || size > emulatedReplyBytesMax) {
    throw new ActionFailure(
      `Cannot generate a message of ${size} characters: expected 0 to ${emulatedReplyBytesMax} of them`,
    );
  }
  return digits.repeat(Math.ceil(size / digits.length)).slice(0, size);
}
