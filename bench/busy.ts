/**
 * Discovery on a machine that is kept busy by other work: 50 runs over 2,000 emulated servers, while as many endless loops run as there are
 * processors. A run is right when it finds every server, or says how many connected ones did not answer.
 *
 *     npm run bench -- busy          BENCH_SERVERS, BENCH_RUNS and BENCH_LOOPS change the figures
 */
import {type ChildProcess, spawn, spawnSync} from 'node:child_process';
import {join} from 'node:path';
import {callerName, writeMembers, writeOrganisation} from '../src/cli/demo/fleet-files.ts';
import {type FleetProcess, startFleetProcess} from '../src/cli/demo/fleet-processes.ts';
import {createNodePlatform} from '../src/lib/node-platform.ts';
import {type BenchContext, benchRow, type BenchRow, median} from './row.ts';

const servers = Number(process.env['BENCH_SERVERS'] ?? 2_000);
const runs = Number(process.env['BENCH_RUNS'] ?? 50);
const program = join(import.meta.dirname, '..', 'bin', 'choria.js');

interface Discovery {
  readonly found: number;
  /** Connected servers that the run itself says did not answer. */
  readonly named: number;
  readonly seconds: number;
}

export async function rows(context: BenchContext): Promise<readonly BenchRow[]> {
  const platform = createNodePlatform();
  const loops = Number(process.env['BENCH_LOOPS'] ?? platform.host.cpuCount);
  const directory = await platform.files.makeTempDirectory('choria-bench-');
  const env = {PATH: process.env['PATH'] ?? '', HOME: directory, USER: 'bench', COLUMNS: '100'};
  const processes: FleetProcess[] = [];
  const busy: ChildProcess[] = [];
  const launch = async (name: string, args: readonly string[]): Promise<FleetProcess> => {
    const started = await startFleetProcess(platform, {
      name,
      program: process.execPath,
      args: [program, ...args],
      env,
      cwd: directory,
      signal: new AbortController().signal,
    });
    processes.push(started);
    return started;
  };
  try {
    const broker = await launch('broker', ['broker', 'run', '--config', await writeOrganisation(platform, directory)]);
    const listening = await broker.waitForLine(/Listening for client connections on ([^\s"]+)/);
    const files = await writeMembers(platform, {directory, brokerAddress: listening[1] ?? ''});
    context.say(`starting ${servers} emulated servers`);
    const count = ['--count', String(servers), '--ca-key', files.authorityKey];
    const emulator = await launch('emulator', ['emulate', '--config', files.emulatorConfig, ...count]);
    await emulator.waitForLine(/Emulated \d+ servers are running/, {timeoutMs: 60_000 + servers * 60});
    context.say(`${loops} endless loops beside it`);
    for (let loop = 0; loop < loops; loop++) busy.push(spawn(process.execPath, ['-e', 'for(;;){}'], {stdio: 'ignore'}));
    const find = (): Discovery => {
      const startedAtMs = performance.now();
      const {stdout, stderr} = spawnSync(
        process.execPath,
        [program, 'find', '--json', '--config', files.clientConfig],
        {
          encoding: 'utf8',
          maxBuffer: 64 * 1024 * 1024,
          env: {...env, MCOLLECTIVE_CERTNAME: callerName},
        },
      );
      const isAnswer = stdout.startsWith('[');
      if (!isAnswer) context.say(`failed: ${stdout.trim().slice(0, 400)}`);
      const names = isAnswer ? (JSON.parse(stdout) as readonly string[]) : [];
      return {
        found: new Set(names).size,
        named: Number(/(\d+) connected nodes did not answer/.exec(stderr)?.[1] ?? 0),
        seconds: (performance.now() - startedAtMs) / 1_000,
      };
    };
    const results = Array.from({length: runs}, (_unused, index) => {
      const result = find();
      if (result.found < servers || index % 10 === 0) {
        context.say(`run ${index + 1}: ${result.found} found, ${result.named} named, ${result.seconds.toFixed(2)} s`);
      }
      return result;
    });
    const short = results.filter(({found}) => found < servers);
    const silent = short.filter(({found, named}) => found + named < servers);
    const what = `${servers.toLocaleString('en-US')} servers, ${loops} busy loops, ${runs} runs`;
    return [
      benchRow(`discovery: ${what}, short without a word`, {
        unit: 'runs',
        ours: silent.length,
        goal: {atMost: 0},
        note: `${runs - short.length} runs found all, ${short.length - silent.length} named who is missing`,
      }),
      benchRow(`discovery: ${what}, median of a whole process`, {
        unit: 's',
        ours: median(results.map(({seconds}) => seconds)),
        goal: {atMost: 30},
        note: `longest ${Math.max(...results.map(({seconds}) => seconds)).toFixed(1)} s`,
      }),
    ];
  } finally {
    for (const loop of busy) loop.kill('SIGKILL');
    for (const started of processes.reverse()) await started.stop();
    await platform.files.remove(directory, {recursive: true});
  }
}
