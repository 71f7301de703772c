/**
 * The program of an agent's process, joined into a few files once for all tests of a run: read from the sources it would take seconds to
 * start each time.
 */
import {build} from 'esbuild';
import {mkdtempSync, rmSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Kept on the process, as each test file has its own copy of this module's state. */
const shared = globalThis as {choriaTestAgentHost?: Promise<string>};

export function bundledAgentHost(): Promise<string> {
  return (shared.choriaTestAgentHost ??= bundle());
}

async function bundle(): Promise<string> {
  // Below the project, so that packages which stay outside are found.
  const directory = mkdtempSync(join(root, 'node_modules', '.choria-test-'));
  process.on('exit', () => rmSync(directory, {recursive: true, force: true}));
  await build({
    absWorkingDir: root,
    entryPoints: {'agents/module/node-host': 'src/agents/module/node-host.ts', 'rpc/agent': 'src/rpc/agent.ts'},
    outdir: directory,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    outExtension: {'.js': '.js'},
    logLevel: 'warning',
  });
  return join(directory, 'agents/module/node-host.js');
}
