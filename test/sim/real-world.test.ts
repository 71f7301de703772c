/**
 * Nothing in a simulation touches the world outside: while one runs, every door to real time, randomness, sockets, files and programs is watched,
 * and whoever in the program goes through one is named.
 */
import childProcess from 'node:child_process';
import cryptoModule from 'node:crypto';
import dgram from 'node:dgram';
import dns from 'node:dns';
import fs from 'node:fs';
import http from 'node:http';
import {syncBuiltinESMExports} from 'node:module';
import net from 'node:net';
import timers from 'node:timers';
import timersPromises from 'node:timers/promises';
import {afterEach, describe, expect, test} from 'vitest';
import {createNodePlatform} from '../../src/lib/node-platform.ts';
import {yaml} from '../../src/lib/yaml.ts';
import {KeyPool, simulate} from '../../src/sim/index.ts';

type Doors = object;

/** Keys of certificates and of a provisioning conversation are made by the real library; they are no part of any history. */
const watched: readonly (readonly [string, Doors, readonly string[]])[] = [
  ['Date', Date, ['now']],
  ['performance', performance, ['now']],
  ['process', process, ['hrtime', 'uptime']],
  ['Math', Math, ['random']],
  ['AbortSignal', AbortSignal, ['timeout']],
  ['globalThis', globalThis, ['setTimeout', 'setInterval', 'fetch']],
  ['timers', timers, ['setTimeout', 'setInterval']],
  ['timers/promises', timersPromises, ['setTimeout', 'setInterval']],
  ['crypto', globalThis.crypto, ['getRandomValues', 'randomUUID']],
  [
    'node:crypto',
    cryptoModule,
    ['randomBytes', 'randomInt', 'randomUUID', 'randomFill', 'randomFillSync', 'generateKeyPair'],
  ],
  ['net', net, ['connect', 'createConnection', 'createServer']],
  ['dgram', dgram, ['createSocket']],
  ['dns', dns, ['lookup', 'resolve', 'resolveSrv', 'reverse']],
  ['http', http, ['request', 'get', 'createServer']],
  ['child_process', childProcess, ['spawn', 'spawnSync', 'exec', 'execFile', 'execFileSync', 'fork']],
  [
    'fs',
    fs,
    [
      'open',
      'openSync',
      'readFile',
      'readFileSync',
      'writeFile',
      'writeFileSync',
      'stat',
      'statSync',
      'createReadStream',
    ],
  ],
  ['fs/promises', fs.promises, ['open', 'readFile', 'writeFile', 'stat', 'readdir', 'rename', 'mkdir']],
];

const undo: (() => void)[] = [];

/** Puts a watchman at each door; gives the places of the program that went through, and what they asked for. */
function watch(): Set<string> {
  const seen = new Set<string>();
  for (const [area, object, names] of watched) {
    for (const name of names) {
      const original = Reflect.get(object, name) as (...args: unknown[]) => unknown;
      const watchman = function (this: unknown, ...args: unknown[]): unknown {
        const caller = new Error('here').stack?.split('\n').find((line) => /\/src\/(?!.*\.test\.)/.test(line));
        if (caller !== undefined) seen.add(`${area}.${name} at ${/\/src\/([^)?]*)/.exec(caller)?.[1] ?? caller}`);
        return Reflect.apply(original, this, args);
      };
      Object.assign(watchman, original);
      const place = (value: unknown): void =>
        void Object.defineProperty(object, name, {value, configurable: true, writable: true});
      place(watchman);
      undo.push(() => place(original));
    }
  }
  syncBuiltinESMExports();
  return seen;
}

afterEach(() => {
  for (const step of undo.splice(0)) step();
  syncBuiltinESMExports();
});

describe('a simulation', () => {
  test.each(['certificates', 'tokens'] as const)(
    'touches no real clock, timer, randomness, socket, name server, file or program (%s)',
    async (security) => {
      let seen: Set<string> | undefined;
      // Part of the program, which it loads when it first needs it.
      yaml();
      const result = await simulate({
        seed: 'real world',
        minutes: 2,
        nodes: 5,
        security,
        keys: new KeyPool(),
        // Keys are made before the first event.
        onEvent: () => {
          seen ??= watch();
        },
      });
      expect(result.violations).toEqual([]);
      expect([...(seen ?? ['nothing was watched'])].sort()).toEqual([]);
    },
  );

  test('is watched in earnest: the real platform is seen at the doors', () => {
    const {clock, random} = createNodePlatform();
    const seen = watch();
    clock.nowMs();
    random.bytes(4);
    clock.setTimer(() => undefined, 1).cancel();
    const places = new Set([...seen].map((line) => line.replace(/:\d.*/, '')));
    expect(places).toContain('Date.now at lib/node-clock.ts');
    expect(places).toContain('globalThis.setTimeout at lib/node-clock.ts');
    expect(places).toContain('node:crypto.randomFillSync at lib/node-random.ts');
  });
});
