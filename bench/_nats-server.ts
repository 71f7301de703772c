/** A real nats-server beside us. */
import {type ChildProcess, spawn} from 'node:child_process';
import {existsSync, mkdtempSync, readdirSync, readFileSync, rmSync} from 'node:fs';
import {homedir, tmpdir} from 'node:os';
import {delimiter, join} from 'node:path';
import type {BenchContext} from './row.ts';

export interface PeerServer {
  readonly port: number;
  stop(): Promise<void>;
}

export function stopper(child: ChildProcess, signal: NodeJS.Signals): () => Promise<void> {
  return () =>
    new Promise((resolve) => {
      if (child.exitCode !== null) {
        resolve();
        return;
      }
      child.once('exit', () => resolve());
      child.kill(signal);
    });
}

function findNatsServer(): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), join(homedir(), 'go', 'bin')];
  return folders.map((folder) => join(folder, 'nats-server')).find((path) => existsSync(path));
}

/** Undefined, with a word, where there is none. */
export async function startNatsServer(context: BenchContext): Promise<PeerServer | undefined> {
  const program = findNatsServer();
  if (program === undefined) {
    context.say('broker: no nats-server found: go install github.com/nats-io/nats-server/v2@v2.15.2');
    return undefined;
  }
  const folder = mkdtempSync(join(tmpdir(), 'choria-bench-'));
  const child = spawn(program, ['-a', '127.0.0.1', '-p', '-1', '--ports_file_dir', folder], {stdio: 'ignore'});
  const stop = stopper(child, 'SIGTERM');
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const file = readdirSync(folder).find((name) => name.endsWith('.ports'));
    const text = file === undefined ? '' : readFileSync(join(folder, file), 'utf8');
    const found = /nats:\/\/127\.0\.0\.1:(\d+)/.exec(text);
    if (found !== null) {
      return {
        port: Number(found[1]),
        stop: async () => {
          await stop();
          rmSync(folder, {recursive: true, force: true});
        },
      };
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await stop();
  throw new Error('nats-server did not start within 5 s');
}
