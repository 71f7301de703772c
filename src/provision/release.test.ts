import {chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, test} from 'vitest';
import {ed25519PublicFromSeed, signEd25519} from '../crypto/index.ts';
import {createFakePlatform} from '../../test/support/fake-platform.ts';
import {silentLogger} from '../lib/logger.ts';
import {createNodePlatform} from '../lib/node-platform.ts';
import {releaseStatement, watchUpgrade} from './index.ts';
import {updateRelease} from './release.ts';
import {unpackBzip2} from './bunzip.ts';

/** Packed with the program bzip2: one that says that it is 9.9.9, and one that ends with 7. */
const good = {
  packed:
    'QlpoOTFBWSZTWa8weF4AAAJZgAAQaOGAKB6lmwAgACKaaA0NAyBQaNGgyA0I/RfamSFklSxsieKrxXjwJqgnefegPqu+LuSKcKEhXmDwvA==',
  hash: '14f9ba30e3e720647081a33801a4f0fc77da2e7f82d8fc4e4e77e22e8abed4e0',
};
const bad = {
  packed: 'QlpoOTFBWSZTWZXjwFQAAAXZgAAQAGEAiAog3EAgADFMAAFNDJtTMo5gvFAJUgU3xdyRThQkJXjwFQA=',
  hash: 'cffc5e155959e9c39c40db1bff865a157dbfce58b1125028dd6f97e842c6262c',
};
const seed = Buffer.alloc(32, 7);
const key = ed25519PublicFromSeed(seed).toString('hex');

let directory = '';
let program = '';
const old = "console.log('1.0.0');\n";

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'choria-release-'));
  program = join(directory, 'choria.js');
  writeFileSync(program, old);
  chmodSync(program, 0o755);
});
afterEach(() => rmSync(directory, {recursive: true, force: true}));

interface Repository {
  readonly description?: string;
  readonly packed?: Buffer;
}

function platformOf(repository: Repository, asked: string[] = []) {
  const platform = createNodePlatform();
  return {
    ...platform,
    host: {
      ...platform.host,
      platform: 'linux' as const,
      arch: 'x64',
      self: {command: process.execPath, args: [program]},
    },
    http: {
      request: async ({url, responseBytesMax}: {readonly url: string; readonly responseBytesMax: number}) => {
        asked.push(url);
        const body = url.endsWith('/release.json')
          ? Buffer.from(repository.description ?? 'nonsense')
          : (repository.packed ?? Buffer.alloc(0));
        expect(body.length).toBeLessThan(responseBytesMax);
        return {status: url.includes('9.9.9') ? 200 : 404, statusText: '', headers: new Map<string, string>(), body};
      },
    },
  };
}

function describeRelease(release: {readonly hash: string}, more: Readonly<Record<string, string>> = {}): string {
  return JSON.stringify({binary: 'choria.bz2', hash: release.hash, ...more});
}

function signed(hash: string, change: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  const statement = releaseStatement({version: '9.9.9', os: 'linux', arch: 'amd64', hash, ...change});
  return {signature: signEd25519(seed, statement).toString('hex')};
}

async function update(
  repository: Repository,
  options: {readonly key?: string; readonly version?: string; readonly asked?: string[]} = {},
): Promise<void> {
  await updateRelease({
    platform: platformOf(repository, options.asked),
    logger: silentLogger,
    repository: 'https://repo.example.net/choria/',
    version: options.version ?? '9.9.9',
    currentVersion: '1.0.0',
    key: options.key,
  });
}

const packed = (release: {readonly packed: string}): Buffer => Buffer.from(release.packed, 'base64');

