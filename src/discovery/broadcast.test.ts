/** Broadcast discovery over a scripted fleet and a clock that only the test moves: windows, ends, limits. */
import {describe, expect, test} from 'vitest';
import {describeDiscoveryMethod, discoveryRequest} from '../../test/support/discovery-suite.ts';
import {createManualClock} from '../../test/support/manual-clock.ts';
import {emptyFilter} from '../protocol/index.ts';
import {createBroadcastMethod, type DiscoveryProbe, type DiscoveryRequest, type ProbeOutcome} from './index.ts';
import {discoveryLimits} from './limits.ts';

const unknown: ProbeOutcome = {isKnown: false, complete: false, missing: []};
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A ping whose answers the test gives. */
class ScriptedPing implements DiscoveryProbe {
  readonly clock = createManualClock();
  readonly sent: Parameters<DiscoveryProbe['send']>[0][] = [];
  outcome = unknown;
  stopped = 0;
  #answer: (identity: string) => void = () => undefined;
  #end = (): void => undefined;

  async send(request: Parameters<DiscoveryProbe['send']>[0], onAnswer: (identity: string) => void) {
    this.sent.push(request);
    this.#answer = onAnswer;
    return {
      over: new Promise<void>((resolve) => {
        this.#end = resolve;
      }),
      outcome: () => this.outcome,
      stop: () => {
        this.stopped++;
      },
    };
  }

  answer(...identities: readonly string[]): void {
    for (const identity of identities) this.#answer(identity);
  }

  /** The broker said who listens, and all of them answered. */
  over(): void {
    this.outcome = {isKnown: true, complete: true, missing: []};
    this.#end();
  }

  async find(change: Partial<DiscoveryRequest> = {}) {
    const method = createBroadcastMethod({probe: this, clock: this.clock});
    let ended = false;
    const found = method.discover(discoveryRequest(change)).finally(() => {
      ended = true;
    });
    await settle();
    return {found, hasEnded: () => ended};
  }
}

/** Answers at once with these names, and nobody else is there. */
function pingOf(names: readonly string[]): DiscoveryProbe {
  return {
    send: async (_request, onAnswer) => {
      for (const name of names) onAnswer(name);
      return {
        over: Promise.resolve(),
        outcome: () => ({isKnown: true, complete: true, missing: []}),
        stop: () => undefined,
      };
    },
  };
}

