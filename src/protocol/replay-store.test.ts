import {mkdtempSync, readFileSync, rmSync, statSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import * as fc from 'fast-check';
import {expect, test} from 'vitest';
import {FakeFiles} from '../../test/support/fake-files.ts';
import {createNodePlatform} from '../lib/node-platform.ts';
import {createFileReplayStore, type ReplayRecord} from './replay-store.ts';

const path = '/state/replay.log';
const records: fc.Arbitrary<ReplayRecord[]> = fc.array(
  fc.record({key: fc.stringMatching(/^[A-Za-z0-9_-]{30}$/), expiresAtMs: fc.integer({min: 0, max: 4_000_000_000_000})}),
);

test('what was appended and rewritten is loaded again, in order', async () => {
  await fc.assert(
    fc.asyncProperty(records, records, async (first, second) => {
      const files = new FakeFiles();
      const store = createFileReplayStore({files, path});
      await store.rewrite({records: first, forgottenUntilMs: 7, ttlCeilingSeconds: 60});
      await Promise.all(second.map((record) => store.append(record)));
      await store.close();
      const loaded = await createFileReplayStore({files, path}).load();
      expect(loaded).toEqual({
        records: [...first, ...second],
        forgottenUntilMs: 7,
        ttlCeilingSeconds: 60,
        damagedLines: 0,
      });
    }),
    {numRuns: 30},
  );
});

test('a file cut at any byte loses nothing but its last line, and never fails', async () => {
  const files = new FakeFiles();
  const store = createFileReplayStore({files, path});
  const all = ['a', 'b', 'c'].map((letter) => ({key: letter.repeat(30), expiresAtMs: 1}));
  await store.rewrite({records: all, forgottenUntilMs: 0, ttlCeilingSeconds: 60});
  const text = files.text(path) ?? '';
  const head = text.indexOf('\n') + 1;
  for (let length = 0; length <= text.length; length += 1) {
    files.put(path, text.slice(0, length));
    const loaded = await store.load();
    const whole = text.slice(0, length).split('\n').length - 1;
    // The first line is written with the whole file at once: half of it is damage.
    expect(loaded.damagedLines, `${length} bytes`).toBe(length > 0 && length < head - 1 ? 1 : 0);
    expect(loaded.records).toEqual(all.slice(0, Math.max(0, whole - 1)));
  }
});

test('a flipped bit anywhere is found', async () => {
  const files = new FakeFiles();
  const store = createFileReplayStore({files, path});
  await store.rewrite({records: [{key: 'a'.repeat(30), expiresAtMs: 1}], forgottenUntilMs: 0, ttlCeilingSeconds: 60});
  const bytes = Buffer.from(files.text(path) ?? '', 'latin1');
  for (let bit = 0; bit < bytes.length * 8; bit += 1) {
    const changed = Buffer.from(bytes);
    const at = Math.floor(bit / 8);
    changed[at] = (changed[at] ?? 0) ^ (1 << (bit % 8));
    files.put(path, changed);
    // A record may be gone only where somebody is told: its request may have run.
    expect((await store.load()).damagedLines, `bit ${bit}`).toBeGreaterThan(0);
  }
});

test('seed 50144: a last record whose end and one more bit are flipped is not taken for a torn one', async () => {
  const files = new FakeFiles();
  const store = createFileReplayStore({files, path});
  const record = {key: 'a'.repeat(30), expiresAtMs: Date.parse('2026-11-21T12:00:00Z')};
  await store.rewrite({records: [record], forgottenUntilMs: 0, ttlCeilingSeconds: 60});
  const bytes = Buffer.from(files.text(path) ?? '', 'latin1');
  const start = bytes.indexOf('\n') + 1;
  for (let bit = start * 8; bit < (bytes.length - 1) * 8; bit += 1) {
    const changed = Buffer.from(bytes);
    const at = Math.floor(bit / 8);
    changed[at] = (changed[at] ?? 0) ^ (1 << (bit % 8));
    changed[bytes.length - 1] = (changed.at(-1) ?? 0) ^ 4;
    files.put(path, changed);
    expect((await store.load()).damagedLines, `bit ${bit}`).toBeGreaterThan(0);
  }
});

test('zeros at the end, as a power cut leaves them, belong to what is torn', async () => {
  const files = new FakeFiles();
  const store = createFileReplayStore({files, path});
  const record = {key: 'a'.repeat(30), expiresAtMs: Date.parse('2026-11-21T12:00:00Z')};
  await store.rewrite({records: [record], forgottenUntilMs: 0, ttlCeilingSeconds: 60});
  files.put(path, `${files.text(path) ?? ''}R 17${'\0'.repeat(80)}`);
  expect(await store.load()).toMatchObject({records: [record], damagedLines: 0});
});

test('after an append that failed half-way the next record is on a line of its own', async () => {
  const files = new FakeFiles();
  const store = createFileReplayStore({files, path});
  await store.rewrite({records: [], forgottenUntilMs: 0, ttlCeilingSeconds: 60});
  files.partialBytes = 9;
  await expect(store.append({key: 'a'.repeat(30), expiresAtMs: 1})).rejects.toMatchObject({
    code: 'ERR_REPLAY_STORE_FAILED',
  });
  files.partialBytes = undefined;
  await store.append({key: 'b'.repeat(30), expiresAtMs: 2});
  const loaded = await createFileReplayStore({files, path}).load();
  expect(loaded).toMatchObject({records: [{key: 'b'.repeat(30), expiresAtMs: 2}], damagedLines: 1});
});

test('a record is synced before anybody is told that it is on disk', async () => {
  const files = new FakeFiles();
  const store = createFileReplayStore({files, path});
  await store.rewrite({records: [], forgottenUntilMs: 0, ttlCeilingSeconds: 60});
  const done: string[] = [];
  files.fault = (operation) => {
    if (operation === 'append' || operation === 'sync') done.push(operation);
    return undefined;
  };
  await store.append({key: 'a'.repeat(30), expiresAtMs: 1});
  done.push('told');
  expect(done).toEqual(['append', 'sync', 'told']);
});

test('on a real disk the file is private and grows by one line for each record', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'choria-replay-'));
  try {
    const real = join(directory, 'state', 'replay.log');
    const store = createFileReplayStore({files: createNodePlatform().files, path: real});
    expect((await store.load()).records).toEqual([]);
    await store.rewrite({records: [], forgottenUntilMs: 0, ttlCeilingSeconds: 60});
    await Promise.all(Array.from({length: 50}, (_item, index) => store.append({key: `k${index}`, expiresAtMs: index})));
    expect(readFileSync(real, 'utf8').split('\n')).toHaveLength(52);
    expect(statSync(real).mode & 0o777).toBe(0o600);
    await store.close();
  } finally {
    rmSync(directory, {recursive: true});
  }
});
