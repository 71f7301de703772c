import {execFileSync} from 'node:child_process';
import {mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {describe, expect, test} from 'vitest';
import {createFakePlatform} from '../../test/support/fake-platform.ts';
import {createManualClock} from '../../test/support/manual-clock.ts';
import {createRecordingLogger} from '../../test/support/recording-logger.ts';
import {createNodePlatform} from '../lib/node-platform.ts';
import type {Platform} from '../lib/platform.ts';
import {createSubmissionDelivery, type SubmissionDelivery} from './delivery.ts';
import {createSubmissionSpool, type NewSubmission, type SubmissionSpool} from './spool.ts';

type Answer = (subject: string) => Buffer;

interface World {
  readonly platform: Pick<Platform, 'files' | 'clock' | 'random'>;
  readonly spool: SubmissionSpool;
  readonly delivery: SubmissionDelivery;
  readonly sent: {readonly subject: string; readonly id: string; readonly tries: string | undefined}[];
  readonly clock: ReturnType<typeof createManualClock>;
  answer: Answer;
}

const ack: Answer = () => Buffer.from('{"stream":"S","seq":1}');
const silence: Answer = () => {
  throw new Error('no answer');
};

async function world(
  options: {readonly platform?: Platform; readonly directory?: string; readonly max?: number} = {},
): Promise<World> {
  const clock = createManualClock();
  const base = options.platform ?? createFakePlatform({files: {'/spool/keep': ''}}).platform;
  const platform = {...base, clock};
  const directory = options.directory ?? '/spool';
  const spool = await createSubmissionSpool({platform, directory, messagesMax: options.max ?? 500});
  const sent: World['sent'][number][] = [];
  const made: World = {platform, spool, sent, clock, answer: ack, delivery: undefined as unknown as SubmissionDelivery};
  const note = (subject: string, headers: Readonly<Record<string, readonly string[]>> = {}): void =>
    void sent.push({subject, id: headers['Nats-Msg-Id']?.[0] ?? '', tries: headers['Choria-Tries']?.[0]});
  const delivery = createSubmissionDelivery({
    platform,
    logger: createRecordingLogger(),
    directory,
    collective: 'c',
    identity: 'n1',
    connection: {
      state: 'connected',
      publish: (subject, _payload, publishing) => note(subject, publishing?.headers),
      request: async (subject, _payload, {headers}) => {
        note(subject, headers);
        return {subject: '', replyTo: undefined, headers: undefined, payload: made.answer(subject)};
      },
    },
  });
  return Object.assign(made, {delivery});
}

const message = (change: Partial<NewSubmission> = {}): NewSubmission => ({
  subject: 'a.b',
  payload: Buffer.from('x'),
  sender: 'me',
  ...change,
});

describe('the submission spool', () => {
  test('writes a message whole and synced under its name, with nothing left to be moved when it is accepted', async () => {
    const {platform} = await world();
    const operations: string[] = [];
    const watched: Partial<Platform['files']> = {
      rename: async () => void operations.push('rename'),
      writeAtomic: async (path) => void operations.push(path.replace(/\d+-[^.]+/, 'NAME')),
    };
    const files = new Proxy(platform.files, {
      get: (target, name) => {
        const value: unknown = Reflect.get(watched, name) ?? Reflect.get(target, name, target);
        return typeof value === 'function' ? (value as () => unknown).bind(target) : value;
      },
    });
    const spool = await createSubmissionSpool({platform: {...platform, files}, directory: '/spool', messagesMax: 5});
    await spool.submit(message({priority: 2}));
    expect(operations).toEqual(['/spool/P2/NAME.msg']);
  });

  test('sends again at once when the clock has gone back by an hour since the last try', async () => {
    const made = await world();
    const {spool, delivery, sent, clock} = made;
    let backMs = 0;
    const nowMs = clock.nowMs.bind(clock);
    clock.nowMs = () => nowMs() - backMs;
    made.answer = silence;
    await spool.submit(message({reliable: true}));
    await delivery.pass();
    backMs = 3_600_000;
    await delivery.pass();
    expect(sent.length).toBe(2);
  });

  test.each<readonly [Partial<NewSubmission>, string]>([
    [{subject: ''}, 'subject is required'],
    [{subject: 'a.>'}, 'no wildcards'],
    [{payload: Buffer.alloc(0)}, 'payload is required'],
    [{priority: 5}, 'priority must be 0...4'],
    [{ttlMs: 0}, 'ttl may not be 0'],
    [{ttlMs: 745 * 3_600_000}, 'ttl exceeds maximum 744h0m0s'],
    [{sender: ''}, 'sender is required'],
    [{headers: {'nAts-x': ['1']}}, "headers may not start with 'choria' or 'nats'"],
    [{headers: {'CHORIA-Token': ['1']}}, "headers may not start with 'choria' or 'nats'"],
    [{headers: {x: ['a\r\nb']}}, 'holds a line end'],
  ])('refuses %j: %s', async (change, problem) => {
    const {spool} = await world();
    await expect(spool.submit(message(change))).rejects.toThrow(problem);
  });

  test('takes no more than it may hold', async () => {
    const {spool} = await world({max: 2});
    await spool.submit(message());
    await spool.submit(message());
    await expect(spool.submit(message())).rejects.toThrow('spool is full');
    await expect(spool.submit(message({priority: 0}))).resolves.toMatch(/-/);
  });

  test('sends by priority, then in the order of submission, once', async () => {
    const {spool, delivery, sent} = await world();
    for (const [subject, priority] of [
      ['late', 4],
      ['first', 0],
      ['later', 4],
      ['mid', 2],
    ] as const) {
      await spool.submit(message({subject, priority}));
    }
    await delivery.pass();
    await delivery.pass();
    expect(sent.map((item) => item.subject)).toEqual(
      ['first', 'mid', 'late', 'later'].map((subject) => `c.submission.in.${subject}`),
    );
  });

  test('keeps the order of reliable messages while one is not confirmed', async () => {
    const made = await world();
    const {spool, delivery, sent, clock} = made;
    await spool.submit(message({subject: 'one', reliable: true}));
    await spool.submit(message({subject: 'two', reliable: true}));
    await spool.submit(message({subject: 'free'}));
    made.answer = silence;
    await delivery.pass();
    made.answer = ack;
    await delivery.pass();
    expect(sent.map((item) => item.subject.slice(16))).toEqual(['one', 'free']);
    await clock.advance(60_000);
    await delivery.pass();
    expect(sent.slice(2).map((item) => [item.subject.slice(16), item.tries])).toEqual([
      ['one', '1'],
      ['two', undefined],
    ]);
  });

  test.each([['{"error":{"code":503}}'], ['{"stream":""}'], ['hello']])(
    'takes %s for no confirmation, and gives up after the tries',
    async (text) => {
      const made = await world();
      made.answer = () => Buffer.from(text);
      await made.spool.submit(message({reliable: true, maxTries: 3}));
      for (let turn = 0; turn < 10; turn++) {
        await made.delivery.pass();
        await made.clock.advance(60_000);
      }
      expect(made.sent).toHaveLength(3);
      expect(await made.platform.files.list('/spool/P4')).toEqual([]);
    },
  );

  test('does not send what is out of date', async () => {
    const {spool, delivery, sent, clock} = await world();
    await spool.submit(message({ttlMs: 5_000}));
    await clock.advance(6_000);
    await delivery.pass();
    expect(sent).toEqual([]);
  });
});

describe('fault 47: what else may lie in the spool', () => {
  test('fault 47: links, pipes, huge and odd files are neither read nor in the way', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'choria-spool-'));
    try {
      const made = await world({platform: createNodePlatform(), directory});
      const place = (name: string): string => join(directory, 'P4', name);
      writeFileSync(join(directory, 'secret'), '{"subject":"stolen"}');
      symlinkSync(join(directory, 'secret'), place('1-a.msg'));
      execFileSync('mkfifo', [place('2-b.msg')]);
      writeFileSync(place('3-c.msg'), '');
      truncateSync(place('3-c.msg'), 1e12);
      writeFileSync(place('4-d.msg'), 'not json');
      writeFileSync(place('5-e.msg'), '{"__proto__":{"subject":"x"},"subject":7}');
      mkdirSync(place('6-f.msg'));
      await made.spool.submit(message({subject: 'good'}));
      await made.delivery.pass();
      expect(made.sent.map((item) => item.subject)).toEqual(['c.submission.in.good']);
      const left = await made.platform.files.list(join(directory, 'P4'));
      expect(left.map((entry) => entry.name)).toEqual(['6-f.msg']);
    } finally {
      rmSync(directory, {recursive: true, force: true});
    }
  });

  test('fault 47: a clock that goes back does not put new messages before old ones', async () => {
    const made = await world();
    let nowMs = made.clock.nowMs();
    const platform = {...made.platform, clock: {...made.clock, nowMs: () => nowMs}};
    const spool = await createSubmissionSpool({platform, directory: '/spool', messagesMax: 9});
    for (const subject of ['one', 'two', 'three']) {
      await spool.submit(message({subject}));
      nowMs -= 3_600_000;
    }
    await made.delivery.pass();
    expect(made.sent.map((item) => item.subject.slice(16))).toEqual(['one', 'two', 'three']);
  });
});

