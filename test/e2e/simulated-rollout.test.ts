/** The guide's example: a simulated fleet finds the mistake of a sample automation. */
import {describe, expect, test} from 'vitest';
import {createReleaseAgent} from '../../examples/simulated-rollout/release-agent.ts';
import {careful, careless} from '../../examples/simulated-rollout/rollout.ts';
import {type SimulatedFleet, startSimulatedFleet} from '../../src/sim/index.ts';

const nodes = ['node0.sim', 'node1.sim', 'node2.sim'];

async function startFleet(onSwitch: (identity: string, fleet: SimulatedFleet) => void = () => undefined) {
  const versions = new Map<string, string>();
  const fleet: SimulatedFleet = await startSimulatedFleet({
    nodes: nodes.length,
    seed: '42',
    agents: ({identity}) => [
      createReleaseAgent((version) => {
        versions.set(identity, version);
        onSwitch(identity, fleet);
      }),
    ],
  });
  return {fleet, versions};
}

describe('a rollout', () => {
  test('the careless one works on a healthy fleet', async () => {
    const {fleet, versions} = await startFleet();
    const rollout = await fleet.run(careless(fleet.client, '2.0'));
    expect([...rollout.switched].sort()).toEqual(nodes);
    expect([...versions.keys()].sort()).toEqual(nodes);
  });

  test('the careless one reports a node as switched that lost its network on the way', async () => {
    let lost: string | undefined;
    const {fleet, versions} = await startFleet((identity, running) => {
      if (lost !== undefined) return;
      lost = nodes.find((name) => name !== identity) ?? '';
      running.cut(lost);
    });
    const rollout = await fleet.run(careless(fleet.client, '2.0'));
    // The mistake: it says that all three run 2.0, and one never heard of it.
    expect(rollout.open).toEqual([]);
    expect(rollout.switched).toContain(lost);
    expect([...versions.keys()]).not.toContain(lost);
  });

  test('the careful one names the node that did not answer', async () => {
    const {fleet, versions} = await startFleet();
    fleet.cut('node1.sim');
    const rollout = await fleet.run(careful(fleet.client, {version: '2.0', expected: nodes}));
    expect(rollout).toEqual({switched: ['node0.sim', 'node2.sim'], open: ['node1.sim']});
    expect(versions.has('node1.sim')).toBe(false);
  });

  test('a node that was cut off is found again soon after its network is back', async () => {
    const {fleet} = await startFleet();
    fleet.cut('node1.sim');
    await fleet.advance(600_000);
    expect([...(await fleet.run(fleet.client.discover())).identities].sort()).toEqual(['node0.sim', 'node2.sim']);
    fleet.heal('node1.sim');
    await fleet.advance(60_000);
    expect([...(await fleet.run(fleet.client.discover())).identities].sort()).toEqual(nodes);
  });
});
