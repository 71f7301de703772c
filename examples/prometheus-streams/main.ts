/**
 * A program with a Choria server inside of it and its own agent:
 *
 *     npx tsx examples/prometheus-streams/main.ts /etc/choria/server.conf
 *     choria req prometheus_streams switch target=blue
 *
 * Clients need the description: `--ddl` prints it, to be put into `LIBDIR/mcollective/agent/prometheus_streams.json`.
 */
import {loadConfig} from '../../src/config/index.ts';
import {createNodePlatform} from '../../src/lib/node-platform.ts';
import {agentDdlJson} from '../../src/rpc/agent.ts';
import {createServer} from '../../src/server/index.ts';
import {createStreamsAgent} from './agent.ts';

const agent = createStreamsAgent({targets: ['blue', 'green'], active: 'blue'});
const [argument] = process.argv.slice(2);

if (argument === undefined || argument === '--ddl') {
  process.stdout.write(agentDdlJson(agent));
} else {
  const platform = createNodePlatform();
  const config = await loadConfig({platform, mode: 'server', path: argument});
  const server = await createServer({config, platform, agents: [agent]});
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  await server.start({signal: stop.signal});
  stop.signal.addEventListener('abort', () => void server.stop());
}
