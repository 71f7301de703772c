/** Fault 28 with a real process, a real disk and a real kill -9. */
import {spawn} from 'node:child_process';
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {expect, test} from 'vitest';
import {createNodePlatform} from '../../src/lib/node-platform.ts';
import {createFileReplayStore, createReplayGuard} from '../../src/protocol/index.ts';

const program = fileURLToPath(new URL('../fixtures/programs/admit-and-wait.ts', import.meta.url));

/** Runs the program until it has admitted the request, then kills it without a warning. */
function admitAndKill(path: string, id: string): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--import', 'tsx', program, path, id], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    child.once('error', reject);
    child.stdout.once('data', () => child.kill('SIGKILL'));
    child.once('exit', (code, signal) => (signal === null ? reject(new Error(`exit code ${code}`)) : resolve(signal)));
  });
}

test('fault 28: a request admitted before kill -9 is refused by the next process', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'choria-kill-'));
  try {
    const path = join(directory, 'replay.log');
    expect(await admitAndKill(path, 'first')).toBe('SIGKILL');
    expect(await admitAndKill(path, 'second')).toBe('SIGKILL');
    const {clock, files} = createNodePlatform();
    const guard = await createReplayGuard({clock, store: createFileReplayStore({files, path})});
    const request = (id: string) => ({id, callerId: 'choria=rip.mcollective', sentAtMs: clock.nowMs(), ttlSeconds: 60});
    await expect(guard.admit(request('first'))).rejects.toMatchObject({code: 'ERR_REQUEST_REPLAYED'});
    await expect(guard.admit(request('second'))).rejects.toMatchObject({code: 'ERR_REQUEST_REPLAYED'});
    await guard.admit(request('third'));
    await guard.close();
  } finally {
    rmSync(directory, {recursive: true});
  }
});

test('fault 28: a captured request sent 10,000 times, across restarts and kill -9, ran once', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'choria-replays-'));
  try {
    const path = join(directory, 'replay.log');
    // The process that ran it first is killed without a warning.
    expect(await admitAndKill(path, 'captured')).toBe('SIGKILL');
    const {clock, files} = createNodePlatform();
    const captured = {id: 'captured', callerId: 'choria=rip.mcollective', sentAtMs: clock.nowMs(), ttlSeconds: 60};
    let runs = 1;
    let refusals = 0;
    for (let life = 0; life < 20; life++) {
      const guard = await createReplayGuard({clock, store: createFileReplayStore({files, path})});
      for (let replay = 0; replay < 500; replay++) {
        await guard.admit(captured).then(
          () => {
            runs += 1;
          },
          () => {
            refusals += 1;
          },
        );
      }
      expect(guard.size).toBe(1);
      // Every other process ends in order, the rest just stop, as a killed one does.
      if (life % 2 === 0) await guard.close();
    }
    expect({runs, refusals}).toEqual({runs: 1, refusals: 10_000});
  } finally {
    rmSync(directory, {recursive: true});
  }
});
