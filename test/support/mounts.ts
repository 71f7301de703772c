/**
 * A platform that sees other paths and ports than the machine has: `/lab` may be a temporary folder and port 20400 any free one.
 *
 * Texts therefore come out exactly as they would on the machine that the paths belong to, without rewriting configuration files
 * or outputs. Errors are rewritten back.
 */
import {posix} from 'node:path';
import type {HttpClient} from '../../src/lib/http.ts';
import type {HttpServers} from '../../src/lib/http-server.ts';
import type {ConnectOptions, Listener, ListenOptions, ByteStream} from '../../src/lib/network.ts';
import type {Files, HostInfo, Network, Platform, ProcessRequest, Processes} from '../../src/lib/platform.ts';

export interface Mount {
  /** Such as `/lab`, without a slash at the end. */
  readonly virtual: string;
  readonly real: string;
}

export interface MountOptions {
  readonly platform: Platform;
  readonly mounts: readonly Mount[];
  /** Ports as configured to ports as they are; listening on a configured port adds to it. */
  readonly ports?: Map<number, number>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** As the program shall see it. */
  readonly workingDirectory: string;
  readonly host?: Partial<HostInfo>;
}

function escapePattern(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

export interface PathMapper {
  readonly toReal: (text: string) => string;
  readonly toVirtual: (text: string) => string;
}

export function createPathMapper(mounts: readonly Mount[]): PathMapper {
  const mapper = (from: 'virtual' | 'real', to: 'virtual' | 'real') => {
    const table = new Map(mounts.map((mount) => [mount[from], mount[to]]));
    const names = [...table.keys()].sort((a, b) => b.length - a.length).map(escapePattern);
    if (names.length === 0) return (text: string) => text;
    const pattern = new RegExp(`(?<![A-Za-z0-9._-])(${names.join('|')})(?![A-Za-z0-9._-])`, 'g');
    return (text: string) => text.replace(pattern, (match) => table.get(match) ?? match);
  };
  return {toReal: mapper('virtual', 'real'), toVirtual: mapper('real', 'virtual')};
}

function virtualError(error: unknown, toGiven: (text: string) => string): unknown {
  if (!(error instanceof Error)) return error;
  error.message = toGiven(error.message);
  const withPath = error as Error & {path?: string};
  if (typeof withPath.path === 'string') withPath.path = toGiven(withPath.path);
  return error;
}

/** A relative path is one of the program's working directory, and errors name it as it was given. */
function mountFiles(files: Files, {mapper, directory}: {mapper: PathMapper; directory: string}): Files {
  const whole = (path: string): string => posix.resolve(directory, path);
  const at = async <T>(path: string, work: (real: string) => Promise<T>): Promise<T> => {
    try {
      return await work(mapper.toReal(whole(path)));
    } catch (error) {
      throw virtualError(error, (text) => mapper.toVirtual(text).replaceAll(whole(path), path));
    }
  };
  return {
    ...files,
    read: (path, options) => at(path, (real) => files.read(real, options)),
    writeAtomic: (path, data, options) => at(path, (real) => files.writeAtomic(real, data, options)),
    openAppend: (path, options) => at(path, (real) => files.openAppend(real, options)),
    stat: (path) => at(path, (real) => files.stat(real)),
    lstat: (path) => at(path, (real) => files.lstat(real)),
    list: (path) => at(path, (real) => files.list(real)),
    makeDirectory: (path, options) => at(path, (real) => files.makeDirectory(real, options)),
    rename: (from, to) => at(from, (real) => files.rename(real, mapper.toReal(whole(to)))),
    remove: (path, options) => at(path, (real) => files.remove(real, options)),
    realPath: async (path) => mapper.toVirtual(await at(path, (real) => files.realPath(real))),
  };
}

function mountProcesses(processes: Processes, mapper: PathMapper): Processes {
  const map = <T extends Omit<ProcessRequest, 'timeoutMs'>>(request: T): T => ({
    ...request,
    command: mapper.toReal(request.command),
    args: request.args.map(mapper.toReal),
    cwd: mapper.toReal(request.cwd),
    env: Object.fromEntries(Object.entries(request.env).map(([name, value]) => [name, mapper.toReal(value)])),
  });
  return {
    ...processes,
    run: (request) => processes.run(map(request)),
    start: (request) => processes.start(map(request)),
  };
}

/** Whoever listens on a configured port gets a free one, so that two labs never meet; connections find it. */
function mountNetwork(network: Network, ports: Map<number, number>): Network {
  return {
    ...network,
    connect: (wanted: ConnectOptions): Promise<ByteStream> =>
      network.connect({...wanted, port: ports.get(wanted.port) ?? wanted.port}),
    listen: async (wanted: ListenOptions, onConnection): Promise<Listener> => {
      const listener = await network.listen({...wanted, port: 0}, onConnection);
      if (wanted.port === 0) return listener;
      ports.set(wanted.port, listener.port);
      return {host: listener.host, port: wanted.port, close: () => listener.close()};
    },
  };
}

function mountHttp(http: HttpClient, ports: Map<number, number>): HttpClient {
  return {
    request(wanted) {
      const url = new URL(wanted.url);
      const real = ports.get(Number(url.port));
      if (real === undefined) return http.request(wanted);
      url.port = String(real);
      const headers = {Host: new URL(wanted.url).host, ...wanted.headers};
      return http.request({...wanted, url: url.href, headers});
    },
  };
}

/** As for sockets: a configured port is a free one. */
function mountHttpServers(servers: HttpServers, ports: Map<number, number>): HttpServers {
  return {
    async listen(wanted) {
      const listener = await servers.listen({...wanted, port: 0});
      if (wanted.port === 0) return listener;
      ports.set(wanted.port, listener.port);
      return {...listener, port: wanted.port, close: () => listener.close()};
    },
  };
}

export function mountPlatform(options: MountOptions): Platform {
  const {platform} = options;
  const mapper = createPathMapper(options.mounts);
  const env = Object.fromEntries(Object.entries(options.env).filter(([, value]) => value !== undefined));
  return {
    ...platform,
    files: mountFiles(platform.files, {mapper, directory: options.workingDirectory}),
    processes: mountProcesses(platform.processes, mapper),
    network: mountNetwork(platform.network, options.ports ?? new Map()),
    httpServers: mountHttpServers(platform.httpServers, options.ports ?? new Map()),
    http: mountHttp(platform.http, options.ports ?? new Map()),
    env,
    host: {
      ...platform.host,
      hostname: 'client.example.net',
      homeDirectory: env['HOME'] === '' ? undefined : env['HOME'],
      workingDirectory: options.workingDirectory,
      tempDirectory: platform.host.tempDirectory,
      uid: 0,
      cpuCount: 2,
      ...options.host,
    },
  };
}