describe('faults 54 and 55: a crash, a full disk', () => {
  test('fault 54: a message that was published and not removed is sent again under its id', async () => {
    const fake = createFakePlatform({files: {'/spool/keep': ''}});
    const made = await world({platform: fake.platform});
    const id = await made.spool.submit(message({reliable: true}));
    fake.files.fault = (operation) => (operation === 'remove' ? new Error('killed') : undefined);
    await made.delivery.pass();
    fake.files.fault = undefined;
    await made.clock.advance(60_000);
    await made.delivery.pass();
    expect(made.sent.map((item) => item.id)).toEqual([id, id]);
    expect(await made.platform.files.list('/spool/P4')).toEqual([]);
  });

  test('fault 55: a full disk refuses new messages with a word and loses none that is there', async () => {
    const fake = createFakePlatform({files: {'/spool/keep': ''}});
    const made = await world({platform: fake.platform});
    await made.spool.submit(message({subject: 'kept', reliable: true}));
    const full = Object.assign(new Error('ENOSPC: no space left on device'), {code: 'ENOSPC'});
    fake.files.fault = (operation) => (operation === 'writeAtomic' ? full : undefined);
    await expect(made.spool.submit(message())).rejects.toThrow('no space left');
    made.answer = silence;
    await made.delivery.pass();
    fake.files.fault = undefined;
    made.answer = ack;
    await made.delivery.pass();
    expect(made.sent.map((item) => item.subject.slice(16))).toEqual(['kept', 'kept']);
  });
});
