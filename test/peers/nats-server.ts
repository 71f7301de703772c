/** The real nats-server as a child process on a free port. */
import {type ChildProcess, spawn} from 'node:child_process';
import {existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {homedir, tmpdir} from 'node:os';
import {delimiter, join} from 'node:path';

/** On the PATH, in GOBIN or GOPATH/bin, or in ~/go/bin; undefined when it is nowhere. */
export function findNatsServer(): string | undefined {
  const {PATH = '', GOBIN = '', GOPATH = ''} = process.env;
  const directories = [
    ...PATH.split(delimiter),
    GOBIN,
    ...GOPATH.split(delimiter).map((path) => (path === '' ? '' : join(path, 'bin'))),
    join(homedir(), 'go', 'bin'),
  ];
  return directories
    .filter((directory) => directory !== '')
    .map((directory) => join(directory, 'nats-server'))
    .find((path) => existsSync(path));
}

/** In CI a missing program is a failure; elsewhere the suite says what it lacks and is left out. */
export function missingPeer(name: string, howToGetIt: string): boolean {
  if (findNatsServer() !== undefined) return false;
  const message = `${name} is not installed: ${howToGetIt}`;
  if (process.env['CI'] === 'true') throw new Error(message);
  console.warn(`skipped: ${message}`);
  return true;
}

export interface NatsServer extends AsyncDisposable {
  readonly port: number;
  readonly pid: number;
}

/**
 * @param options.config  lines for its configuration file
 */
export async function startNatsServer(
  options: {readonly config?: string; readonly port?: number} = {},
): Promise<NatsServer> {
  const binary = findNatsServer();
  if (binary === undefined) throw new Error('nats-server is not installed');
  const directory = mkdtempSync(join(tmpdir(), 'choria-peer-'));
  const configPath = join(directory, 'nats.conf');
  writeFileSync(configPath, `listen: "127.0.0.1:${options.port ?? -1}"\n${options.config ?? ''}\n`);
  const child = spawn(binary, ['-c', configPath, '--ports_file_dir', directory], {stdio: ['ignore', 'ignore', 'pipe']});
  const port = await readPort(child, directory);
  return {
    port,
    pid: child.pid ?? 0,
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) {
        const ended = new Promise((resolve) => child.once('exit', resolve));
        child.kill('SIGKILL');
        await ended;
      }
      rmSync(directory, {recursive: true, force: true});
    },
  };
}

/** The ports file appears when the server listens. */
async function readPort(child: ChildProcess, directory: string): Promise<number> {
  let log = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    log = (log + chunk.toString()).slice(-4000);
  });
  for (let attempt = 0; attempt < 500; attempt++) {
    if (child.exitCode !== null) throw new Error(`nats-server ended with ${child.exitCode}: ${log}`);
    const file = readdirSync(directory).find((name) => name.endsWith('.ports'));
    const text = file === undefined ? '' : readFileSync(join(directory, file), 'utf8');
    const match = /(?:nats|tls):\/\/[^:]+:(\d+)/.exec(text);
    if (match !== null) return Number(match[1]);
    await new Promise<void>((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`nats-server did not listen in time: ${log}`);
}
