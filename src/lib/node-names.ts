/** Name look-ups by the system's resolver. Edge file. */
import {lookup} from 'node:dns/promises';
import {promises as dns} from 'node:dns';
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
    async lookup(hostname, {signal}) {
      const found = await abortable(lookup(hostname, {all: true}), signal);
      return found.map((item) => item.address);
    },
  };
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
