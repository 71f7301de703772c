/**
 * Makes a failing history smaller: leaves faults out, as many at once as still let it fail, until only those that matter are left.
 */
import {simulate, type SimulationOptions, type SimulationResult} from './simulation.ts';

export interface Shrunk {
  /** The smallest failing run that was found; the first one when nothing failed. */
  readonly result: SimulationResult;
  readonly withoutFaults: ReadonlySet<number>;
  /** Simulations that were run. */
  readonly tries: number;
}

const triesMax = 200;

/**
 * @example
 * const {result, withoutFaults} = await shrink({seed: '17', minutes: 10, nodes: 10});
 */
export async function shrink(options: SimulationOptions): Promise<Shrunk> {
  let without = new Set(options.withoutFaults);
  let best = await simulate({...options, withoutFaults: without});
  let tries = 1;
  if (best.ok) return {result: best, withoutFaults: without, tries};
  const left = (): readonly number[] =>
    Array.from({length: best.faultsDrawn}, (_, number) => number).filter((number) => !without.has(number));
  for (
    let size = Math.ceil(left().length / 2);
    size >= 1 && tries < triesMax;
    size = size === 1 ? 0 : Math.ceil(size / 2)
  ) {
    for (let at = 0; at < left().length && tries < triesMax; ) {
      const candidate = new Set([...without, ...left().slice(at, at + size)]);
      const result = await simulate({...options, withoutFaults: candidate});
      tries += 1;
      if (result.ok) at += size;
      else {
        without = candidate;
        best = result;
      }
    }
  }
  return {result: best, withoutFaults: without, tries};
}
