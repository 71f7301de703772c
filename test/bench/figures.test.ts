import {describe, expect, test} from 'vitest';
import {compareRows} from '../../bench/figures.ts';
import {benchRow} from '../../bench/row.ts';

const figures = {
  'broker: 1 to 1': {unit: 'messages/s', ours: 1000, peer: 1000, ratio: 1, goal: '>= 1 x peer', met: true},
  'ping: 1,000': {unit: 's', ours: 0.2, peer: 1.4, ratio: 0.14, goal: '<= 0.25 s', met: true},
};

describe('the comparison with committed figures', () => {
  test('takes the ratio to a peer of the same run, so that a slow machine is no regression', () => {
    const half = benchRow('broker: 1 to 1', {unit: 'messages/s', ours: 500, peer: 500, goal: {atLeastTimesPeer: 1}});
    expect(compareRows([half], figures)).toEqual(['Nothing moved by more than noise since the committed figures.']);
    const slow = benchRow('broker: 1 to 1', {unit: 'messages/s', ours: 500, peer: 1000, goal: {atLeastTimesPeer: 1}});
    expect(compareRows([slow], figures)).toEqual([
      'worse than the committed figures by 2.00: broker: 1 to 1 (1 -> 0.5 x peer)',
    ]);
  });

  test('takes the figure itself where the peer is an older one, and less is better where the goal is a limit', () => {
    const row = benchRow('ping: 1,000', {unit: 's', ours: 0.1, peer: 1.4, goal: {atMost: 0.25}, note: 'older'});
    expect(compareRows([row], figures)).toEqual([
      'better than the committed figures by 2.00: ping: 1,000 (0.2 -> 0.1 s)',
    ]);
  });

  test('says nothing of rows that nobody measured before', () => {
    const row = benchRow('new', {unit: 's', ours: 1, goal: {atMost: 2}});
    expect(compareRows([row], figures)).toEqual(['Nothing moved by more than noise since the committed figures.']);
  });
});
