import {describe, expect, test} from 'vitest';
import {FakeFiles} from '../../test/support/fake-files.ts';
import {createManualClock} from '../../test/support/manual-clock.ts';
import {createRecordingLogger} from '../../test/support/recording-logger.ts';
import {watchRevocations} from './revocation-watch.ts';

const path = '/etc/choria/revoked';
const rip = {names: ['up=rip'], ids: []};

async function setUp(text?: string) {
  const files = new FakeFiles(text === undefined ? {'/etc/choria/server.conf': ''} : {[path]: text});
  const clock = createManualClock();
  const logger = createRecordingLogger();
  let changes = 0;
  const watch = await watchRevocations({path, platform: {files, clock}, logger, onChange: () => (changes += 1)});
  const write = (content: string) => files.writeAtomic(path, content, {mode: 0o644});
  return {files, clock, logger, watch, write, changes: () => changes};
}

describe('the list of revocations', () => {
  test('counts within a second of being written, also where there was none before', async () => {
    for (const before of [undefined, '# nobody\n', 'caller up=bob\n']) {
      const {clock, watch, write, changes} = await setUp(before);
      expect(watch.reasonFor(rip)).toBeUndefined();
      await write('caller up=rip\n');
      await clock.advance(1000);
      expect(changes()).toBe(1);
      expect(watch.reasonFor(rip)).toContain('is revoked');
      watch.stop();
    }
  });

  test('stays in force while it is gone or damaged, which is said once', async () => {
    const {clock, files, logger, watch, write, changes} = await setUp('caller up=rip\n');
    await files.remove(path);
    await clock.advance(5000);
    await write('call er up=rip\n');
    await clock.advance(5000);
    expect(watch.reasonFor(rip)).toContain('is revoked');
    expect(changes()).toBe(0);
    expect(logger.lines.filter(({level}) => level === 'error')).toHaveLength(2);
    await write('# nobody any more\n');
    await clock.advance(1000);
    expect(watch.reasonFor(rip)).toBeUndefined();
    watch.stop();
    expect(clock.pendingTimers).toBe(0);
  });

  test('that cannot be used at the start is an error', async () => {
    await expect(setUp('nonsense\n')).rejects.toMatchObject({code: 'ERR_REVOCATIONS_INVALID'});
  });
});
