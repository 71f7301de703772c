/** The embedded broker alone in a process of its own, for the benchmark. Prints its port and ends when standard input closes. With the argument `tls` it takes
 * certificates. */
import {createEmbeddedEngine} from '../src/broker/index.ts';
import {silentLogger} from '../src/lib/logger.ts';
import {createNodePlatform} from '../src/lib/node-platform.ts';
import {testTlsMaterial} from '../test/support/broker.ts';

const engine = createEmbeddedEngine({
  platform: createNodePlatform(),
  logger: silentLogger,
  host: '127.0.0.1',
  port: 0,
  serverName: 'bench',
  ...(process.argv[2] === 'tls'
    ? {tls: {material: testTlsMaterial('broker'), clientCertificates: 'if-given' as const}}
    : {}),
});
await engine.start();
process.stdout.write(`${engine.port}\n`);
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