describe('an update to another release', () => {
  test('puts the new program in the place of the old one, which is kept beside it', async () => {
    const asked: string[] = [];
    await update({description: describeRelease(good, signed(good.hash)), packed: packed(good)}, {key, asked});
    expect(asked).toEqual([
      'https://repo.example.net/choria/9.9.9/linux/amd64/release.json',
      'https://repo.example.net/choria/9.9.9/linux/amd64/choria.bz2',
    ]);
    expect(readFileSync(program, 'utf8')).toContain('9.9.9');
    expect(statSync(program).mode & 0o777).toBe(0o755);
    expect(readFileSync(`${program}.backup`, 'utf8')).toBe(old);
  });

  const wrong = signed(good.hash, {version: '9.9.8'});
  test.each<readonly [string, Repository, string, {readonly key?: string; readonly version?: string}]>([
    ['that is not described', {}, 'JSON', {}],
    ['that is not there', {}, 'status 404', {version: '1.2.3'}],
    ['that would climb out of its repository', {}, 'is no version', {version: '../../9.9.9'}],
    ['whose program lies elsewhere', {description: describeRelease(good, {binary: '../x'})}, 'names no "binary"', {}],
    ['with another checksum', {description: describeRelease(bad), packed: packed(good)}, 'has the SHA-256', {}],
    [
      'that is cut',
      {description: describeRelease(good), packed: packed(good).subarray(0, 40)},
      'cannot be unpacked',
      {},
    ],
    ['that is not signed', {description: describeRelease(good), packed: packed(good)}, 'is not signed', {key}],
    [
      'signed as another',
      {description: describeRelease(good, wrong), packed: packed(good)},
      'is not by the key',
      {key},
    ],
    ['that does not start', {description: describeRelease(bad), packed: packed(bad)}, 'ended with 7', {}],
  ])('%s is refused, and nothing has changed', async (_title, repository, words, options) => {
    const failure = await update(repository, options).catch((error: unknown) => String(error));
    expect(failure).toContain('failed, release rolled back: ');
    expect(failure).toContain(words);
    expect(readFileSync(program, 'utf8')).toBe(old);
    expect(await watchUpgrade(platformOf({}))).toEqual({kind: 'none'});
  });

  test('fault 49: a release that unpacks without end is not unpacked to its end', () => {
    expect(() => unpackBzip2(packed(good), 10)).toThrow('more than 10 bytes');
  });
});

describe('a new release', () => {
  const release = {description: describeRelease(good), packed: packed(good)};

  test('is believed with its first connection', async () => {
    await update(release);
    const state = await watchUpgrade(platformOf({}));
    expect(state).toMatchObject({kind: 'new', version: '9.9.9'});
    if (state.kind === 'new') await state.confirm();
    expect(await watchUpgrade(platformOf({}))).toEqual({kind: 'none'});
    expect(readFileSync(program, 'utf8')).toContain('9.9.9');
  });

  test('that never gets that far is undone at the fourth start', async () => {
    await update(release);
    const kinds: string[] = [];
    for (let start = 1; start <= 4; start++) kinds.push((await watchUpgrade(platformOf({}))).kind);
    expect(kinds).toEqual(['new', 'new', 'new', 'undone']);
    expect(readFileSync(program, 'utf8')).toBe(old);
    expect(await watchUpgrade(platformOf({}))).toEqual({kind: 'none'});
  });

  test('whose note is damaged starts all the same', async () => {
    await update(release);
    writeFileSync(`${program}.upgrade`, '{"vers');
    expect((await watchUpgrade(platformOf({}))).kind).toBe('new');
  });

  test('fault 55: no space at any step leaves the old program or the new one, never none', async () => {
    const updateOn = async (fake: ReturnType<typeof createFakePlatform>): Promise<void> => {
      const {host, http} = platformOf(release);
      await updateRelease({
        platform: {
          ...fake.platform,
          http,
          host: {...host, self: {command: '/usr/bin/node', args: ['/opt/choria.js']}},
        },
        logger: silentLogger,
        repository: 'https://repo.example.net',
        version: '9.9.9',
        currentVersion: '1.0.0',
        key: undefined,
      });
    };
    const create = (): ReturnType<typeof createFakePlatform> =>
      createFakePlatform({
        files: {'/opt/choria.js': old},
        programs: {'/usr/bin/node': () => ({exitCode: 0, stdoutText: '9.9.9\n'})},
      });
    let steps = 0;
    const counting = create();
    counting.files.fault = () => void steps++;
    await updateOn(counting);
    const renewed = counting.files.text('/opt/choria.js');
    expect(renewed).toContain('9.9.9');
    expect(steps).toBeGreaterThan(4);
    for (let failing = 0; failing < steps; failing++) {
      const fake = create();
      let step = 0;
      fake.files.fault = () =>
        step++ === failing ? Object.assign(new Error('ENOSPC: no space left'), {code: 'ENOSPC'}) : undefined;
      const outcome = await updateOn(fake).then(
        () => 'done',
        () => 'refused',
      );
      expect([failing, fake.files.text('/opt/choria.js')]).toEqual([failing, outcome === 'done' ? renewed : old]);
    }
  });
});
