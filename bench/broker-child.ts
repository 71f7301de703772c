/** The embedded broker alone in a process of its own, for the benchmark. Prints its port and ends when standard input closes. */
import {createEmbeddedEngine} from '../src/broker/index.ts';
import {silentLogger} from '../src/lib/logger.ts';
import {createNodePlatform} from '../src/lib/node-platform.ts';

const engine = createEmbeddedEngine({
  platform: createNodePlatform(),
  logger: silentLogger,
  host: '127.0.0.1',
  port: 0,
  serverName: 'bench',
});
await engine.start();
process.stdout.write(`${engine.port}\n`);
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
