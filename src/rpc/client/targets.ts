/**
 * Which nodes a request goes to: checks of names, limits, batches. Pure: randomness is a seed or comes in.
 *
 * Rules: the client digest, sections 4.5 and 1; a limit above the number of targets means all of them.
 */
import {RequestError} from './errors.ts';
import {clientLimits} from './limits.ts';

const plainLimit = /^\d{1,15}$/;
const percentLimit = /^(\d{1,9})%$/;

export interface LimitOptions {
  /** Such as `10` or `25%`; empty or undefined means no limit. */
  readonly size: string | undefined;
  /** `first` or `random`. */
  readonly method: string;
  /** Makes `random` choose the same nodes of the same list each time; 0 and undefined mean no seed. */
  readonly seed?: number | undefined;
  /** Uniform in [0, 1); used when there is no seed. */
  readonly random: () => number;
}

/**
 * The targets that a limit leaves.
 *
 * @throws {RequestError} `ERR_REQUEST_LIMIT_INVALID` | `ERR_REQUEST_LIMIT_METHOD` | `ERR_REQUEST_LIMIT_EMPTY`
 * @example limitTargets(['a', 'b', 'c', 'd'], {size: '50%', method: 'first', random}) // ['a', 'b']
 */
export function limitTargets(targets: readonly string[], options: LimitOptions): readonly string[] {
  const {size, method} = options;
  if (size === undefined || size === '') return targets;
  const count = limitCount(size, targets.length);
  if (method !== 'first' && method !== 'random') {
    throw new RequestError(
      'ERR_REQUEST_LIMIT_METHOD',
      `Cannot limit targets by the method "${method}": expected "first" or "random"`,
      {details: {method}},
    );
  }
  if (count === 0) {
    throw new RequestError(
      'ERR_REQUEST_LIMIT_EMPTY',
      `Cannot limit targets to "${size}": no targets are left after applying that to ${targets.length}`,
      {details: {size, targets: targets.length}},
    );
  }
  if (count >= targets.length) return targets;
  return method === 'first' ? targets.slice(0, count) : pickRandom(targets, count, randomSource(options));
}

function limitCount(size: string, total: number): number {
  const percent = percentLimit.exec(size);
  if (percent) return Math.floor((total * Number(percent[1])) / 100);
  if (plainLimit.test(size)) return Number(size);
  throw new RequestError(
    'ERR_REQUEST_LIMIT_INVALID',
    `Cannot limit targets to "${size}": expected a number such as 10 or a percentage such as 25%`,
    {details: {size}},
  );
}

function randomSource(options: LimitOptions): () => number {
  return options.seed === undefined || options.seed <= 0 ? options.random : seededRandom(options.seed);
}

/** A small generator (splitmix32): the same seed gives the same nodes on every machine. */
function seededRandom(seed: number): () => number {
  let state = (seed ^ Math.floor(seed / 0x1_0000_0000)) | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = state ^ (state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    mixed ^= mixed >>> 15;
    return (mixed >>> 0) / 0x1_0000_0000;
  };
}

/** The first `count` of a Fisher-Yates shuffle; the list given stays as it is. */
function pickRandom(targets: readonly string[], count: number, random: () => number): readonly string[] {
  const pool = [...targets];
  for (let index = 0; index < count; index++) {
    const other = index + Math.floor(random() * (pool.length - index));
    const chosen = pool[other] as string;
    pool[other] = pool[index] as string;
    pool[index] = chosen;
  }
  return pool.slice(0, count);
}

/**
 * Refuses names that cannot be one node's part of a subject. A `*` or `>` would reach every node: a filter never widens (fault 38).
 *
 * @throws {RequestError} `ERR_REQUEST_TARGETS` | `ERR_REQUEST_NO_TARGETS`
 */
export function checkTargets(targets: readonly string[]): void {
  if (targets.length === 0)
    throw new RequestError('ERR_REQUEST_NO_TARGETS', 'Cannot send a direct request: no targets were given');
  if (targets.length > clientLimits.targetsMax) {
    throw new RequestError(
      'ERR_REQUEST_TARGETS',
      `Cannot send a direct request to ${targets.length} targets: at most ${clientLimits.targetsMax} are possible`,
    );
  }
  for (const target of targets) {
    if (!isUsableIdentity(target)) {
      throw new RequestError(
        'ERR_REQUEST_TARGETS',
        `Cannot send a request to the node ${JSON.stringify(target)}: expected a name without spaces, wildcards, empty parts or control characters`,
        {details: {target}},
      );
    }
  }
}

const unusable = /[\s*>\u0000-\u001f\u007f]/;

/** Whether a name can be the last part of a node subject. */
export function isUsableIdentity(name: string): boolean {
  return (
    name !== '' &&
    name.length <= clientLimits.identityBytesMax &&
    !unusable.test(name) &&
    !name.startsWith('.') &&
    !name.endsWith('.') &&
    !name.includes('..')
  );
}

/** Groups of `size` in order, the last one may be shorter; 0 or less gives one group. */
export function splitBatches(targets: readonly string[], size: number): readonly (readonly string[])[] {
  if (size <= 0 || size >= targets.length) return [targets];
  const batches: (readonly string[])[] = [];
  for (let start = 0; start < targets.length; start += size) batches.push(targets.slice(start, start + size));
  return batches;
}
