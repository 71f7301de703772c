import {describe, expect, test} from 'vitest';
import {testTlsMaterial} from '../../test/support/broker.ts';
import {createManualClock} from '../../test/support/manual-clock.ts';
import {createRecordingLogger} from '../../test/support/recording-logger.ts';
import {X509Certificate} from 'node:crypto';
import {watchExpiry} from './expiry.ts';

const pem = testTlsMaterial('broker').certificatePem ?? '';
const endsAtMs = Date.parse(new X509Certificate(pem).validTo);
const dayMs = 86_400_000;

describe("the end of the broker's certificate", () => {
  test.each([
    [31, []],
    [29.5, ['warn in 29 days']],
    [3, ['error in 3 days']],
    [-1, ['error ended']],
  ])('%d days before', (days, expected) => {
    const logger = createRecordingLogger();
    const watch = watchExpiry(() => pem, {clock: createManualClock(endsAtMs - days * dayMs), logger});
    watch.stop();
    const said = logger.lines.map(({level, message}) => `${level} ${/in \d+ days|ended/.exec(message)?.[0] ?? ''}`);
    expect(said).toEqual(expected);
  });

  test('is looked at twice a day', async () => {
    const logger = createRecordingLogger();
    const clock = createManualClock(endsAtMs - 30.9 * dayMs);
    const watch = watchExpiry(() => pem, {clock, logger});
    expect(logger.lines).toEqual([]);
    await clock.advance(dayMs);
    expect(logger.lines.length).toBe(1);
    watch.stop();
  });
});
