/** A release as it is made for provisioners: the whole program in one file that runs alone, and a node that takes it. Needs bzip2. */
import {execFileSync, spawnSync} from 'node:child_process';
import {cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync} from 'node:fs';
import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, expect, test} from 'vitest';
import {ed25519PublicFromSeed} from '../../src/crypto/index.ts';
import {silentLogger} from '../../src/lib/logger.ts';
import {createNodePlatform} from '../../src/lib/node-platform.ts';
import {version} from '../../src/lib/version.ts';
import {watchUpgrade} from '../../src/provision/index.ts';
import {updateRelease} from '../../src/provision/release.ts';

const root = join(import.meta.dirname, '..', '..');
const seed = Buffer.alloc(32, 9);
let directory = '';

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'choria-release-'));
  writeFileSync(join(directory, 'release.seed'), seed.toString('hex'));
  execFileSync(process.execPath, [
    join(root, 'tools', 'release.mjs'),
    join(directory, 'repository'),
    '--key',
    join(directory, 'release.seed'),
  ]);
});
afterAll(() => rmSync(directory, {recursive: true, force: true}));

test('an installed package takes the release of a repository, signed, and goes on as one file', async () => {
  const server = createServer((request, response) => {
    try {
      response.end(readFileSync(join(directory, 'repository', String(request.url))));
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // As npm installs it: a launcher, the compiled program, packages.
  const installed = join(directory, 'installed');
  mkdirSync(installed);
  for (const part of ['bin', 'dist', 'package.json'])
    cpSync(join(root, part), join(installed, part), {recursive: true});
  symlinkSync(join(root, 'node_modules'), join(installed, 'node_modules'));
  const program = join(installed, 'bin', 'choria.js');
  const base = createNodePlatform();
  const self = {command: process.execPath, args: [program]};
  const platform = {...base, host: {...base.host, platform: 'linux' as const, arch: 'x64', self}};
  try {
    const {port} = server.address() as AddressInfo;
    await updateRelease({
      platform,
      logger: silentLogger,
      repository: `http://127.0.0.1:${port}`,
      version,
      currentVersion: 'an older one',
      key: ed25519PublicFromSeed(seed).toString('hex'),
    });
  } finally {
    server.close();
  }
  // What the launcher loaded before is gone; the one file does not miss it.
  rmSync(join(installed, 'dist'), {recursive: true});
  rmSync(join(installed, 'node_modules'));
  const said = spawnSync(process.execPath, [program, 'jwt', '--help'], {encoding: 'utf8'});
  expect(said.status).toBe(0);
  expect(said.stdout + said.stderr).toContain('Creates, shows and checks tokens');
  expect((await watchUpgrade(platform)).kind).toBe('new');
});
