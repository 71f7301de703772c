/** A cluster of brokers of ours on real nats-servers, on free loopback ports. */
import {createServer} from 'node:net';
import type {RunningBroker} from '../../src/broker/index.ts';
import {startConfiguredBroker, supervisedEngine} from './supervised.ts';

export interface TestCluster {
  /** Members by place; one that was ended is undefined until it is started again. */
  readonly brokers: readonly (RunningBroker | undefined)[];
  readonly urls: readonly string[];
  /** Ends one member: `kill` as a power cut would (its nats-server by SIGKILL), `stop` politely. */
  end(place: number, how: 'kill' | 'stop'): Promise<void>;
  start(place: number): Promise<void>;
  /** Ends only the nats-server of one member, by SIGKILL. */
  killServer(place: number): void;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Ports that were free a moment ago; the routes of a cluster have to be known before it starts. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const servers = await Promise.all(
    Array.from({length: count}, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => {
    const address = server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  });
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

export async function startTestCluster(
  size: number,
  entries: Readonly<Record<string, string>> = {},
): Promise<TestCluster> {
  const ports = await freePorts(size * 2);
  const clientPorts = ports.slice(0, size);
  const routePorts = ports.slice(size);
  const brokers: (RunningBroker | undefined)[] = [];
  const start = async (place: number): Promise<void> => {
    brokers[place] = await startConfiguredBroker({
      identity: `broker${place}.example.net`,
      'plugin.choria.network.client_port': String(clientPorts[place]),
      'plugin.choria.network.peer_port': String(routePorts[place]),
      'plugin.choria.network.peers': routePorts.map((port) => `nats://localhost:${port}`).join(', '),
      'plugin.choria.network.peer_password': 'only the brokers know',
      ...entries,
    });
  };
  for (let place = 0; place < size; place++) await start(place);
  const killServer = (place: number): void => {
    const broker = brokers[place];
    if (broker !== undefined) process.kill(supervisedEngine(broker).processId ?? -1, 'SIGKILL');
  };
  return {
    brokers,
    urls: clientPorts.map((port) => `tls://127.0.0.1:${port}`),
    killServer,
    async end(place, how) {
      const broker = brokers[place];
      if (how === 'kill') killServer(place);
      brokers[place] = undefined;
      await broker?.stop(how === 'stop' ? {graceMs: 20_000} : {});
    },
    start,
    async [Symbol.asyncDispose]() {
      for (const broker of brokers) await broker?.stop();
    },
  };
}
