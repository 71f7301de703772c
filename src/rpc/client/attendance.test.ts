import {describe, expect, test} from 'vitest';
import {FakeFleet, requestOptions, settle} from '../../../test/support/fake-fleet.ts';
import type {InterestAnswer, InterestQuery} from '../../protocol/index.ts';
import {clientLimits} from './limits.ts';
import {runRequest} from './run.ts';
import {Shaken} from './shaken.ts';
import {describeSilence, silenceReasons} from './silence.ts';

/** A broker that has these nodes connected, and these with the agent. */
function broker(state: {connected: readonly string[]; withAgent?: readonly string[]; complete?: boolean}) {
  const questions: InterestQuery[] = [];
  return {
    state,
    questions,
    interest: (query: InterestQuery): Promise<InterestAnswer | undefined> => {
      questions.push(query);
      const identities = state.withAgent ?? state.connected;
      return Promise.resolve({
        collective: query.collective,
        servers: identities.length,
        complete: state.complete ?? true,
        truncated: false,
        brokers: 1,
        ...(query.identities === undefined
          ? {}
          : {connected: query.identities.filter((name) => state.connected.includes(name))}),
        ...(query.list === true ? {identities} : {}),
      });
    },
  };
}

describe('a direct request with a broker that says who is connected', () => {
  test('does not wait for nodes that are not connected, and says so', async () => {
    const fleet = new FakeFleet();
    const {interest, questions} = broker({connected: ['n1', 'n3']});
    const running = runRequest(fleet.messenger({interest}), requestOptions());
    await settle();
    fleet.answer('n1');
    fleet.answer('n3');
    const statistics = await running;
    expect(questions[0]).toMatchObject({collective: 'mcollective', identities: ['n1', 'n2', 'n3']});
    expect(statistics).toMatchObject({
      noResponses: ['n2'],
      silences: [{identity: 'n2', reason: 'not-connected'}],
      knowsConnected: true,
      requestMs: 0,
    });
  });

  test('still counts the answer of a node that came after the broker counted', async () => {
    const fleet = new FakeFleet();
    const {interest} = broker({connected: ['n1']});
    const running = runRequest(fleet.messenger({interest}), requestOptions());
    await settle();
    fleet.answer('n2');
    fleet.answer('n1');
    await expect(running).resolves.toMatchObject({responses: 2, noResponses: ['n3']});
  });

  test('ends when the rest said that they will not answer', async () => {
    const fleet = new FakeFleet();
    const {interest} = broker({connected: ['n1', 'n2', 'n3']});
    const running = runRequest(fleet.messenger({interest}), requestOptions());
    await settle();
    fleet.note('n2', 'expired');
    fleet.note('n3', 'failed');
    fleet.note('n3', 'running', 'of another request');
    fleet.answer('n1');
    expect((await running).silences).toEqual([
      {identity: 'n2', reason: 'expired'},
      {identity: 'n3', reason: 'failed'},
    ]);
  });

  test('tells lost, running, quiet and agentless nodes apart when its time is over', async () => {
    const fleet = new FakeFleet();
    const names = ['lost', 'slow', 'quiet', 'bare'];
    const state = {connected: names, withAgent: names.slice(0, 3)};
    const {interest} = broker(state);
    const running = runRequest(fleet.messenger({interest}), requestOptions({targets: names}));
    await settle();
    fleet.note('slow', 'running');
    state.connected = ['slow', 'quiet', 'bare'];
    await fleet.clock.advance(4_000);
    const {silences} = await running;
    expect(Object.fromEntries(silences.map(({identity, reason}) => [identity, reason]))).toEqual({
      lost: 'lost',
      slow: 'running',
      quiet: 'unresponsive',
      bare: 'not-subscribed',
    });
  });

  test('waits for everybody when the broker cannot speak for its whole cluster', async () => {
    const fleet = new FakeFleet();
    const {interest} = broker({connected: ['n1'], complete: false});
    const running = runRequest(fleet.messenger({interest}), requestOptions());
    await settle();
    fleet.answer('n1');
    await fleet.clock.advance(4_000);
    await expect(running).resolves.toMatchObject({requestMs: 4_000, knowsConnected: false});
  });

  test('says of nodes in batches that were never sent that they were not asked', async () => {
    const fleet = new FakeFleet();
    const {interest} = broker({connected: ['n1', 'n2', 'n3']});
    const stop = new AbortController();
    const options = requestOptions({batchSize: 1, signal: stop.signal});
    const running = runRequest(fleet.messenger({interest}), options);
    await settle();
    stop.abort();
    const {silences} = await running;
    expect(silences.map(({reason}) => reason)).toEqual(['unresponsive', 'not-asked', 'not-asked']);
  });
});

