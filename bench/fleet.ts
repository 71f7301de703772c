/**
 * A fleet as operators see it: ping and requests over 1,000 emulated servers with TLS and signatures, one request to one node, the
 * command line's start, the memory of an idle server and of an emulated one.
 *
 * The peer here is go-choria, which cannot be had from the registries: its figures were measured on this kind of machine and are
 * named as such in each row.
 */
import {spawnSync} from 'node:child_process';
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {callerName, type FleetFiles, writeMembers, writeOrganisation} from '../src/cli/demo/fleet-files.ts';
import {startFleetProcess, type FleetProcess} from '../src/cli/demo/fleet-processes.ts';
import {createNodePlatform} from '../src/lib/node-platform.ts';
import type {Platform} from '../src/lib/platform.ts';
import {sleep} from '../src/lib/platform.ts';
import {benchRow, median, type BenchContext, type BenchRow} from './row.ts';

/** 1,000, or 8,000 where BENCH_SERVERS says so: then the ping is the only row of requests. */
const servers = Number(process.env['BENCH_SERVERS'] ?? 1_000);
const isLarge = servers > 1_000;
const shownServers = servers.toLocaleString('en-US');
const runs = 5;
const measuredEarlier = 'peer: go-choria, measured earlier on this kind of machine';
const program = join(import.meta.dirname, '..', 'bin', 'choria.js');

interface Run {
  readonly stdout: string;
  readonly wallSeconds: number;
}

export async function rows(context: BenchContext): Promise<readonly BenchRow[]> {
  const platform = createNodePlatform();
  const directory = await platform.files.makeTempDirectory('choria-bench-');
  const processes: FleetProcess[] = [];
  try {
    return [...startRows(platform), ...(await fleetRows(platform, {directory, processes, context}))];
  } finally {
    for (const started of processes.reverse()) await started.stop();
    await platform.files.remove(directory, {recursive: true});
  }
}

/** With nothing of this shell's environment: Node reads the file of NODE_EXTRA_CA_CERTS, which may take longer than all the rest. */
function startRows(platform: Platform): readonly BenchRow[] {
  const time = (args: readonly string[]): number => {
    const startedAtMs = platform.clock.monotonicMs();
    spawnSync(process.execPath, args, {stdio: 'ignore', env: {PATH: process.env['PATH'] ?? ''}});
    return platform.clock.monotonicMs() - startedAtMs;
  };
  time([program, '--version']);
  const ours = median(Array.from({length: 9}, () => time([program, '--version'])));
  const bare = median(Array.from({length: 9}, () => time(['-e', '0'])));
  return [
    benchRow('cli: --version', {
      unit: 'ms',
      ours,
      peer: 30,
      goal: {atMost: 80},
      note: `${measuredEarlier}; bare Node in this run: ${Math.round(bare)} ms`,
    }),
  ];
}

interface FleetOptions {
  readonly directory: string;
  readonly processes: FleetProcess[];
  readonly context: BenchContext;
}

