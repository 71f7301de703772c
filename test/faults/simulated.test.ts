/** Faults that need a whole fleet and days of time: both are simulated. */
import {describe, expect, test} from 'vitest';
import {simulate, startSimulatedFleet} from '../../src/sim/index.ts';

describe('faults of a whole fleet', () => {
  test('fault 15: after the broker was killed, again and again, every node comes back and every subscription with it', async () => {
    const nodes = 60;
    const fleet = await startSimulatedFleet({nodes, seed: '15'});
    for (let round = 0; round < 3; round++) {
      fleet.killBroker();
      await fleet.advance(5_000);
      await fleet.restartBroker();
      // The longest back-off is 20 s and half of it again.
      await fleet.advance(35_000);
      const found = await fleet.run(fleet.client.discover({timeoutMs: 5_000}));
      expect(found.identities.length).toBe(nodes);
      const statistics = await fleet.run(
        fleet.client.perform({
          agent: 'rpcutil',
          action: 'ping',
          data: {},
          targets: found.identities,
          timeoutMs: 10_000,
        }),
      );
      expect([statistics.ok, statistics.noResponses]).toEqual([nodes, []]);
    }
  });

  test('fault 15: the nodes do not come back in one moment', async () => {
    const fleet = await startSimulatedFleet({nodes: 40, seed: '16'});
    fleet.killBroker();
    await fleet.advance(20_000);
    await fleet.restartBroker();
    const back: number[] = [];
    for (let second = 0; second < 30; second++) {
      await fleet.advance(1_000);
      back.push((await fleet.run(fleet.client.discover({timeoutMs: 500}))).identities.length);
    }
    expect(new Set(back).size).toBeGreaterThan(5);
    expect(back.at(-1)).toBe(40);
  });

  test('fault 56: power cuts at any moment never make a request run twice', async () => {
    const result = await simulate({seed: '56', minutes: 10, nodes: 5, faults: ['power-cut', 'slow-disk']});
    expect(result.violations).toEqual([]);
    expect(result.faults).toBeGreaterThan(20);
    expect(result.replays).toBeGreaterThan(10);
  });

  test('fault 60: clocks that jump by an hour neither run old requests nor lose the fleet', async () => {
    const result = await simulate({seed: '60', minutes: 10, nodes: 5, faults: ['clock', 'pause']});
    expect(result.violations).toEqual([]);
    expect(result.faults).toBeGreaterThan(20);
  });

  test('fault 60: a node that was suspended for eight hours is back within a minute', async () => {
    const fleet = await startSimulatedFleet({nodes: 3, seed: '61'});
    fleet.pause('node1.sim');
    await fleet.advance(8 * 3_600_000);
    expect((await fleet.run(fleet.client.discover())).identities.length).toBe(2);
    fleet.resume('node1.sim');
    await fleet.advance(60_000);
    expect((await fleet.run(fleet.client.discover())).identities.length).toBe(3);
  });
});
