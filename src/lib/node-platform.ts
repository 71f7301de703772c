/** The real world as one `Platform`. Edge file. */
import {availableParallelism, hostname, tmpdir, userInfo} from 'node:os';
import {createNodeClock} from './node-clock.ts';
import {createNodeFiles} from './node-files.ts';
import {createNodeHttp} from './node-http.ts';
import {createNodeHttpServers} from './node-http-server.ts';
import {createNodeNames} from './node-names.ts';
import {createNodeNetwork} from './node-network.ts';
import {createNodeProcesses} from './node-processes.ts';
import {createNodeRandom} from './node-random.ts';
import type {HostInfo, Platform} from './platform.ts';

/**
 * @example
 * const platform = createNodePlatform();
 * const config = await loadConfig({platform, mode: 'user', path});
 */
export function createNodePlatform(): Platform {
  return {
    clock: createNodeClock(),
    random: createNodeRandom(),
    files: createNodeFiles(),
    network: createNodeNetwork(),
    http: createNodeHttp(),
    httpServers: createNodeHttpServers(),
    names: createNodeNames(),
    processes: createNodeProcesses(),
    host: nodeHost(),
    env: process.env,
  };
}

/** What can change while the process lives is read when it is asked for. */
function nodeHost(): HostInfo {
  return {
    get hostname() {
      return hostname();
    },
    uid: process.geteuid?.() ?? -1,
    pid: process.pid,
    platform: process.platform,
    arch: process.arch,
    get homeDirectory() {
      return homeDirectory();
    },
    get userName() {
      return userName();
    },
    get workingDirectory() {
      return process.cwd();
    },
    get tempDirectory() {
      return tmpdir();
    },
    cpuCount: availableParallelism(),
    self: {command: process.execPath, args: [...process.execArgv, process.argv[1] ?? '']},
  };
}

/** A process may run as a number that no user has. */
function userName(): string | undefined {
  try {
    return userInfo().username;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_SYSTEM_ERROR') return undefined;
    throw error;
  }
}

/** The environment alone decides, as in the Go program: a service without HOME has no home. */
function homeDirectory(): string | undefined {
  const {HOME, HOMEDRIVE, HOMEDIR} = process.env;
  if (process.platform !== 'win32') return HOME === '' ? undefined : HOME;
  return HOMEDRIVE && HOMEDIR ? HOMEDRIVE + HOMEDIR : undefined;
}