async function fleetRows(platform: Platform, options: FleetOptions): Promise<readonly BenchRow[]> {
  const {directory, processes, context} = options;
  const environment = {PATH: process.env['PATH'] ?? '', HOME: directory, USER: 'bench', COLUMNS: '100'};
  const launch = async (name: string, args: readonly string[]): Promise<FleetProcess> => {
    const started = await startFleetProcess(platform, {
      name,
      program: process.execPath,
      args: [program, ...args],
      env: environment,
      cwd: directory,
      signal: new AbortController().signal,
    });
    processes.push(started);
    return started;
  };

  const broker = await launch('broker', ['broker', 'run', '--config', await writeOrganisation(platform, directory)]);
  const listening = await broker.waitForLine(/Listening for client connections on ([^\s"]+)/);
  const files = await writeMembers(platform, {directory, brokerAddress: listening[1] ?? ''});
  const firstConfig = files.serverConfigs[0] ?? '';
  const server = await launch('server', ['server', 'run', '--config', firstConfig]);
  await sleep(platform.clock, 4_000);
  const idleMiB = residentMiB(server.pid);
  await server.stop();
  processes.splice(processes.indexOf(server), 1);

  context.say(`starting ${servers} emulated servers`);
  const emulator = await launch('emulator', [
    'emulate',
    '--config',
    files.emulatorConfig,
    '--count',
    String(servers),
    '--ca-key',
    files.authorityKey,
  ]);
  // A certificate and a handshake for each take about 10 ms on two cores.
  await emulator.waitForLine(/Emulated \d+ servers are running/, {timeoutMs: 30_000 + servers * 30});

  const run = (args: readonly string[]): Run => {
    const startedAtMs = platform.clock.monotonicMs();
    const result = spawnSync(process.execPath, [program, ...args, '--config', files.clientConfig], {
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
      env: {...environment, MCOLLECTIVE_CERTNAME: callerName},
    });
    return {stdout: result.stdout, wallSeconds: (platform.clock.monotonicMs() - startedAtMs) / 1000};
  };
  return [
    benchRow('server: idle, resident memory', {
      unit: 'MiB',
      ours: idleMiB,
      peer: 69.5,
      goal: {atMost: 60},
      note: measuredEarlier,
    }),
    ...(await requestRows(platform, {run, files, directory, context})),
    benchRow('emulator: resident memory of one server', {
      unit: 'MiB',
      ours: (residentMiB(emulator.pid) - idleMiB) / servers,
      peer: 0.4,
      goal: {atMost: 0.1},
      note: `${measuredEarlier}; above an idle server's process`,
    }),
  ];
}

interface RequestOptions {
  readonly run: (args: readonly string[]) => Run;
  readonly files: FleetFiles;
  readonly directory: string;
  readonly context: BenchContext;
}

async function requestRows(platform: Platform, options: RequestOptions): Promise<readonly BenchRow[]> {
  const {run, context, directory} = options;
  const ping = Array.from({length: runs}, () => run(['ping', '--silent', '--expect', String(servers)]));
  const last = ping.map((item) => secondsOf(/max: ([\d.]+)(ms|s)\b/.exec(item.stdout)));
  context.say(`ping: ${/\d+ replies.*/.exec(ping[0]?.stdout ?? '')?.[0] ?? 'no replies'}`);

  const pingRow = benchRow(`ping: ${shownServers} servers, TLS and signatures, last answer`, {
    unit: 's',
    ours: median(last),
    peer: isLarge ? 9.85 : 1.45,
    goal: {atMost: isLarge ? 1.5 : 0.25},
    note: measuredEarlier,
  });
  if (isLarge) return [pingRow];

  const names = run(['find'])
    .stdout.split('\n')
    .filter((line) => line !== '');
  const nodesFile = join(directory, 'nodes.txt');
  await platform.files.writeAtomic(nodesFile, `${names.join('\n')}\n`, {mode: 0o600});
  const seconds = (item: Run): number => {
    const match = /Finished processing (\d+) \/ (\d+) hosts in ([\d.]+)(ms|s)/.exec(item.stdout);
    if (match === null || Number(match[1]) !== servers) return Number.NaN;
    return Number(match[3]) / (match[4] === 'ms' ? 1000 : 1);
  };
  const both = Array.from({length: runs}, () => seconds(run(['req', 'rpcutil', 'ping', '--np', '--display', 'none'])));
  const directed = Array.from({length: runs}, () =>
    seconds(run(['req', 'rpcutil', 'ping', '--np', '--display', 'none', '--nodes', nodesFile])),
  );
  const one = Array.from({length: runs + 2}, () => run(['req', 'rpcutil', 'ping', '--np', '-I', names[0] ?? '']));
  return [
    pingRow,
    benchRow('req rpcutil ping: 1,000 servers, discovery and request', {
      unit: 's',
      ours: median(both),
      peer: 2.97,
      goal: {atMost: 0.8},
      note: measuredEarlier,
    }),
    benchRow('req rpcutil ping: 1,000 servers, directed only', {
      unit: 's',
      ours: median(directed),
      peer: 0.98,
      goal: {atMost: 0.5},
      note: measuredEarlier,
    }),
    benchRow('req rpcutil ping: one known node, process', {
      unit: 's',
      ours: median(one.map((item) => item.wallSeconds)),
      peer: 0.08,
      goal: {atMost: 0.15},
      note: measuredEarlier,
    }),
    benchRow('req rpcutil ping: one known node, request', {
      unit: 'ms',
      ours: median(one.map((item) => Number(/hosts in ([\d.]+)ms/.exec(item.stdout)?.[1] ?? Number.NaN))),
      peer: 22,
      goal: {atMost: 10},
      note: measuredEarlier,
    }),
  ];
}

function residentMiB(pid: number): number {
  const match = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(match?.[1] ?? Number.NaN) / 1024;
}

/** Seconds out of a text such as `127ms` or `1.53s`. */
function secondsOf(match: RegExpExecArray | null): number {
  return Number(match?.[1] ?? Number.NaN) / (match?.[2] === 'ms' ? 1000 : 1);
}
