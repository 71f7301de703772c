import {expect, test} from 'vitest';
import {setPatientTimer, setStarvingTimer, watchLateness} from './patient-timer.ts';
import type {Clock} from './platform.ts';

/** A clock whose timers fire when the test says so, however late that is. */
function starvedClock() {
  let nowMs = 0;
  let pending: {readonly callback: () => void; readonly delayMs: number} | undefined;
  const clock: Clock = {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
    setTimer(callback, delayMs) {
      const timer = {callback, delayMs};
      pending = timer;
      return {
        cancel: () => {
          if (pending === timer) pending = undefined;
        },
      };
    },
  };
  return {
    clock,
    delayMs: (): number | undefined => pending?.delayMs,
    fireAt: (ms: number): void => {
      nowMs = ms;
      const timer = pending;
      pending = undefined;
      timer?.callback();
    },
  };
}

test('it fires at its time when the process is well', () => {
  const {clock, fireAt, delayMs} = starvedClock();
  let fired = 0;
  setPatientTimer(clock, () => fired++, 1_000);
  expect(delayMs()).toBe(1_000);
  fireAt(1_020);
  expect(fired).toBe(1);
});

test('it waits on for as long as the process slept, and no longer than a second at a time', () => {
  const {clock, fireAt, delayMs} = starvedClock();
  let fired = 0;
  setPatientTimer(clock, () => fired++, 1_000);
  fireAt(1_400);
  expect([fired, delayMs()]).toEqual([0, 400]);
  fireAt(5_000);
  expect([fired, delayMs()]).toEqual([0, 1_000]);
  fireAt(6_001);
  expect(fired).toBe(1);
});

test('it ends in a machine that never gets better', () => {
  const {clock, fireAt, delayMs} = starvedClock();
  let fired = 0;
  setPatientTimer(clock, () => fired++, 1_000);
  for (let ms = 10_000; delayMs() !== undefined && ms < 1_000_000; ms += 5_000) fireAt(ms);
  expect(fired).toBe(1);
  expect(clock.monotonicMs()).toBeLessThan(100_000);
});

test('it can be cancelled while it waits on', () => {
  const {clock, fireAt, delayMs} = starvedClock();
  const timer = setPatientTimer(
    clock,
    () => {
      throw new Error('it was cancelled');
    },
    1_000,
  );
  fireAt(2_000);
  timer.cancel();
  expect(delayMs()).toBeUndefined();
});

test('time that the whole process was late does not count', () => {
  const {clock, fireAt, delayMs} = starvedClock();
  let lateMs = 300;
  let fired = 0;
  const lateness = {totalMs: () => lateMs, stop: () => undefined};
  setStarvingTimer(clock, () => fired++, {delayMs: 2_000, lateness});
  lateMs += 1_500;
  fireAt(2_000);
  expect(fired).toBe(0);
  expect(delayMs()).toBe(1_500);
  fireAt(3_500);
  expect(fired).toBe(1);
});

test('lateness is what the ticks of a process came behind, the one that is due now included', () => {
  const {clock, fireAt} = starvedClock();
  const lateness = watchLateness(clock);
  fireAt(100);
  expect(lateness.totalMs()).toBe(0);
  fireAt(500);
  expect(lateness.totalMs()).toBe(300);
  lateness.stop();
});
