import {describe, expect, test} from 'vitest';
import {FakeFiles} from '../../test/support/fake-files.ts';
import {inventoryFormatOf, inventoryProblems, readInventoryDocument, renderInventory} from './index.ts';

const node = {
  name: 'dev1.example.net',
  collectives: '["mcollective"]',
  facts: '{"serial":12345678901234567890,"country":"mt","no":"yes: [1]"}',
  classes: '["roles::web"]',
  agents: '["rpcutil"]',
};

describe('writing inventory files', () => {
  test.each(['json', 'yaml'] as const)(
    'a file written as %s is a valid inventory with the same nodes',
    async (format) => {
      const files = new FakeFiles();
      const path = `/nodes.${format}`;
      await files.writeAtomic(path, renderInventory([node], {format}), {mode: 0o644});
      const document = await readInventoryDocument(files, path);
      expect(inventoryProblems(document)).toEqual([]);
      expect(document).toMatchObject({
        groups: [{name: 'all', filter: {identities: ['/./']}}],
        nodes: [{name: 'dev1.example.net', facts: {country: 'mt', no: 'yes: [1]'}, classes: ['roles::web']}],
      });
    },
  );

  test.each(['json', 'yaml'] as const)('a number beyond 2^53 keeps its digits in %s', (format) => {
    expect(renderInventory([node], {format})).toContain('12345678901234567890');
  });

  test('the groups of the file that is replaced stay', () => {
    const groups = [{name: 'web', filter: {classes: ['roles::web']}}];
    expect(JSON.parse(renderInventory([node], {format: 'json', groups}))).toMatchObject({groups});
  });

  test('a name without a known extension is refused', () => {
    expect(() => inventoryFormatOf('/nodes.txt')).toThrow('cannot determine file type from extension');
  });
});
