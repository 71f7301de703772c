import {describe, expect, test} from 'vitest';
import {createManualClock} from '../../test/support/manual-clock.ts';
import {createHeartbeats} from './heartbeats.ts';
import {parseServerUrl} from './server-url.ts';

describe('broker addresses', () => {
  test.each([
    ['broker:4223', 'nats://broker:4223', 'nats', 4223],
    ['broker', 'nats://broker:4222', 'nats', 4222],
    ['nats://b.example.net:1', 'nats://b.example.net:1', 'nats', 1],
    ['tls://b', 'tls://b:4222', 'tls', 4222],
    ['wss://b/path', 'wss://b:443/path', 'wss', 443],
    ['ws://b', 'ws://b:80', 'ws', 80],
    ['[::1]:4222', 'nats://[::1]:4222', 'nats', 4222],
    ['nats://user:pa%40ss@b:4222', 'nats://b:4222', 'nats', 4222],
  ])('%s is understood', (text, shown, scheme, port) => {
    expect(parseServerUrl(text)).toMatchObject({text: shown, scheme, port});
  });

  test('credentials are taken out and unescaped', () => {
    expect(parseServerUrl('nats://user:pa%40ss@b')).toMatchObject({user: 'user', password: 'pa@ss'});
  });

  test.each(['', 'http://b', 'nats://', 'b:0', 'b:99999', 'b:x', 'a b', 'nats://b/path'])('%j is refused', (text) => {
    expect(() => parseServerUrl(text)).toThrow('Cannot use');
  });

  test('fault 67: a refusal never shows a password', () => {
    expect(() => parseServerUrl('http://user:secret@b')).toThrow(
      expect.objectContaining({message: expect.not.stringContaining('secret') as string}) as Error,
    );
  });
});

describe('heartbeats', () => {
  test('every member beats once an interval, with one timer for all', async () => {
    const clock = createManualClock();
    const wheel = createHeartbeats({clock, intervalMs: 16_000});
    const beats = Array.from({length: 100}, () => 0);
    const members = beats.map((_, index) => ({beat: () => void (beats[index] = (beats[index] ?? 0) + 1)}));
    for (const member of members) wheel.add(member);
    expect(clock.pendingTimers).toBe(1);
    await clock.advance(160_000);
    expect(new Set(beats)).toEqual(new Set([10]));
    for (const member of members) wheel.remove(member);
    expect(clock.pendingTimers).toBe(0);
  });

  test('one member wakes the process once an interval', async () => {
    const clock = createManualClock();
    const wheel = createHeartbeats({clock, intervalMs: 120_000});
    let beats = 0;
    wheel.add({beat: () => beats++});
    await clock.advance(119_999);
    expect(beats).toBe(0);
    await clock.advance(1);
    expect(beats).toBe(1);
  });

  test('members that keep coming do not delay the beats of others', async () => {
    const clock = createManualClock();
    const wheel = createHeartbeats({clock, intervalMs: 16_000});
    let beats = 0;
    wheel.add({beat: () => beats++});
    for (let second = 0; second < 16; second++) {
      wheel.add({beat() {}});
      await clock.advance(1000);
    }
    expect(beats).toBe(1);
  });
});
