/**
 * Joins the command line's modules into one file in dist/bin, and lets V8 compile it once (`tools/code-cache.mjs`).
 *
 * Node opens, resolves, links and compiles each module by itself, which for 270 of them takes longer than running a short command. The
 * library stays plain compiler output; what is loaded through `require` (patterns, logging, web sockets, YAML) stays outside.
 */
import {build} from 'esbuild';
import {spawnSync} from 'node:child_process';
import {mkdirSync, writeFileSync} from 'node:fs';
import {dirname} from 'node:path';
import {fileURLToPath} from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Words that git says of the commit at hand; nothing where there is no git or no repository. */
function fromGit(...args) {
  const {status, stdout} = spawnSync('git', args, {cwd: root, encoding: 'utf8'});
  return status === 0 && stdout.trim() !== '' ? stdout.trim() : undefined;
}

const built = {builtCommit: fromGit('rev-parse', 'HEAD'), builtAt: fromGit('log', '-1', '--format=%cI')};

const shared = {
  absWorkingDir: root,
  bundle: true,
  platform: 'node',
  target: 'node20',
  minifyWhitespace: true,
  minifySyntax: true,
  external: ['@open-policy-agent/opa-wasm', 'pino', 'prom-client', 're2js', 'seek-bzip', 'ws', 'yaml'],
  define: Object.fromEntries(
    Object.entries(built)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [name, JSON.stringify(value)]),
  ),
  logLevel: 'warning',
};

const entry = [
  "export {runProgram} from './dist/cli/program.js';",
  "export {runCli} from './dist/cli/run.js';",
  "export {createNodePlatform} from './dist/lib/node-platform.js';",
];

/** Modules of Node that a short command does without: each takes milliseconds, and is loaded when something in it is used. */
const lazyBuiltins = /([\w$]+)=require\("(node:(?:child_process|dns|dns\/promises|http|https|worker_threads|zlib))"\)/g;

// Modules that commands load lazily stay functions that run when they are asked for.
const program = await build({
  ...shared,
  write: false,
  stdin: {contents: entry.join('\n'), resolveDir: root},
  outfile: 'dist/bin/program.cjs',
  format: 'cjs',
  // Node forgets how a script imports when V8 takes it from the cache; `require` it does not forget.
  supported: {'dynamic-import': false},
  define: {...shared.define, 'import.meta.url': 'bundleUrl'},
  banner: {
    js: `const bundleUrl=require('node:url').pathToFileURL(__filename).href;
const lazyBuiltin=(name)=>new Proxy({},{get:(_,key)=>require(name)[key]});`,
  },
});
mkdirSync('dist/bin', {recursive: true});
/**
 * A module that Node can load, and a script that gives the same as a function: the launcher compiles it as it is, where putting Node's
 * wrapper around it would copy the whole text.
 */
const asBoth = (text) =>
  `((run)=>typeof module==='object'?run(exports,require,module,__filename,__dirname):run)((function(exports,require,module,__filename,__dirname){${text}\n}))`;
for (const {path, text} of program.outputFiles)
  writeFileSync(path, asBoth(text.replace(lazyBuiltins, '$1=lazyBuiltin("$2")')));

// The thread of Rego policies is started by its file's name, so it keeps a file of its own.
await build({
  ...shared,
  entryPoints: {'node-worker': 'dist/authz/rego/node-worker.js'},
  outdir: 'dist/bin',
  format: 'esm',
  // Some packages inside are CommonJS and ask for Node's own modules by `require`.
  banner: {js: "import{createRequire as bundleRequire}from'node:module';const require=bundleRequire(import.meta.url);"},
});

const cached = spawnSync(process.execPath, ['tools/code-cache.mjs'], {cwd: root, stdio: 'inherit'});
if (cached.status !== 0) process.exit(cached.status ?? 1);
