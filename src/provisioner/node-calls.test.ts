import {expect, test} from 'vitest';
import {createFakePlatform} from '../../test/support/fake-platform.ts';
import {createRecordingLogger} from '../../test/support/recording-logger.ts';
import {HandHeldConnection} from '../../test/support/test-server.ts';
import {createMessenger} from '../client/internal.ts';
import {createUnsignedProvider} from '../crypto/index.ts';
import {createReply, encodeReplyTransport, openRequest, openTransport} from '../protocol/index.ts';
import {createNodeCaller} from './node-calls.ts';

interface Answer {
  readonly sender: string;
  /** What the outer layer says; the sender when left out. */
  readonly transportSender?: string;
  readonly id?: string;
  readonly agent?: string;
  readonly message: string;
}

/** Asks n1 for its token, delivers the answers in order, and gives the words of the one that counted. */
async function wordsOf(answers: readonly Answer[]): Promise<string | undefined> {
  const {platform, clock} = createFakePlatform();
  const provider = createUnsignedProvider({certname: 'provisioner.example.net'});
  const connection = new HandHeldConnection();
  const messenger = createMessenger({
    connection,
    provider,
    platform,
    identity: 'provisioner.example.net',
    mainCollective: 'provisioning',
    federations: [],
    acceptsUnsigned: true,
  });
  const caller = createNodeCaller({messenger, collective: 'provisioning', logger: createRecordingLogger()});
  const called = caller.call({identity: 'n1', agent: 'choria_provision', action: 'jwt', data: {}, timeoutMs: 1000});
  await clock.advance(1);
  const [published] = connection.published;
  expect(published?.subject).toBe('provisioning.node.n1');
  const transport = openTransport(published?.payload ?? Buffer.alloc(0));
  const {request} = openRequest(transport, {provider, nowMs: clock.nowMs()});
  for (const {sender, transportSender = sender, id = request.id, agent = request.agent, message} of answers) {
    const body = Buffer.from(JSON.stringify({statuscode: 0, statusmsg: message, data: {}}));
    const payload = await createReply({...request, id, agent}, {senderId: sender, body, nowMs: clock.nowMs()});
    const encoded = encodeReplyTransport(transport, {payload, senderId: transportSender, connectedServer: 'b'});
    for (const {handler} of connection.subjects.values()) {
      handler({subject: transport.replyTo ?? '', replyTo: undefined, headers: undefined, payload: encoded});
    }
  }
  await clock.advance(1000);
  const answer = await called;
  caller.close();
  return answer?.statusMessage;
}

const honest: Answer = {sender: 'n1', message: 'honest'};

test('the answer of the node that was asked counts', async () => {
  expect(await wordsOf([honest])).toBe('honest');
});

test.each([
  ['another node', {sender: 'n2', message: 'false'}],
  ['another node in its name', {sender: 'n1', transportSender: 'n2', message: 'false'}],
  ['another node that lets it look so outside', {sender: 'n2', transportSender: 'n1', message: 'false'}],
  ['itself, to another request', {sender: 'n1', id: 'f'.repeat(32), message: 'false'}],
  ['itself, of another agent', {sender: 'n1', agent: 'rpcutil', message: 'false'}],
])('fault 63: an answer of %s counts for nothing, and the right one after it does', async (_who, answer) => {
  expect(await wordsOf([answer])).toBeUndefined();
  expect(await wordsOf([answer, honest])).toBe('honest');
});
