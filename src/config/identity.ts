/**
 * The name of this node when none is configured: the host name when it is a full one, else its reverse DNS name, else what Facter says,
 * else the short name. Rules: spec/config.md section 6.
 */
import {parseIpAddress} from '../lib/ip-address.ts';
import type {Platform} from '../lib/platform.ts';
import {readFact} from './facter.ts';
import {identityLookupMs} from './limits.ts';

/** Empty when the host has no name at all. */
export async function findIdentity(platform: Platform): Promise<string> {
  const {hostname} = platform.host;
  if (hostname.split('.').length >= 3) return hostname;
  const fromDns = await withTimeLimit(platform, (signal) => reverseName(hostname, {platform, signal}));
  if (fromDns !== undefined) return fromDns;
  const fromFacter = await readFact('networking.fqdn', platform);
  return fromFacter === '' ? hostname : fromFacter;
}

async function reverseName(
  hostname: string,
  options: {readonly platform: Platform; readonly signal: AbortSignal},
): Promise<string | undefined> {
  const {platform, signal} = options;
  const addresses = await platform.names.lookup(hostname, {signal});
  const address = addresses.find((item) => parseIpAddress(item)?.length === 4);
  if (address === undefined) return undefined;
  const [name = ''] = await platform.names.reverse(address, {signal});
  const plain = name.replace(/\.$/, '');
  return plain === '' || plain === 'localhost' ? undefined : plain;
}

async function withTimeLimit<T>(platform: Platform, work: (signal: AbortSignal) => Promise<T>): Promise<T | undefined> {
  const controller = new AbortController();
  const timer = platform.clock.setTimer(
    () => controller.abort(new Error('the look-up took too long')),
    identityLookupMs,
    {
      background: true,
    },
  );
  try {
    return await work(controller.signal);
  } catch {
    // A host that DNS does not know is no error here: the next source is asked.
    return undefined;
  } finally {
    timer.cancel();
  }
}