describe('a broadcast request', () => {
  test('ends when all that listen have answered or do not match, and names the missing', async () => {
    const fleet = new FakeFleet();
    const {interest} = broker({connected: ['n1', 'n2', 'n3']});
    const running = runRequest(fleet.messenger({interest}), requestOptions({kind: 'broadcast', targets: []}));
    await settle();
    fleet.answer('n1');
    fleet.note('n2', 'filtered');
    fleet.note('n3', 'refused');
    await expect(running).resolves.toMatchObject({
      responses: 1,
      requestMs: 0,
      silences: [{identity: 'n3', reason: 'refused'}],
    });
  });

  test('waits for its time with a broker that says nothing', async () => {
    const fleet = new FakeFleet();
    const interest = (): Promise<undefined> => Promise.resolve(undefined);
    const running = runRequest(fleet.messenger({interest}), requestOptions({kind: 'broadcast', targets: []}));
    await settle();
    fleet.answer('n1');
    await fleet.clock.advance(4_000);
    await expect(running).resolves.toMatchObject({responses: 1, requestMs: 4_000, knowsConnected: false});
  });
});

describe('a request whose nodes die while it waits', () => {
  const minuteMs = 60_000;
  const names = ['n1', 'n2', 'n3'];
  /** What the broker of one fleet says now; Shaken hears it as in the messenger of the client. */
  function fleetWith(state: {connected: readonly string[]; complete?: boolean}) {
    const fleet = new FakeFleet();
    const {interest: ask, questions} = broker(state);
    const shaken = new Shaken({monotonicMs: () => fleet.clock.monotonicMs(), reconnects: () => 0});
    const interest = async (query: InterestQuery): Promise<InterestAnswer | undefined> => {
      const answer = await ask(query);
      shaken.told(answer);
      return answer;
    };
    return {fleet, questions, messenger: fleet.messenger({interest, shaken})};
  }
  const start = (state: {connected: readonly string[]; complete?: boolean}, changes = {}) => {
    const {fleet, questions, messenger} = fleetWith(state);
    let isOver = false;
    const running = runRequest(messenger, requestOptions({timeoutMs: minuteMs, ...changes})).finally(() => {
      isOver = true;
    });
    return {fleet, questions, running, isOver: () => isOver};
  };

  test('ends some seconds after the last of them went, and names them', async () => {
    const state = {connected: names};
    const {fleet, running} = start(state);
    await settle();
    fleet.answer('n1');
    await fleet.clock.advance(10_000);
    fleet.note('n2', 'running');
    state.connected = ['n1'];
    await fleet.clock.advance(clientLimits.againLookMsMax + clientLimits.lostGraceMs);
    const statistics = await running;
    expect(statistics.silences).toEqual([
      {identity: 'n2', reason: 'lost'},
      {identity: 'n3', reason: 'lost'},
    ]);
    expect(statistics.requestMs).toBeLessThan(minuteMs / 3);
  });

  test('waits on for whoever is still connected', async () => {
    const state = {connected: names};
    const {fleet, running, isOver} = start(state);
    await settle();
    fleet.answer('n1');
    state.connected = ['n1', 'n2'];
    await fleet.clock.advance(30_000);
    expect(isOver()).toBe(false);
    fleet.answer('n2');
    expect((await running).silences).toEqual([{identity: 'n3', reason: 'lost'}]);
  });

  test('waits for a node that comes back within the grace, for its answer may follow', async () => {
    const state = {connected: names};
    const {fleet, running, isOver} = start(state, {targets: ['n1']});
    await fleet.clock.advance(600);
    state.connected = [];
    await fleet.clock.advance(clientLimits.lostGraceMs - 200);
    state.connected = names;
    await fleet.clock.advance(20_000);
    expect(isOver()).toBe(false);
    fleet.answer('n1');
    await expect(running).resolves.toMatchObject({responses: 1, silences: []});
  });

  test('waits while a node goes and comes back over and over', async () => {
    const state = {connected: ['n1']};
    const {fleet, isOver, running} = start(state, {targets: ['n1']});
    await settle();
    for (let turn = 0; turn < 15; turn++) {
      state.connected = turn % 2 === 0 ? [] : ['n1'];
      await fleet.clock.advance(clientLimits.lostGraceMs - 500);
    }
    expect(isOver()).toBe(false);
    fleet.answer('n1');
    await expect(running).resolves.toMatchObject({responses: 1});
  });

  test('is not over while a broker does not speak for all of its cluster', async () => {
    const state = {connected: names, complete: true};
    const {fleet, running} = start(state, {targets: ['n1']});
    await settle();
    state.connected = [];
    state.complete = false;
    await fleet.clock.advance(minuteMs);
    await expect(running).resolves.toMatchObject({requestMs: minuteMs});
  });

  test('asks the broker no more often than about each second, and less and less often', async () => {
    const {fleet, questions, running} = start({connected: names}, {timeoutMs: 600_000});
    await fleet.clock.advance(60_000);
    const inTheFirstMinute = questions.length;
    expect(inTheFirstMinute).toBeLessThan(20);
    await fleet.clock.advance(540_000);
    await running;
    expect(questions.length - inTheFirstMinute).toBeLessThan(9 * 9);
    expect(questions.every(({identities}) => identities?.length === 3)).toBe(true);
  });

  test('asks for those only that are silent', async () => {
    const {fleet, questions, running} = start({connected: names});
    await settle();
    fleet.answer('n1');
    await fleet.clock.advance(2_000);
    expect(questions.at(-1)?.identities).toEqual(['n2', 'n3']);
    fleet.answer('n2');
    fleet.answer('n3');
    await running;
  });

  test('a broadcast request ends without them too', async () => {
    const state = {connected: names};
    const {fleet, running} = start(state, {kind: 'broadcast', targets: []});
    await settle();
    fleet.answer('n1');
    fleet.note('n2', 'filtered');
    state.connected = ['n1', 'n2'];
    await fleet.clock.advance(10_000);
    const statistics = await running;
    expect(statistics.silences).toEqual([{identity: 'n3', reason: 'lost'}]);
    expect(statistics.requestMs).toBeLessThan(10_000);
  });
});

describe('reasons', () => {
  test('each has words of its own that follow a name', () => {
    const texts = Object.values(silenceReasons);
    expect(new Set(texts).size).toBe(texts.length);
    for (const text of texts) expect(text).toMatch(/^[a-z][^\n]+[^.]$/);
  });

  test('a wrong clock is told with its direction', () => {
    const silence = {identity: 'n', reason: 'expired'} as const;
    expect(describeSilence({...silence, clockAheadMs: 120_400})).toContain('its clock is 120 s ahead of this one');
    expect(describeSilence({...silence, clockAheadMs: -90_000})).toContain('its clock is 90 s behind this one');
    expect(describeSilence(silence)).not.toContain('clock');
  });
});
