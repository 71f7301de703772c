/** The ping of discovery over a fake connection: who counts as an answer, when it is over, what is never sent. */
import {describe, expect, test} from 'vitest';
import {FakeFleet, type FakeMessengerOptions, settle} from '../../test/support/fake-fleet.ts';
import {createRecordingLogger} from '../../test/support/recording-logger.ts';
import {ConnectError} from '../connect/index.ts';
import {emptyFilter, type InterestAnswer} from '../protocol/index.ts';
import type {Filter} from '../protocol/types.ts';
import {createProbe} from './probe.ts';

async function ping(
  options: FakeMessengerOptions & {
    readonly filter?: Filter;
    readonly requireFilter?: boolean;
    readonly flushError?: Error;
  } = {},
) {
  const fleet = new FakeFleet();
  const found: string[] = [];
  const notices: string[] = [];
  if (options.flushError !== undefined) fleet.flushError = options.flushError;
  const messenger = {
    ...fleet.messenger(options),
    peekSender: (payload: Buffer) => (JSON.parse(payload.toString()) as {sender?: string}).sender,
  };
  const probe = createProbe({
    messenger: async () => messenger,
    logger: createRecordingLogger(),
    notice: (text) => notices.push(text),
    ttlSeconds: 60,
    requireFilter: options.requireFilter ?? false,
  });
  const handle = await probe.send(
    {
      filter: options.filter ?? emptyFilter,
      collective: 'mcollective',
      timeoutMs: 2_000,
      signal: new AbortController().signal,
    },
    (identity) => found.push(identity),
  );
  let isOver = false;
  void handle.over.then(() => {
    isOver = true;
  });
  return {fleet, notices, found, handle, isOver: () => isOver};
}

const listening = (...identities: readonly string[]) => ({
  interest: async (): Promise<InterestAnswer> => ({
    collective: 'mcollective',
    servers: identities.length,
    identities,
    complete: true,
    truncated: false,
    brokers: 1,
  }),
});

