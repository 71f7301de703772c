/** What searches with many seeds found, each made again by its own cause. */
import {describe, expect, test} from 'vitest';
import {simulate, startSimulatedFleet} from '../../src/sim/index.ts';
import {createLedgerAgent, type Run} from '../../src/sim/ledger.ts';

describe('found by simulations', () => {
  test('seed 10247: a slow disk between the check of a life and the action does not let the action begin too late', async () => {
    const runs: Run[] = [];
    const fleet = await startSimulatedFleet({
      nodes: 20,
      seed: '10247',
      agents: ({platform}) => [createLedgerAgent(platform, (run) => runs.push(run))],
    });
    const targets = Array.from({length: 20}, (_, index) => `node${index}.sim`);
    for (const node of targets) {
      fleet.slowDisk(node, {maxMs: 700});
      fleet.cut(node);
    }
    const asked = fleet.client.perform({
      agent: 'ledger',
      action: 'write',
      data: {task: 'late'},
      targets,
      timeoutMs: 90_000,
    });
    await fleet.advance(58_000);
    for (const node of targets) fleet.heal(node);
    await fleet.run(asked);
    expect(runs.filter((run) => run.ageMs >= 60_000)).toEqual([]);
    expect(runs.length).toBeGreaterThan(0);
    expect(runs.length).toBeLessThan(20);
  });

  test('seed 3: machines that wait to be configured under protocol version 2 are, though nothing they say is signed', async () => {
    const configured = new Set<string>();
    const result = await simulate({
      seed: '3',
      minutes: 1,
      nodes: 5,
      security: 'tokens',
      faults: false,
      onEvent: ({kind, text}) => {
        if (kind === 'started' && /^node[34]\.sim$/.test(text)) configured.add(text);
      },
    });
    expect(result.violations).toEqual([]);
    expect([...configured].sort()).toEqual(['node3.sim', 'node4.sim']);
  });
});
