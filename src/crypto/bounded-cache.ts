/**
 * A cache that never outgrows its limit and never answers after an entry's end. The least recently used entry goes first.
 *
 * Pure: the time comes with each call.
 */
interface Entry<V> {
  readonly value: V;
  readonly expiresAtMs: number;
}

export interface BoundedCache<V> {
  readonly size: number;
  get(key: string, nowMs: number): V | undefined;
  set(key: string, value: V, expiresAtMs: number): void;
  clear(): void;
}

export function createBoundedCache<V>(entriesMax: number): BoundedCache<V> {
  const entries = new Map<string, Entry<V>>();
  return {
    get size() {
      return entries.size;
    },
    get(key, nowMs) {
      const entry = entries.get(key);
      if (entry === undefined) return undefined;
      // Re-inserting moves the entry to the end: the Map's order is the order of use.
      entries.delete(key);
      if (entry.expiresAtMs <= nowMs) return undefined;
      entries.set(key, entry);
      return entry.value;
    },
    set(key, value, expiresAtMs) {
      entries.delete(key);
      if (entries.size >= entriesMax) {
        const oldest = entries.keys().next();
        if (!oldest.done) entries.delete(oldest.value);
      }
      entries.set(key, {value, expiresAtMs});
    },
    clear() {
      entries.clear();
    },
  };
}
