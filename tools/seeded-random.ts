/** Random numbers from one seed, so that a failure can be made again (xorshift128). */
export interface SeededRandom {
  /** 0 to `count` - 1. */
  below(count: number): number;
  bytes(count: number): Buffer;
  pick<Item>(items: readonly Item[]): Item;
}

export function createSeededRandom(seed: number): SeededRandom {
  let x = seed | 0 || 1;
  let y = 362_436_069;
  let z = 521_288_629;
  let w = 88_675_123;
  const next = (): number => {
    const t = x ^ (x << 11);
    x = y;
    y = z;
    z = w;
    w = (w ^ (w >>> 19) ^ t ^ (t >>> 8)) >>> 0;
    return w;
  };
  for (let turn = 0; turn < 20; turn += 1) next();
  const below = (count: number): number => (count <= 0 ? 0 : next() % count);
  return {
    below,
    bytes: (count) => Buffer.from(Array.from({length: count}, () => below(256))),
    pick: (items) => {
      const item = items[below(items.length)];
      if (item === undefined) throw new Error('Cannot pick from an empty list');
      return item;
    },
  };
}
