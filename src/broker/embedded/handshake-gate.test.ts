import {describe, expect, test} from 'vitest';
import {FakeClock} from '../../../test/support/fake-clock.ts';
import {engineLimits} from '../limits.ts';
import {HandshakeGate} from './handshake-gate.ts';

const {handshakesMax, handshakeWaitMs, handshakePlaceMs, handshakesWaitingMax} = engineLimits;

/** A gate with all its places taken. */
async function full() {
  const clock = new FakeClock();
  const gate = new HandshakeGate(clock);
  const places: (() => void)[] = [];
  for (let index = 0; index < handshakesMax; index += 1) {
    expect(await gate.enter()).toBe(true);
    places.push(gate.place());
  }
  const came: string[] = [];
  const wait = (name: string): void =>
    void gate.enter().then((mayGoOn) => came.push(`${name} ${mayGoOn ? 'begins' : 'is let go'}`));
  return {clock, gate, places, came, wait};
}

describe('the gate of TLS handshakes', () => {
  test('lets so many begin at once, and the newest of those who wait next', async () => {
    const {clock, gate, places, came, wait} = await full();
    wait('old');
    wait('new');
    await clock.advance(1);
    expect(came).toEqual([]);
    places[0]?.();
    places[0]?.();
    await clock.advance(0);
    expect(came).toEqual(['new begins']);
    expect(gate.underWay).toBe(handshakesMax);
    expect(gate.waiting).toBe(1);
  });

  test('lets those go who have waited longer than their client does', async () => {
    const clock = new FakeClock();
    const gate = new HandshakeGate(clock);
    for (let index = 0; index < handshakesMax; index += 1) await gate.enter();
    const answer = gate.enter();
    await clock.advance(handshakeWaitMs + 1);
    gate.place()();
    expect(await answer).toBe(false);
  });

  test('does not wait for peers that say nothing', async () => {
    const {clock, came, wait} = await full();
    wait('next');
    await clock.advance(handshakePlaceMs);
    expect(came).toEqual(['next begins']);
  });

  test('bounds how many wait, and lets the oldest go first', async () => {
    const {clock, came, wait} = await full();
    for (let index = 0; index <= handshakesWaitingMax; index += 1) wait(String(index));
    await clock.advance(0);
    expect(came).toEqual(['0 is let go']);
  });
});
