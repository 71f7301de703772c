/**
 * The soak: a million signed requests to one server, and its memory all the while.
 *
 *     npm run soak [-- --requests 1000000 --rate 300 --out docs/design/soak --heap FILE]
 *
 * Broker, server and caller are three processes; the server is the program that operators run, with policies, audit and its memory
 * of requests on disk. Nothing is cached for it: every request has its own id and its own signature. Writes `OUT.json` and `OUT.svg`
 * as it goes, so a run that is ended early leaves what it measured.
 */
import {readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {jobArguments, jobNumber} from './arguments.mjs';
import {type FleetProcess, startFleetProcess} from '../src/cli/demo/fleet-processes.ts';
import {createMessenger} from '../src/client/internal.ts';
import {loadConfig} from '../src/config/index.ts';
import {
  connectSecurity,
  createSecurityProvider,
  openConnection,
  securitySwitches,
  serverSource,
} from '../src/connect/index.ts';
import {silentLogger} from '../src/lib/logger.ts';
import {createNodePlatform} from '../src/lib/node-platform.ts';
import {type Platform, sleep} from '../src/lib/platform.ts';
import {inboxPrefix} from '../src/protocol/index.ts';
import {createNodeCaller, type NodeCaller} from '../src/provisioner/node-calls.ts';
import {createOrganisation, memberFolder, moveBroker} from '../src/organisation/index.ts';
import {soakChart, type SoakReport, type SoakSample, summarize} from './soak-report.ts';

const program = join(import.meta.dirname, '..', 'bin', 'choria.js');
const node = 'soak.example.net';
const broker = 'broker.example.net';
const collective = 'mcollective';
const inFlightMax = 64;
/** As the systemd unit of the package starts it: small young generations, which cost no time and save 25 MiB. */
const serverFlags = '--max-semi-space-size=2';
const heapHook = join(import.meta.dirname, 'soak-heap.cjs');
const idleMs = 10_000;
const samplesWanted = 400;

interface Fleet {
  readonly caller: NodeCaller;
  readonly server: FleetProcess;
}

function serverEnvironment(heapFile: string | undefined): Readonly<Record<string, string>> {
  if (heapFile === undefined) return {NODE_OPTIONS: serverFlags};
  return {NODE_OPTIONS: `${serverFlags} --require ${heapHook}`, SOAK_HEAP_FILE: heapFile};
}

async function startFleet(
  platform: Platform,
  options: {
    readonly directory: string;
    readonly processes: FleetProcess[];
    readonly heapFile: string | undefined;
  },
): Promise<Fleet> {
  const {directory, processes, heapFile} = options;
  const organisation = join(directory, 'soak');
  await createOrganisation(platform, {
    directory: organisation,
    broker: {host: broker, port: 0, listenAddress: '127.0.0.1'},
    security: 'jwt',
    collectives: [collective],
    nodes: [{name: node, facts: {country: 'mt', cpus: 2}, classes: ['roles::soak']}],
    operators: ['soak'],
  });
  const launch = async (name: string, args: readonly string[]): Promise<FleetProcess> => {
    const started = await startFleetProcess(platform, {
      name,
      program: process.execPath,
      args: [program, ...args],
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: directory,
        ...(name === 'server' ? serverEnvironment(heapFile) : {}),
      },
      cwd: directory,
      signal: new AbortController().signal,
    });
    processes.push(started);
    return started;
  };
  const folder = (kind: 'broker' | 'node' | 'user', name: string): string =>
    join(organisation, memberFolder(kind, name));
  const brokerConfig = join(folder('broker', broker), 'broker.conf');
  const brokerProcess = await launch('broker', ['broker', 'run', '--config', brokerConfig]);
  const listening = await brokerProcess.waitForLine(/Listening for client connections on ([^\s"]+)/);
  const [host = '', port = ''] = (listening[1] ?? '').split(':');
  await moveBroker(platform.files, organisation, {host, port: Number(port)});
  const server = await launch('server', ['server', 'run', '--config', join(folder('node', node), 'server.conf')]);
  return {caller: await openCaller(platform, join(folder('user', 'soak'), 'client.conf')), server};
}

/** The least that makes signed requests and opens their answers: what is measured is the server. */
async function openCaller(base: Platform, path: string): Promise<NodeCaller> {
  const platform = {...base, env: {...base.env, USER: 'soak'}};
  const logger = silentLogger;
  const config = await loadConfig({platform, mode: 'user', path});
  const provider = await createSecurityProvider(config, {platform, logger, mode: 'client'});
  const connection = await openConnection({
    platform,
    logger,
    name: provider.callerId,
    servers: serverSource(config, {platform, logger}),
    ...connectSecurity(config, {provider, logger, switches: securitySwitches({platform, mode: 'client', logger})}),
    inboxPrefix: inboxPrefix(collective, provider.callerId),
  });
  const messenger = createMessenger({
    connection,
    provider,
    platform,
    identity: 'soak',
    mainCollective: collective,
    federations: [],
  });
  return createNodeCaller({messenger, collective, logger});
}

/** What a day brings: mostly pings, some reading of facts, now and then an inventory. */
function requestOf(number: number): readonly [action: string, data: Readonly<Record<string, unknown>>] {
  if (number % 100 === 0) return ['inventory', {}];
  return number % 20 === 0 ? ['get_fact', {fact: 'country'}] : ['ping', {}];
}

async function perform(caller: NodeCaller, number: number): Promise<boolean> {
  const [action, data] = requestOf(number);
  const reply = await caller.call({identity: node, agent: 'rpcutil', action, data, timeoutMs: 20_000});
  return reply?.statusCode === 0;
}

async function waitUntilAnswered(platform: Platform, caller: NodeCaller): Promise<void> {
  for (let tries = 0; tries < 40; tries++) {
    if (await perform(caller, 1)) return;
    await sleep(platform.clock, 500);
  }
  throw new Error('the server does not answer');
}

function sampleOf(pid: number, done: number, seconds: number): SoakSample {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kib = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0);
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  const ticksPerSecond = 100;
  return {
    requests: done,
    seconds: Math.round(seconds * 10) / 10,
    residentMiB: Math.round((kib('VmRSS') / 1024) * 10) / 10,
    cpuSeconds: (Number(fields[11] ?? 0) + Number(fields[12] ?? 0)) / ticksPerSecond,
  };
}

interface Run {
  readonly requests: number;
  readonly rate: number;
  readonly out: string;
}

async function soak(platform: Platform, fleet: Fleet, run: Run): Promise<SoakReport> {
  const {caller, server} = fleet;
  const {clock} = platform;
  const elapsed = (): number => (clock.monotonicMs() - startedAtMs) / 1000;
  const samples: SoakSample[] = [];
  let done = 0;
  let failed = 0;
  const report = (): SoakReport => summarize({samples, failed, rate: run.rate});
  const startedAtMs = clock.monotonicMs();
  const take = (): void => {
    // Several requests may end in the same turn.
    if (samples.at(-1)?.requests === done && done < run.requests) return;
    samples.push(sampleOf(server.pid, done, elapsed()));
    writeFileSync(`${run.out}.json`, `${JSON.stringify(report(), null, 1)}\n`);
    if (samples.length % 10 === 0) {
      writeFileSync(`${run.out}.svg`, soakChart(report()));
      const last = samples.at(-1);
      process.stderr.write(
        `${done} requests, ${failed} failed, ${last?.residentMiB} MiB, ${Math.round(elapsed())} s\n`,
      );
    }
  };
  take();
  const every = Math.max(1, Math.round(run.requests / samplesWanted));
  const running = new Set<Promise<void>>();
  for (let number = 1; number <= run.requests; number++) {
    const aheadMs = (number / run.rate - elapsed()) * 1000;
    if (aheadMs > 20) await sleep(clock, aheadMs);
    while (running.size >= inFlightMax) await Promise.race(running);
    const work = perform(caller, number)
      .then((answered) => void (answered ? (done += 1) : (failed += 1)))
      .catch((error: unknown) => {
        failed += 1;
        process.stderr.write(`request ${number}: ${String(error)}\n`);
      })
      .finally(() => {
        running.delete(work);
        if ((done + failed) % every === 0) take();
      });
    running.add(work);
  }
  await Promise.allSettled(running);
  await sleep(clock, idleMs);
  take();
  return report();
}

async function main(): Promise<number> {
  const {values} = jobArguments({
    name: 'soak',
    help: 'Sends a million signed requests to one server, and measures its memory all the while.',
    options: {
      requests: {type: 'string', default: '1000000', value: 'N', help: 'Requests to send'},
      rate: {type: 'string', default: '300', value: 'N', help: 'Requests per second'},
      heap: {type: 'string', value: 'FILE', help: 'Write what lives in the heap to this file'},
      out: {
        type: 'string',
        default: join('docs', 'design', 'soak'),
        value: 'NAME',
        help: 'Write NAME.json and NAME.svg',
      },
    },
  });
  const requests = jobNumber(values.requests, {job: 'soak', name: 'requests', isWhole: true});
  const rate = jobNumber(values.rate, {job: 'soak', name: 'rate'});
  const platform = createNodePlatform();
  const directory = await platform.files.makeTempDirectory('choria-soak-');
  const processes: FleetProcess[] = [];
  try {
    const fleet = await startFleet(platform, {directory, processes, heapFile: values.heap});
    await waitUntilAnswered(platform, fleet.caller);
    await sleep(platform.clock, idleMs);
    const report = await soak(platform, fleet, {
      requests,
      rate,
      out: values.out,
    });
    writeFileSync(`${values.out}.svg`, soakChart(report));
    console.log(JSON.stringify({...report, samples: undefined}));
    return report.failed === 0 ? 0 : 1;
  } finally {
    for (const started of processes.reverse()) await started.stop();
    await platform.files.remove(directory, {recursive: true});
  }
}

process.exit(await main());
