/**
 * Writes the code that V8 makes of the program beside it, for the version of Node that runs this. Short commands are run first, against a
 * broker and two emulated servers on this machine, so that what they need is compiled already.
 */
import {rmSync, writeFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {callerName, writeMembers, writeOrganisation} from '../dist/cli/demo/fleet-files.js';
import {startFleetProcess} from '../dist/cli/demo/fleet-processes.js';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const {cacheFile, loadProgram} = createRequire(import.meta.url)('../bin/load.cjs');
rmSync(cacheFile, {force: true});

const {exports, script} = loadProgram();
const {createNodePlatform, runCli} = exports;
const platform = createNodePlatform();
const {signal} = new AbortController();
const folder = await platform.files.makeTempDirectory('choria-code-');
const processes = [];

async function launch(name, args) {
  const started = await startFleetProcess(platform, {
    name,
    program: process.execPath,
    args: [join(root, 'bin', 'choria.js'), ...args],
    env: {PATH: '/usr/bin:/bin', HOME: folder, USER: 'build'},
    cwd: folder,
    signal,
  });
  processes.push(started);
  return started;
}

/** A fleet that answers; returns what a client needs to use it. */
async function startFleet() {
  const broker = await launch('broker', ['broker', 'run', '--config', await writeOrganisation(platform, folder)]);
  const listening = await broker.waitForLine(/Listening for client connections on ([^\s"]+)/);
  const {clientConfig, emulatorConfig, authorityKey} = await writeMembers(platform, {
    directory: folder,
    brokerAddress: listening[1],
  });
  const count = ['--count', '2', '--ca-key', authorityKey];
  const emulator = await launch('emulator', ['emulate', '--config', emulatorConfig, ...count]);
  await emulator.waitForLine(/Emulated \d+ servers are running/);
  return clientConfig;
}

async function runLines(config) {
  const quiet = {write: () => undefined, isTerminal: false, columns: 80};
  const context = {
    platform: {
      ...platform,
      env: {HOME: folder, USER: 'build', PATH: '/usr/bin:/bin', MCOLLECTIVE_CERTNAME: callerName},
    },
    stdout: quiet,
    stderr: quiet,
    stdin: {isTerminal: false, isPiped: false, readAll: () => Promise.resolve(Buffer.alloc(0))},
    signal,
    startedAtMs: platform.clock.nowMs(),
  };
  const lines = [
    ['req', '--help'],
    ['plugin', 'doc', 'rpcutil'],
    ['completion', '--list', 'agents'],
    ['facts', 'country'],
    ['find'],
    ['ping', '--expect', '2'],
    ['req', 'rpcutil', 'ping'],
    ['req', 'rpcutil', 'ping', '-I', 'emulated0000.example.net'],
  ];
  for (const line of lines) await runCli(['choria', ...line, '--config', config], context);
}

try {
  await runLines(await startFleet());
} catch (error) {
  // A machine that lets nothing listen has a program that starts more slowly, no more.
  process.stderr.write(`Some code is not prepared: ${error instanceof Error ? error.message : String(error)}\n`);
} finally {
  for (const started of processes.reverse()) await started.stop();
  await platform.files.remove(folder, {recursive: true});
}
writeFileSync(cacheFile, script.createCachedData());
process.exit(0);
