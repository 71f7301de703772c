/** A server in a process of its own, made to be killed: `victim-server.ts STATE_DIRECTORY BROKER_URL PKI_DIRECTORY`. */
import {appendFileSync} from 'node:fs';
import {join} from 'node:path';
import {configFromEntries} from '../../src/config/index.ts';
import {createNodePlatform} from '../../src/lib/node-platform.ts';
import {createServer} from '../../src/server/index.ts';
import {countingAgent, testIdentity, testProvider} from './test-server.ts';

const [directory = '', url = ''] = process.argv.slice(2);
const platform = createNodePlatform();
const config = await configFromEntries(
  {identity: testIdentity, 'plugin.choria.middleware_hosts': url, 'plugin.choria.server.state_directory': directory},
  {platform, mode: 'server'},
);
const server = await createServer({
  config,
  platform,
  provider: testProvider('node1', testIdentity),
  insecure: {tls: false, verifyTls: false},
  builtinAgents: false,
  agents: [
    countingAgent({
      timeoutSeconds: 60,
      work: ({request}) => {
        appendFileSync(join(directory, 'ran'), `${request.id}\n`);
        process.stdout.write('running\n');
        if (request.body.toString().includes('true')) return new Promise(() => {});
        return Promise.resolve(Buffer.from('done'));
      },
    }),
  ],
});
const stop = (): void => {
  void server.stop({graceMs: 100}).then(() => {
    process.stdout.write('stopped\n');
    process.exit(0);
  });
};
let stopping = false;
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    if (!stopping) stop();
    stopping = true;
  });
}
await server.start();
process.stdout.write('ready\n');
