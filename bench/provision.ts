/**
 * Nodes brought from waiting to configured and started again, a minute: emulated servers and their broker in this process, the
 * provisioner that operators run in another, a helper that is a real program started once for each node.
 */
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {startFleetProcess} from '../src/cli/demo/fleet-processes.ts';
import {createNodePlatform} from '../src/lib/node-platform.ts';
import {startTestBroker} from '../test/support/broker.ts';
import {helperHead} from '../test/support/provisioner.ts';
import {createTokenMaker, createWaitingFleet, isConfigured} from '../test/support/waiting-fleet.ts';
import {benchRow, type BenchContext, type BenchRow} from './row.ts';

const nodes = Number(process.env['BENCH_NODES'] ?? 1_000);
const workers = 32;
const program = join(import.meta.dirname, '..', 'bin', 'choria.js');

/** What the provisioner is started with, and where. */
function writeProvisioner(directory: string, options: {readonly url: string; readonly verifyPem: string}): void {
  const configuration = {
    identity: '%s.example.net',
    'plugin.choria.server.provision': '0',
    'plugin.choria.middleware_hosts': options.url,
    'plugin.choria.use_srv': '0',
  };
  writeFileSync(join(directory, 'helper.sh'), `${helperHead}printf '${JSON.stringify({configuration})}' "$id"`);
  writeFileSync(join(directory, 'verify.pem'), options.verifyPem);
  writeFileSync(
    join(directory, 'provisioner.yaml'),
    JSON.stringify({
      helper: `/bin/sh ${directory}/helper.sh`,
      token: 's3cret',
      workers,
      loglevel: 'warn',
      choria_insecure: true,
      jwt_verify_cert: join(directory, 'verify.pem'),
      features: {jwt: true},
    }),
  );
  writeFileSync(
    join(directory, 'choria.conf'),
    `identity = provisioner.example.net\nplugin.choria.middleware_hosts = ${options.url}\nplugin.choria.use_srv = 0\nplugin.security.provider = file\n`,
  );
}

/** User and system, of a process that runs. */
function cpuSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  const [user, system, children, childrenSystem] = [11, 12, 13, 14].map((index) => Number(fields[index] ?? 0));
  return ((user ?? 0) + (system ?? 0) + (children ?? 0) + (childrenSystem ?? 0)) / 100;
}

export async function rows(context: BenchContext): Promise<readonly BenchRow[]> {
  const platform = createNodePlatform();
  const directory = mkdtempSync(join(tmpdir(), 'choria-bench-provision-'));
  await using broker = await startTestBroker();
  const tokens = createTokenMaker();
  // The restart's wait of two seconds is no work; it passes faster, so that the last nodes do not decide the figure.
  await using fleet = createWaitingFleet({count: nodes, token: tokens.make({chu: broker.url}), timeScale: 20});
  await fleet.start();
  context.say(`${nodes} nodes wait`);
  writeProvisioner(directory, {url: broker.url, verifyPem: tokens.publicKeyPem});
  const startedMs = platform.clock.monotonicMs();
  const provisioner = await startFleetProcess(platform, {
    name: 'provisioner',
    program: process.execPath,
    args: [
      program,
      'provisioner',
      'run',
      '--config',
      join(directory, 'provisioner.yaml'),
      '--choria-config',
      join(directory, 'choria.conf'),
    ],
    env: {PATH: process.env['PATH'] ?? '', HOME: directory, USER: 'bench'},
    cwd: directory,
    signal: new AbortController().signal,
  });
  try {
    const ownCpu = process.cpuUsage();
    while (!fleet.nodes.every(isConfigured)) await new Promise((resolve) => setTimeout(resolve, 20));
    const minutes = (platform.clock.monotonicMs() - startedMs) / 60_000;
    const used = cpuSeconds(provisioner.pid);
    const own = process.cpuUsage(ownCpu);
    const perNode = (seconds: number): number => Math.round((seconds * 10_000) / nodes) / 10;
    context.say(
      `CPU a node: provisioner and helpers ${perNode(used)} ms, broker and nodes ${perNode((own.user + own.system) / 1e6)} ms`,
    );
    return [
      benchRow('provision: nodes a minute, real helper', {
        unit: 'nodes/min',
        ours: Math.round(nodes / minutes),
        goal: {atLeast: 10_000},
        note: `${nodes} nodes, ${workers} workers, one helper process each; tokens verified, no certificates`,
      }),
      benchRow('provision: CPU of provisioner and helper for a node', {
        unit: 'ms',
        ours: perNode(used),
        goal: {atMost: 12},
        note: 'two cores have 12 ms for a node at 10,000 a minute',
      }),
    ];
  } finally {
    await provisioner.stop();
    rmSync(directory, {recursive: true, force: true});
  }
}
