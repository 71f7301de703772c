/**
 * Joins the command line's modules into a few files in dist/bin, split where commands load lazily.
 *
 * Node opens, resolves and links each module by itself, which for 270 of them takes twice as long as running a short command. The
 * library stays plain compiler output; what is loaded through `require` (patterns, logging, web sockets, YAML) stays outside.
 */
import {build} from 'esbuild';
import {spawnSync} from 'node:child_process';
import {dirname} from 'node:path';
import {fileURLToPath} from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Words that git says of the commit at hand; nothing where there is no git or no repository. */
function fromGit(...args) {
  const {status, stdout} = spawnSync('git', args, {cwd: root, encoding: 'utf8'});
  return status === 0 && stdout.trim() !== '' ? stdout.trim() : undefined;
}

const built = {builtCommit: fromGit('rev-parse', 'HEAD'), builtAt: fromGit('log', '-1', '--format=%cI')};

await build({
  absWorkingDir: root,
  // The thread of Rego policies is started by its file's name, so it keeps a file of its own.
  entryPoints: {program: 'dist/cli/program.js', 'node-worker': 'dist/authz/rego/node-worker.js'},
  outdir: 'dist/bin',
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  minifyWhitespace: true,
  minifySyntax: true,
  external: ['@open-policy-agent/opa-wasm', 'pino', 'prom-client', 're2js', 'seek-bzip', 'ws', 'yaml'],
  // Some packages inside are CommonJS and ask for Node's own modules by `require`.
  banner: {js: "import{createRequire as bundleRequire}from'node:module';const require=bundleRequire(import.meta.url);"},
  define: Object.fromEntries(
    Object.entries(built)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [name, JSON.stringify(value)]),
  ),
  logLevel: 'warning',
});
