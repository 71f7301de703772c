/** Callers of a simulation: each on a machine of its own, with one connection that its client uses. */
import {createClient, type FleetClient} from '../client/index.ts';
import {loadConfig} from '../config/index.ts';
import {
  type Connection,
  connectSecurity,
  createSecurityProvider,
  openConnection,
  securitySwitches,
  serverSource,
} from '../connect/index.ts';
import {silentLogger} from '../lib/logger.ts';
import type {Platform} from '../lib/platform.ts';
import {inboxPrefix} from '../protocol/index.ts';
import {doubling, type Tape} from './doubling.ts';
import type {SimFleet, SimMachine} from './fleet.ts';
import type {SimProcess} from './process.ts';
import type {SimRandom} from './random.ts';
import type {Timeline} from './timeline.ts';

export interface SimCaller {
  readonly machine: SimMachine;
  readonly process: SimProcess;
  readonly platform: Platform;
  readonly client: FleetClient;
  readonly connection: Connection;
}

/**
 * @param options.name without `.mcollective`
 * @param options.machine made before simulated time began
 */
export async function connectCaller(
  fleet: SimFleet,
  options: {
    readonly name: string;
    readonly machine: SimMachine;
    readonly timeline: Timeline;
    readonly random: SimRandom;
    /** Keeps what is sent to nodes. */
    readonly tape?: Tape;
  },
): Promise<SimCaller> {
  const {name, machine, timeline, random, tape} = options;
  const certname = `${name}.mcollective`;
  const {process, platform, resolver} = fleet.clientProcess(machine, {certname});
  const config = await loadConfig({platform, mode: 'user', path: '/etc/choria/choria.conf'});
  const logger = silentLogger;
  const provider = await createSecurityProvider(config, {platform, mode: 'client', logger, certnameOverride: certname});
  const opened = doubling(
    await openConnection({
      platform,
      name: provider.callerId,
      servers: serverSource(config, {platform, logger}),
      ...connectSecurity(config, {provider, switches: securitySwitches({platform, mode: 'client', logger})}),
      inboxPrefix: inboxPrefix('mcollective', provider.callerId),
      pingIntervalMs: 30_000,
    }),
    {timeline, random: random.fork(`doubling-${name}`), process, chance: () => fleet.doubles},
  );
  const connection = tape === undefined ? opened : tape.record(opened);
  return {
    machine,
    process,
    platform,
    connection,
    client: createClient({config, platform, resolver, connection, provider}),
  };
}
