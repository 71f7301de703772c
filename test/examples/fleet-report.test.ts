import {describe, expect, test} from 'vitest';
import {reportFact} from '../../examples/fleet-report/report.ts';
import {createClient, loadConfig} from '../../src/client/index.ts';
import {startSmallLab} from '../support/small-lab.ts';

describe('the example of a client', () => {
  test('reports a fact of the nodes with a class', async () => {
    await using lab = await startSmallLab();
    const platform = lab.platform();
    const config = await loadConfig({platform, mode: 'user', path: '/lab/client/client.conf'});
    await using client = createClient({config, platform});
    const {values, silent} = await reportFact(client, 'country', ['roles::web']);
    expect(Object.fromEntries(values)).toEqual({'"mt"': ['n1.example.net'], '"de"': ['n3.example.net']});
    expect(silent).toEqual([]);
  });
});
