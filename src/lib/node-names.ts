/** Name look-ups by the system's resolver. Edge file. */
import {lookup} from 'node:dns/promises';
import {promises as dns} from 'node:dns';
import {execFile} from 'node:child_process';
import type {Names} from './platform.ts';

/**
 * @param options.servers  `address:port` of the name servers to ask for SRV and PTR records; default those of the system
 */
export function createNodeNames(options: {readonly servers?: readonly string[]} = {}): Names {
  const withResolver = <T>(signal: AbortSignal, ask: (resolver: dns.Resolver) => Promise<T>): Promise<T> =>
    askResolver(ask, {signal, servers: options.servers});
  return {
    resolveSrv: (name, {signal}) => withResolver(signal, (resolver) => resolver.resolveSrv(name)),
    reverse: (address, {signal}) => withResolver(signal, (resolver) => resolver.reverse(address)),
    ...(process.platform === 'win32' ? {} : {groupId: findGroup}),
    async lookup(hostname, {signal}) {
      const found = await abortable(lookup(hostname, {all: true}), signal);
      return found.map((item) => item.address);
    },
  };
}

/** A line of the group database has little more than a name and its members. */
const groupLineBytesMax = 1_048_576;

/** Groups may come from a directory service, which only the system's own look-up knows. */
function findGroup(name: string, {signal}: {readonly signal: AbortSignal}): Promise<number | undefined> {
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/.test(name)) return Promise.resolve(undefined);
  return new Promise((resolve, reject) => {
    execFile('getent', ['group', name], {signal, maxBuffer: groupLineBytesMax}, (error, stdout) => {
      const number = /^[^:]*:[^:]*:(\d+):/.exec(stdout)?.[1];
      if (number !== undefined) resolve(Number(number));
      else if (signal.aborted) reject(signal.reason as Error);
      // 2: there is no such group.
      else if (error === null || error.code === 2) resolve(undefined);
      else reject(error);
    });
  });
}

/** One resolver for each question, so that cancelling one leaves the others alone. */
async function askResolver<T>(
  ask: (resolver: dns.Resolver) => Promise<T>,
  {signal, servers}: {readonly signal: AbortSignal; readonly servers: readonly string[] | undefined},
): Promise<T> {
  signal.throwIfAborted();
  const resolver = new dns.Resolver();
  if (servers !== undefined) resolver.setServers(servers);
  const onAbort = (): void => resolver.cancel();
  signal.addEventListener('abort', onAbort, {once: true});
  try {
    return await ask(resolver);
  } catch (error) {
    throw signal.aborted ? signal.reason : error;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** The system's own look-up can't be cancelled; its late answer is dropped. */
function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, {once: true});
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
