/**
 * Writes the code that V8 makes of the program beside it, for the version of Node that runs this. Short commands are run first, so
 * that what they need is compiled already; they reach no network.
 */
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

const {cacheFile, loadProgram} = createRequire(import.meta.url)('../bin/load.cjs');
rmSync(cacheFile, {force: true});
const folder = mkdtempSync(join(tmpdir(), 'choria-code-'));
const config = join(folder, 'client.conf');
// A port where nobody listens: everything up to the connection is loaded and run.
writeFileSync(
  config,
  'identity = build\nplugin.choria.middleware_hosts = nats://127.0.0.1:1\nplugin.choria.use_srv = false\n',
);
const common = ['--config', config, '--discovery-timeout', '1'];

try {
  const {exports, script} = loadProgram();
  const {createNodePlatform, runCli} = exports;
  const platform = createNodePlatform();
  const quiet = {write: () => undefined, isTerminal: false, columns: 80};
  const context = {
    platform: {
      ...platform,
      env: {
        HOME: folder,
        USER: 'build',
        PATH: '/usr/bin:/bin',
        INSECURE_YES_REALLY: 'true',
        MCOLLECTIVE_CERTNAME: 'build.mcollective',
      },
    },
    stdout: quiet,
    stderr: quiet,
    stdin: {isTerminal: false, isPiped: false, readAll: () => Promise.resolve(Buffer.alloc(0))},
    signal: new AbortController().signal,
    startedAtMs: platform.clock.nowMs(),
  };
  const lines = [
    ['req', 'rpcutil', 'ping', ...common],
    ['req', '--help'],
    ['find', ...common],
    ['facts', 'country', ...common],
    ['ping', '--config', config, '--timeout', '1'],
    ['plugin', 'doc', 'rpcutil', '--config', config],
    ['completion', '--list', 'agents', '--config', config],
  ];
  for (const line of lines) await runCli(['choria', ...line], context);
  writeFileSync(cacheFile, script.createCachedData());
} finally {
  rmSync(folder, {recursive: true, force: true});
}
process.exit(0);