describe('the ping of discovery', () => {
  test.each(['a b', 'n1\n', 'n*', '>', '', 'n..x', '.n', 'n.', '\u001b[31mn', 'a\u0000b', 'x'.repeat(600)])(
    'a sender that no node can have is left out (%j)',
    async (sender) => {
      const {fleet, found} = await ping();
      fleet.answer('n1');
      fleet.answer(sender);
      fleet.answer('n2');
      expect(found).toEqual(['n1', 'n2']);
    },
  );

  test('what is no message at all is left out', async () => {
    const {fleet, found} = await ping();
    for (const payload of ['{', '[]', '{"sender":7}', 'x'.repeat(100)]) fleet.deliver(Buffer.from(payload));
    fleet.answer('n1');
    expect(found).toEqual(['n1']);
  });

  test('an answer that says that it was sent before counts once, and any other second one is told', async () => {
    const {fleet, found} = await ping();
    const answer = Buffer.from('{"sender":"n1"}');
    const again = Buffer.from('NATS/1.0\r\nChoria-Notes: 1\r\nChoria-Again: 1\r\n\r\n');
    fleet.deliver(answer, again);
    fleet.deliver(answer, again);
    expect(found).toEqual(['n1']);
    fleet.deliver(answer);
    expect(found).toEqual(['n1', 'n1']);
  });

  test('it is over when all that the broker counted answered, and counts strangers too', async () => {
    const {fleet, found, handle, isOver} = await ping(listening('n1', 'n2'));
    fleet.answer('n1');
    fleet.answer('n1');
    fleet.answer('n9');
    await settle();
    expect(isOver()).toBe(false);
    expect(handle.outcome()).toMatchObject({complete: false, missing: [{identity: 'n2', reason: 'unresponsive'}]});
    fleet.answer('n2');
    await settle();
    expect(isOver()).toBe(true);
    expect(found).toEqual(['n1', 'n1', 'n9', 'n2']);
    expect(handle.outcome()).toEqual({isKnown: true, complete: true, missing: []});
  });

  test('a number without names is counted again when it is reached, and nobody is forgotten', async () => {
    const counts = [1, 2, 2];
    const questions: unknown[] = [];
    const interest = (query: {readonly list?: boolean}) => {
      questions.push(query.list);
      const servers = counts[questions.length - 1] ?? 0;
      return Promise.resolve({collective: 'mcollective', servers, complete: true, truncated: true, brokers: 1});
    };
    const {fleet, handle, isOver} = await ping({interest});
    await settle();
    // It answered and left before anybody was counted.
    fleet.answer('n1');
    await settle();
    expect(isOver()).toBe(false);
    expect(handle.outcome()).toEqual({isKnown: true, complete: false, missing: [], unnamedMissing: 1});
    fleet.answer('n2');
    await settle();
    expect(isOver()).toBe(true);
    expect(handle.outcome()).toEqual({isKnown: true, complete: true, missing: []});
    expect(questions).toEqual([true, false, false]);
  });

  test('whoever does not match is not missing, whoever refuses is', async () => {
    const {fleet, handle, isOver} = await ping(listening('n1', 'n2', 'n3'));
    fleet.answer('n1');
    fleet.note('n2', 'filtered');
    fleet.note('n3', 'refused', 'another request');
    await settle();
    expect(isOver()).toBe(false);
    fleet.note('n3', 'refused');
    await settle();
    expect(isOver()).toBe(true);
    expect(handle.outcome().missing.map(({identity, reason}) => [identity, reason])).toEqual([['n3', 'refused']]);
  });

  test('a flood of strangers neither ends it nor hides who is missing', async () => {
    const {fleet, handle, isOver} = await ping(listening('n1', 'n2'));
    fleet.answer('n1');
    for (let count = 0; count < 5_000; count++) fleet.answer(`x${count}`);
    await settle();
    expect(isOver()).toBe(false);
    expect(handle.outcome().missing.map(({identity}) => identity)).toEqual(['n2']);
  });

  test.each([
    ['that has no such service', async () => undefined],
    ['that does not know its whole cluster', async () => ({...(await listening('n1').interest()), complete: false})],
    ['that fails', () => Promise.reject(new Error('lost'))],
  ])('with a broker %s nothing is known, and nothing ends it', async (_what, interest) => {
    const {fleet, handle, isOver} = await ping({interest});
    fleet.answer('n1');
    await settle();
    expect(isOver()).toBe(false);
    expect(handle.outcome()).toEqual({isKnown: false, complete: false, missing: []});
  });

  test('without a filter nothing is sent where a filter is asked for', async () => {
    await expect(ping({requireFilter: true})).rejects.toMatchObject({code: 'ERR_REQUEST_UNFILTERED'});
    const agents = ['puppet'];
    await expect(ping({requireFilter: true, filter: {...emptyFilter, agents}})).rejects.toMatchObject({
      code: 'ERR_REQUEST_UNFILTERED',
    });
    await ping({requireFilter: true, filter: {...emptyFilter, classes: ['web']}});
  });

  test('across federations it is sent once to each, with the subject inside', async () => {
    const {fleet} = await ping({federations: ['eu', 'us']});
    expect(fleet.published.map(({subject}) => subject)).toEqual([
      'choria.federation.eu.federation',
      'choria.federation.us.federation',
    ]);
    expect(fleet.published[0]?.message['federation']).toMatchObject({
      targets: ['mcollective.broadcast.agent.discovery'],
    });
  });

  test('a broker that does not confirm in time is a doubt that is told, any other failure is a failure', async () => {
    const late = new ConnectError('ERR_FLUSH_TIMEOUT', 'not in time');
    const {fleet, found, notices} = await ping({flushError: late});
    fleet.answer('n1');
    expect(found).toEqual(['n1']);
    expect(notices).toEqual(['The broker did not confirm that it took the question: not in time']);
    const lost = new ConnectError('ERR_CONNECTION_LOST', 'gone');
    await expect(ping({flushError: lost})).rejects.toBe(lost);
  });

  test('after its end it listens no more', async () => {
    const {fleet, handle} = await ping();
    handle.stop();
    expect(fleet.isSubscribed).toBe(false);
  });
});
