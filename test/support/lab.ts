/**
 * The lab that the command line's transcripts were taken in (`vectors/cli/README.md`), from our own parts: certificates, a TLS broker and
 * five servers with the external agent of the lab, on real sockets in this process. Paths and ports are those of the transcripts,
 * through the mounts of `mounts.ts`.
 */
import {mkdirSync} from 'node:fs';
import {join} from 'node:path';
import {startBroker} from '../../src/broker/index.ts';
import {loadConfig} from '../../src/config/index.ts';
import {type Logger, silentLogger} from '../../src/lib/logger.ts';
import {createNodePlatform} from '../../src/lib/node-platform.ts';
import type {Platform} from '../../src/lib/platform.ts';
import {type ChoriaServer, createServer} from '../../src/server/index.ts';
import {type CliTestResult, type CliTestRun, runCliForTest} from './cli.ts';
import {createLabFiles, type LabFiles} from './lab-files.ts';
import {mountPlatform} from './mounts.ts';

export interface LabRunResult extends CliTestResult {
  /** Text of a file below `/scratch` after the run, or undefined. */
  readonly scratchFile: (path: string) => string | undefined;
}

export interface Lab {
  readonly files: LabFiles;
  /** Ports of the transcripts to the real ones; 20400 is the broker. */
  readonly ports: Map<number, number>;
  readonly servers: readonly ChoriaServer[];
  /** A platform that sees the lab as the transcripts' machine did. */
  platform(options?: {readonly env?: Readonly<Record<string, string>>}): Platform;
  /** Runs a command line as the lab's user, with a `/scratch` of its own. */
  run(wanted: CliTestRun): Promise<LabRunResult>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface LabOptions {
  readonly logger?: Logger;
}

const userEnvironment: Readonly<Record<string, string>> = {MCOLLECTIVE_CERTNAME: 'rip.mcollective'};

async function startServer(
  files: LabFiles,
  options: {readonly name: string; readonly ports: Map<number, number>; readonly logger: Logger},
): Promise<ChoriaServer> {
  const {name, ports, logger} = options;
  const state = join(files.root, 'state', name);
  mkdirSync(state, {recursive: true});
  const platform = mountPlatform({
    platform: createNodePlatform(),
    mounts: [...files.mounts, {virtual: '/var/lib/choria', real: state}],
    ports,
    env: {PATH: process.env['PATH'], HOME: '/root', TZ: 'UTC'},
    workingDirectory: '/',
    host: {hostname: `${name}.example.net`},
  });
  const config = await loadConfig({platform, mode: 'server', path: `/lab/${name}/server.conf`});
  const server = await createServer({config, platform, logger});
  await server.start();
  return server;
}

/**
 * @param vectorsDirectory the folder that holds `cli/lab`
 * @example
 * await using lab = await startLab(vectorsDirectory);
 * const {stdout} = await lab.run({argv: ['choria', 'find']});
 */
export async function startLab(vectorsDirectory: string, options: LabOptions = {}): Promise<Lab> {
  const logger = options.logger ?? silentLogger;
  const files = await createLabFiles(vectorsDirectory);
  const ports = new Map<number, number>();
  const platform: Lab['platform'] = (wanted = {}) =>
    mountPlatform({
      platform: createNodePlatform(),
      mounts: files.mounts,
      ports,
      env: {PATH: process.env['PATH'], HOME: '/home/rip', USER: 'rip', TZ: 'UTC', ...userEnvironment, ...wanted.env},
      workingDirectory: '/home/rip',
    });
  const brokerPlatform = platform();
  const brokerConfig = await loadConfig({platform: brokerPlatform, mode: 'server', path: '/lab/broker/broker.conf'});
  const broker = await startBroker({config: brokerConfig, platform: brokerPlatform, logger});
  const servers = await Promise.all(files.nodeNames().map((name) => startServer(files, {name, ports, logger})));
  return {
    files,
    ports,
    servers,
    platform,
    run: async (wanted) => {
      const scratch = files.newScratch();
      try {
        const result = await runCliForTest({
          ...wanted,
          mounts: [...files.mounts, scratch.mount, ...(wanted.mounts ?? [])],
          ports: wanted.ports ?? ports,
          env: {...userEnvironment, ...wanted.env},
        });
        const texts = scratch.texts();
        return {...result, scratchFile: (path) => texts.get(path)};
      } finally {
        scratch.remove();
      }
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(servers.map((server) => server.stop({graceMs: 0})));
      await broker.stop();
      files.remove();
    },
  };
}