describe('discovery by broadcast', () => {
  describeDiscoveryMethod({
    holding: (names) => createBroadcastMethod({probe: pingOf(names), clock: createManualClock()}),
    broken: {
      'a broker that cannot be reached': () =>
        createBroadcastMethod({
          probe: {send: () => Promise.reject(Object.assign(new Error('no broker'), {code: 'ERR_CLIENT_NO_BROKER'}))},
          clock: createManualClock(),
        }),
    },
    refuses: [],
    isComplete: true,
    namesAreChecked: 'in src/client/probe.test.ts: the probe reads them out of messages',
    endless: {
      ends: 'with what was found',
      method: () => createBroadcastMethod({probe: new ScriptedPing(), clock: createManualClock()}),
    },
  });

  test('it waits its whole window when nobody says who listens, and says that it only waited', async () => {
    const ping = new ScriptedPing();
    const {found, hasEnded} = await ping.find({timeoutMs: 2_000});
    ping.answer('n2', 'n1', 'n2');
    await ping.clock.advance(1_999);
    expect(hasEnded()).toBe(false);
    await ping.clock.advance(1);
    expect(await found).toEqual({identities: ['n2', 'n1'], complete: false, isKnown: false, missing: []});
    expect(ping.stopped).toBe(1);
    ping.answer('late');
    expect((await found).identities).not.toContain('late');
  });

  test('it ends at once when all that listen have answered', async () => {
    const ping = new ScriptedPing();
    const {found} = await ping.find();
    ping.answer('n1');
    ping.over();
    expect(await found).toEqual({identities: ['n1'], complete: true, isKnown: true, missing: []});
  });

  test('a sliding window ends 300 ms after the last answer, and at its time when nobody answers', async () => {
    const ping = new ScriptedPing();
    const {found, hasEnded} = await ping.find({slidingWindow: true, timeoutMs: 2_000});
    ping.answer('n1');
    await ping.clock.advance(299);
    ping.answer('n2');
    await ping.clock.advance(299);
    expect(hasEnded()).toBe(false);
    await ping.clock.advance(1);
    expect((await found).identities).toEqual(['n1', 'n2']);

    const quiet = new ScriptedPing();
    const waiting = await quiet.find({slidingWindow: true, timeoutMs: 2_000});
    await quiet.clock.advance(1_999);
    expect(waiting.hasEnded()).toBe(false);
    await quiet.clock.advance(1);
    expect((await waiting.found).identities).toEqual([]);
  });

  test('known listeners that still answer one after another are waited for, but not without end', async () => {
    const ping = new ScriptedPing();
    const missing = [{identity: 'n9', reason: 'unresponsive', words: 'gave no sign'}];
    ping.outcome = {isKnown: true, complete: false, missing};
    const {found, hasEnded} = await ping.find({timeoutMs: 1_000});
    for (let count = 0; count < 10; count++) {
      await ping.clock.advance(400);
      ping.answer(`n${count}`);
    }
    expect(hasEnded()).toBe(false);
    await ping.clock.advance(discoveryLimits.starvedGapMs * 2);
    const result = await found;
    expect(result.identities).toHaveLength(10);
    expect(result).toMatchObject({complete: false, isKnown: true, missing});

    const endless = new ScriptedPing();
    endless.outcome = {isKnown: true, complete: false, missing};
    const running = await endless.find({timeoutMs: 1_000});
    for (let count = 0; count < 300 && !running.hasEnded(); count++) {
      endless.answer(`m${count}`);
      await endless.clock.advance(200);
    }
    expect(running.hasEnded()).toBe(true);
    expect(endless.clock.monotonicMs()).toBeLessThanOrEqual(1_000 + discoveryLimits.starvedMsMax + 1_000);
  });

  test('when many known ones are outstanding it waits for a machine that pauses, a few dead ones cost half a second', async () => {
    const outstanding = (count: number) =>
      Array.from({length: count}, (_unused, index) => ({identity: `m${index}`, reason: 'unresponsive', words: 'x'}));
    for (const [count, ends] of [
      [11, 4_000],
      [10, 1_400],
    ] as const) {
      const ping = new ScriptedPing();
      ping.outcome = {isKnown: true, complete: false, missing: outstanding(count)};
      const {found, hasEnded} = await ping.find({timeoutMs: 1_000});
      await ping.clock.advance(900);
      ping.answer('n1');
      await ping.clock.advance(ends - 900 - 100);
      expect(hasEnded()).toBe(false);
      await ping.clock.advance(600);
      expect((await found).identities).toEqual(['n1']);
    }
  });

  test('without a word on who listens the window is kept however late the answers come', async () => {
    const ping = new ScriptedPing();
    const {found} = await ping.find({timeoutMs: 1_000});
    ping.answer('n1');
    await ping.clock.advance(800);
    ping.answer('n2');
    await ping.clock.advance(200);
    expect(await found).toEqual({
      identities: ['n1', 'n2'],
      complete: false,
      isKnown: false,
      missing: [],
      // Others may have been about to answer, and nobody knows of them.
      isCutOff: true,
    });
  });

  test('names without patterns need no question, unknown ones included; agents do not change that', async () => {
    const ping = new ScriptedPing();
    const filter = {...emptyFilter, identities: ['a', 'b', 'a'], agents: ['puppet']};
    const {found} = await ping.find({filter});
    expect(await found).toEqual({identities: ['a', 'b'], complete: true});
    expect(ping.sent).toEqual([]);
  });

  test.each([
    [{identities: ['a', '/b/']}],
    [{identities: ['a'], classes: ['x']}],
    [{identities: ['a'], compounds: [[{expr: 'true'}]]}],
    [{identities: ['a'], facts: [{fact: 'a', operator: '==' as const, value: 'b'}]}],
    [{agents: ['puppet']}],
    [{}],
  ])('the filter %j is asked as it is, never less of it', async (part) => {
    const ping = new ScriptedPing();
    const filter = {...emptyFilter, ...part};
    const {found} = await ping.find({filter, collective: 'uk'});
    ping.over();
    await found;
    expect(ping.sent).toEqual([expect.objectContaining({filter, collective: 'uk'})]);
  });

  test('a caller that ends it gets what was found so far', async () => {
    const ping = new ScriptedPing();
    const stop = new AbortController();
    const {found} = await ping.find({signal: stop.signal});
    ping.answer('n1');
    stop.abort();
    expect(await found).toMatchObject({identities: ['n1'], complete: false});
    expect(ping.stopped).toBe(1);
  });
});
