import {expect, test} from 'vitest';
import {inventoryProblems} from './inventory-file.ts';

const $schema = 'https://choria.io/schemas/choria/discovery/v1/inventory_file.json';
const node = {name: 'n', collectives: ['c'], facts: {}, classes: [], agents: []};

/** The reasons are those that the program of others gives for the same documents. */
test.each([
  [{$schema, nodes: [node]}, []],
  [{x: 1}, ["missing properties: '$schema', 'nodes'", "additionalProperties 'x' not allowed"]],
  [{$schema, nodes: 3}, ['/nodes: expected array, but got number']],
  [{$schema, nodes: [{...node, w: 1}]}, ["/nodes/0: additionalProperties 'w' not allowed"]],
  [{$schema, nodes: [{name: 'm'}]}, ["/nodes/0: missing properties: 'collectives', 'facts', 'classes', 'agents'"]],
  [{$schema, nodes: [], groups: [{name: 'a', y: 1}]}, ["/groups/0: additionalProperties 'y' not allowed"]],
  [
    {$schema, nodes: [], groups: [{name: 'a', filter: {z: 1}}]},
    ["/groups/0/filter: additionalProperties 'z' not allowed"],
  ],
  [
    {$schema, nodes: [], groups: [{name: 1, filter: {facts: 'x'}}]},
    ['/groups/0/name: expected string, but got number', '/groups/0/filter/facts: expected array, but got string'],
  ],
])('an inventory is refused with the place and the reason: %j', (document, problems) => {
  expect(inventoryProblems(document)).toEqual(problems);
});
