#!/usr/bin/env node
/**
 * Makes a release for `choria_provision release_update`: the whole program in one file, packed with bzip2, and its description.
 *
 *     npm run build && node tools/release.mjs OUTDIR [--key SEEDFILE]
 *
 * Writes `OUTDIR/VERSION/OS/ARCH/{choria.bz2,release.json}`; OUTDIR is what provisioners name as `upgrades_repository`. With a seed (64
 * hexadecimal digits) the description is signed; nodes whose provisioning token names the public half take no other. The one file
 * unpacks itself beside itself at its first start. Needs the program `bzip2`.
 */
import {spawnSync} from 'node:child_process';
import {createHash, createPrivateKey, sign} from 'node:crypto';
import {mkdirSync, readdirSync, readFileSync, writeFileSync} from 'node:fs';
import {dirname, join, relative} from 'node:path';
import {fileURLToPath} from 'node:url';
import {parseArgs} from 'node:util';
import {brotliCompressSync, constants} from 'node:zlib';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const targets = [
  {os: 'linux', arch: 'amd64'},
  {os: 'linux', arch: 'arm64'},
];

/** Runs as a module and as a script, so it has no `import` line and no `require`. */
const start = `#!/usr/bin/env node
Promise.all(['fs', 'path', 'os', 'zlib', 'url'].map((name) => import('node:' + name))).then(async ([fs, path, os, zlib, url]) => {
  const self = fs.realpathSync(process.argv[1]);
  const text = fs.readFileSync(self, 'latin1');
  const at = text.lastIndexOf('\\n//release ');
  const [name, packed] = text.slice(at + 11).trim().split(' ');
  const places = [path.join(path.dirname(self), '.choria-releases'), path.join(os.homedir(), '.cache', 'choria-releases')].map((place) => path.join(place, name));
  const isThere = (place) => fs.existsSync(path.join(place, 'bin', 'program.cjs'));
  const unpack = (place) => {
    const fresh = place + '.' + process.pid;
    try {
      const files = JSON.parse(zlib.brotliDecompressSync(Buffer.from(packed, 'base64')).toString('utf8'));
      for (const [file, content] of Object.entries(files)) {
        fs.mkdirSync(path.dirname(path.join(fresh, file)), {recursive: true, mode: 0o755});
        fs.writeFileSync(path.join(fresh, file), content);
      }
      fs.renameSync(fresh, place);
    } catch (error) {
      fs.rmSync(fresh, {recursive: true, force: true});
      // Another start was faster, or this place is not ours to write to.
      return isThere(place);
    }
    return true;
  };
  const place = places.find(isThere) ?? places.find(unpack);
  if (place === undefined) throw new Error('Cannot unpack this release into ' + places.join(' or '));
  const loaded = await import(url.pathToFileURL(path.join(place, 'bin', 'program.cjs')));
  await loaded.default.runProgram();
}).catch((error) => {
  process.stderr.write(error.message + '\\n');
  process.exitCode = 1;
});
`;

function productionPackages() {
  const found = new Set();
  const add = (name) => {
    if (found.has(name)) return;
    found.add(name);
    const manifest = JSON.parse(readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8'));
    for (const dependency of Object.keys(manifest.dependencies ?? {})) add(dependency);
  };
  for (const name of Object.keys(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).dependencies)) add(name);
  return [...found].sort((a, b) => (a < b ? -1 : 1));
}

const wantedInPackages = /\.(?:js|cjs|mjs|json)$|^LICEN[CS]E|\/LICEN[CS]E[^/]*$/;
const unwantedInPackages = /(?:^|\/)(?:test|tests|bench|benchmarks|docs|examples?|browser)\//;

function filesOf(directory, keep) {
  return readdirSync(directory, {withFileTypes: true, recursive: true})
    .filter((entry) => entry.isFile())
    .map((entry) => relative(directory, join(entry.parentPath ?? entry.path, entry.name)))
    .filter(keep)
    .sort();
}

function collect() {
  // Its own, by which the program finds its version and its packages.
  const files = {'package.json': readFileSync(join(root, 'package.json'), 'utf8')};
  const add = (from, to, keep) => {
    for (const file of filesOf(from, keep)) files[`${to}/${file}`] = readFileSync(join(from, file), 'utf8');
  };
  // Compiled code belongs to one version of Node; the machine that gets the release may have another.
  add(join(root, 'dist', 'bin'), 'bin', (file) => !file.endsWith('.cache'));
  for (const name of productionPackages()) {
    add(join(root, 'node_modules', name), `node_modules/${name}`, (file) => {
      return wantedInPackages.test(file) && !unwantedInPackages.test(file) && !file.startsWith('node_modules/');
    });
  }
  return files;
}

function signature(statement, seedPath) {
  const seed = Buffer.from(readFileSync(seedPath, 'utf8').trim(), 'hex');
  const prefix = Buffer.from('302e020100300506032b657004220420', 'hex');
  const key = createPrivateKey({key: Buffer.concat([prefix, seed]), format: 'der', type: 'pkcs8'});
  return sign(null, Buffer.from(statement, 'utf8'), key).toString('hex');
}

function main() {
  const {values, positionals} = parseArgs({options: {key: {type: 'string'}}, allowPositionals: true});
  const [out] = positionals;
  if (out === undefined) throw new Error('Cannot make a release: expected the directory to write it to');
  const {version} = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const text = Buffer.from(JSON.stringify(collect()), 'utf8');
  const params = {[constants.BROTLI_PARAM_QUALITY]: 9, [constants.BROTLI_PARAM_LGWIN]: 22};
  const packed = brotliCompressSync(text, {params}).toString('base64');
  const name = `${version}-${createHash('sha256').update(packed).digest('hex').slice(0, 12)}`;
  const program = Buffer.from(`${start}\n//release ${name} ${packed}\n`, 'latin1');
  const hash = createHash('sha256').update(program).digest('hex');
  const bzip2 = spawnSync('bzip2', ['-9', '-c'], {input: program, maxBuffer: 256 * 1024 * 1024});
  if (bzip2.error !== undefined || bzip2.status !== 0)
    throw new Error('Cannot make a release: the program bzip2 failed');
  for (const {os, arch} of targets) {
    const directory = join(out, version, os, arch);
    const statement = `choria release\n${version}\n${os}\n${arch}\n${hash}\n`;
    const signed = values.key === undefined ? {} : {signature: signature(statement, values.key)};
    mkdirSync(directory, {recursive: true});
    writeFileSync(join(directory, 'choria.bz2'), bzip2.stdout);
    writeFileSync(join(directory, 'release.json'), `${JSON.stringify({binary: 'choria.bz2', hash, ...signed})}\n`);
  }
  console.log(`${out}/${version}: ${program.length} bytes, ${bzip2.stdout.length} packed, SHA-256 ${hash}`);
}

main();
