/** Our own connections to the nats-server that we run: one into each account that we serve, by keys made for this run. */
import {type Connection, type ConnectionEvents, openConnection} from '../../connect/index.ts';
import {encodeNkeySeed, nkeyPublicFromSeed, signNkey} from '../../crypto/index.ts';
import type {TlsMaterial} from '../../lib/network.ts';
import type {Platform} from '../../lib/platform.ts';
import {supervisedLimits} from './limits.ts';

/** Made at each start and known to this process and its child only. */
export interface LinkSeeds {
  readonly issuer: string;
  readonly callout: string;
  readonly fleet: string;
  readonly system: string;
}

export function makeSeeds(random: Pick<Platform['random'], 'bytes'>): LinkSeeds {
  const user = (): string => encodeNkeySeed('user', random.bytes(32));
  return {
    issuer: encodeNkeySeed('account', random.bytes(32)),
    callout: user(),
    fleet: user(),
    system: user(),
  };
}

export interface Links {
  readonly callout: Connection;
  readonly fleet: Connection;
  readonly system: Connection;
  close(): Promise<void>;
}

export interface LinkOptions {
  readonly platform: Pick<Platform, 'clock' | 'random' | 'network'>;
  /** The child's own ports file says so: it is the child that listens there. */
  readonly address: string;
  readonly tls: TlsMaterial | undefined;
  readonly seeds: LinkSeeds;
  readonly events?: ConnectionEvents;
}

/** @throws {ConnectError} when the server does not take them */
export async function openLinks(options: LinkOptions): Promise<Links> {
  const opened: Connection[] = [];
  const close = async (): Promise<void> => {
    for (const connection of opened) await connection.close();
  };
  const open = async (name: keyof Omit<LinkSeeds, 'issuer'>): Promise<Connection> => {
    const seed = options.seeds[name];
    const connection = await openConnection({
      platform: options.platform,
      name: `choria broker: ${name}`,
      servers: [options.address],
      inboxPrefix: '_INBOX.choria_broker',
      connectTimeoutMs: supervisedLimits.linkTimeoutMs,
      attemptsMax: 3,
      auth: {nkey: nkeyPublicFromSeed(seed), signNonce: (nonce) => Promise.resolve(signNkey(seed, nonce))},
      // Over loopback to a process that we started and that proves nothing to us by a name; we prove ourselves by a signature.
      ...(options.tls === undefined ? {} : {tls: {material: options.tls, verify: false}}),
      ...(options.events === undefined ? {} : {events: options.events}),
    });
    opened.push(connection);
    return connection;
  };
  try {
    return {callout: await open('callout'), fleet: await open('fleet'), system: await open('system'), close};
  } catch (error) {
    await close();
    throw error;
  }
}
