import {describe, expect, test} from 'vitest';
import {createFairQueue, type FairQueueOptions} from './fair-queue.ts';

const failed = (error: unknown): void => {
  throw error;
};

function gatedQueue(options: FairQueueOptions) {
  const queue = createFairQueue({...options, failed});
  const order: string[] = [];
  const gates: (() => void)[] = [];
  const offer = (owner: string, name: string): boolean =>
    queue.offer(owner, async () => {
      order.push(name);
      await new Promise<void>((resolve) => gates.push(resolve));
    });
  const next = async (): Promise<void> => {
    gates.shift()?.();
    await new Promise<void>((resolve) => setImmediate(resolve));
  };
  return {queue, order, offer, next};
}

describe('the fair queue', () => {
  test('fault 73: owners take turns, so one flood delays nobody else', async () => {
    const {order, offer, next} = gatedQueue({concurrency: 1, waitingMax: 100});
    for (const name of ['a1', 'a2', 'a3', 'a4']) offer('a', name);
    offer('b', 'b1');
    offer('c', 'c1');
    for (let step = 0; step < 6; step++) await next();
    expect(order).toEqual(['a1', 'a2', 'b1', 'c1', 'a3', 'a4']);
  });

  test('what does not fit is refused at the door', () => {
    const {queue, offer} = gatedQueue({concurrency: 1, waitingMax: 3, waitingPerOwnerMax: 2});
    expect(['1', '2', '3', '4'].map((name) => offer('a', name))).toEqual([true, true, true, false]);
    expect(offer('b', 'b1')).toBe(true);
    expect(offer('c', 'c1')).toBe(false);
    expect(queue.waiting).toBe(3);
    expect(queue.running).toBe(1);
  });

  test('closing forgets what waits, lets what runs end, and says how many were forgotten', async () => {
    const {queue, offer, next} = gatedQueue({concurrency: 1, waitingMax: 3});
    offer('a', '1');
    offer('a', '2');
    offer('a', '3');
    expect(queue.close()).toBe(2);
    expect(offer('a', '4')).toBe(false);
    const idle = queue.idle();
    await next();
    await idle;
    expect(queue.running).toBe(0);
  });

  test('a failing job neither stops the queue nor is lost', async () => {
    const errors: unknown[] = [];
    const queue = createFairQueue({concurrency: 1, waitingMax: 3, failed: (error) => errors.push(error)});
    queue.offer('a', () => Promise.reject(new Error('one')));
    let ran = false;
    queue.offer('a', () => {
      ran = true;
      return Promise.resolve();
    });
    await queue.idle();
    expect(ran).toBe(true);
    expect(errors).toHaveLength(1);
  });
});
