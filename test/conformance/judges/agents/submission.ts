/** Messages of the spool as they are published: each line of the file is one message, given to the spool and delivered once. */
import {configFromEntries} from '../../../../src/config/index.ts';
import {silentLogger} from '../../../../src/lib/logger.ts';
import type {Clock} from '../../../../src/lib/platform.ts';
import {createSubmissionDelivery, createSubmissionSpool, encodeMessage} from '../../../../src/submission/index.ts';
import {createFakePlatform} from '../../../support/fake-platform.ts';
import {judgeEqual, type Judge} from '../../judge.ts';
import {caseList, fields, text, type Fields} from './_cases.ts';

interface Sent {
  readonly subject: string;
  readonly request: boolean;
  readonly headers: unknown;
  readonly data: string;
}

const middle = '.submission.in.';

async function publish(item: Fields): Promise<Sent | undefined> {
  const headers = fields(item['headers']) as Readonly<Record<string, readonly string[]>>;
  const header = (name: string): string | undefined => headers[name]?.[0];
  const subject = text(item['subject']);
  const at = subject.indexOf(middle);
  const createdNs = BigInt(header('Choria-Created') ?? '1795232580000000000');
  const {platform, files, clock} = createFakePlatform({files: {'/spool/keep': ''}});
  const collective = subject.slice(0, at);
  const config = await configFromEntries(
    {collectives: collective, identity: header('Choria-Identity') ?? ''},
    {platform, mode: 'server'},
  );
  await createSubmissionSpool({platform, directory: '/spool', messagesMax: 10});
  const priority = Number(header('Choria-Priority'));
  const own = Object.entries(headers).filter(([name]) => !/^(?:choria|nats)-/i.test(name));
  files.put(
    `/spool/P${priority}/${createdNs}-x.msg`,
    encodeMessage({
      id: header('Nats-Msg-Id') ?? '',
      subject: subject.slice(at + middle.length),
      payload: Buffer.from(text(item['data'])),
      reliable: header('Choria-Reliable') === '1',
      priority,
      createdNs,
      createdMs: Number(createdNs / 1_000_000n),
      ttlMs: 700 * 3_600_000,
      maxTries: 100,
      tries: Number(header('Choria-Tries') ?? 0),
      nextTryMs: 0,
      sender: header('Choria-Sender') ?? '',
      identity: header('Choria-Identity') ?? '',
      sign: header('Choria-Signature') !== undefined,
      headers: Object.fromEntries(own),
    }),
  );
  const sent: Sent[] = [];
  const record = (request: boolean, to: string, payload: Uint8Array, given: unknown): void =>
    void sent.push({subject: to, request, headers: given, data: Buffer.from(payload).toString('utf8')});
  // The message was made just now, whenever that was.
  const at0: Clock = {
    nowMs: () => Number(createdNs / 1_000_000n) + 1_000,
    monotonicMs: () => 0,
    setTimer: (callback, delayMs) => clock.setTimer(callback, delayMs),
  };
  const delivery = createSubmissionDelivery({
    platform: {...platform, clock: at0},
    connection: {
      state: 'connected',
      publish: (to, payload, options) => record(false, to, payload, options?.headers),
      request: async (to, payload, options) => {
        record(true, to, payload, options.headers);
        throw new Error('nobody confirms');
      },
    },
    logger: silentLogger,
    directory: '/spool',
    collective: config.get('main_collective'),
    identity: config.get('identity'),
  });
  await delivery.pass();
  return sent[0];
}

const judge: Judge = async function* ({data}) {
  for (const [index, item] of caseList(data).entries()) {
    const {subject, request, headers, data: payload} = item;
    const name = `#${index + 1} ${text(subject)}`;
    yield judgeEqual(name, {subject, request, headers, data: payload}, (await publish(item)) ?? '(nothing)');
  }
};

export default judge;
