import {describe, expect, test} from 'vitest';
import {defaultDiscoveryOptions, selectMethod} from './index.ts';
import type {SelectionInput} from './select.ts';

const nothing: SelectionInput = {
  nodesFile: undefined,
  hasCompound: false,
  hasFilter: false,
  methodGiven: undefined,
  methodConfigured: 'mc',
  hasOptions: false,
  stdin: undefined,
};

describe('which method finds the nodes', () => {
  test.each<[string, Partial<SelectionInput>, object]>([
    ['the configured one', {}, {method: 'mc', shownName: 'mc', ignoresFilter: false}],
    ['the one given', {methodGiven: 'puppetdb'}, {method: 'choria', shownName: 'puppetdb'}],
    [
      'a file of nodes before everything',
      {nodesFile: 'a.json', hasCompound: true, stdin: '{}', methodGiven: 'mc'},
      {method: 'flatfile', file: 'a.json', format: 'json', ignoresFilter: true},
    ],
    ['a file of YAML by its ending', {nodesFile: 'dir.json/a.yml'}, {format: 'yaml'}],
    ['a file without an ending as text', {nodesFile: 'dir.json/nodes'}, {format: 'text'}],
    ['no file when its name is empty', {nodesFile: ''}, {method: 'mc'}],
    [
      'broadcast for an expression that PuppetDB cannot judge',
      {hasCompound: true, methodGiven: 'choria'},
      {method: 'mc', shownName: 'broadcast'},
    ],
    [
      'broadcast for an expression that a program cannot judge',
      {hasCompound: true, methodConfigured: 'external'},
      {method: 'mc'},
    ],
    ['an inventory judges expressions itself', {hasCompound: true, methodGiven: 'inventory'}, {method: 'inventory'}],
    [
      'the results of an earlier request that were piped in',
      {stdin: ' {"replies":[]}\n'},
      {method: 'flatfile', format: 'responses', text: '{"replies":[]}', ignoresFilter: true},
    ],
    [
      'not what was piped in when a method was given',
      {stdin: '{"replies":[]}', methodGiven: 'mc'},
      {method: 'mc', shownName: 'mc'},
    ],
    [
      'not what was piped in when there is an expression that only nodes judge',
      {stdin: '{}', hasCompound: true, methodConfigured: 'choria'},
      {method: 'mc'},
    ],
    ['the configured one when nothing was piped in', {stdin: ' \n'}, {method: 'mc', notes: []}],
    ['flat files by their other name', {methodGiven: 'file'}, {method: 'flatfile', ignoresFilter: true}],
    ['flat files with an option', {methodGiven: 'flatfile', hasOptions: true}, {method: 'flatfile'}],
  ])('%s', (_what, change, expected) => {
    expect(selectMethod({...nothing, ...change})).toMatchObject(expected);
  });

  test.each<[string, Partial<SelectionInput>, string]>([
    ['an unknown method', {methodGiven: 'mcollective'}, 'ERR_DISCOVERY_METHOD'],
    ['a name that every object has', {methodConfigured: 'constructor'}, 'ERR_DISCOVERY_METHOD'],
    ['flat files without any source', {methodGiven: 'flatfile'}, 'ERR_DISCOVERY_SOURCE'],
  ])('%s is refused', (_what, change, code) => {
    expect(() => selectMethod({...nothing, ...change})).toThrow(expect.objectContaining({code}) as Error);
  });

  test.each<[string, Partial<SelectionInput>, RegExp]>([
    ['filters beside a file', {nodesFile: 'nodes', hasFilter: true}, /filters are ignored/],
    ['filters beside piped results', {stdin: '{}', hasFilter: true}, /filters are ignored/],
    ['a method that an expression overrules', {hasCompound: true, methodGiven: 'choria'}, /in place of choria/],
    ['input that is no result', {stdin: 'n1\nn2\n'}, /standard input is ignored/],
  ])('%s: it says what it does not use', (_what, change, note) => {
    expect(selectMethod({...nothing, ...change}).notes).toEqual([expect.stringMatching(note)]);
  });
});

test('default options are one key and one value each; others are told and left out', () => {
  const {options, notes} = defaultDiscoveryOptions(['file=/n', 'a=b=c', 'alone', '__proto__=x']);
  expect({...options}).toEqual({file: '/n', ['__proto__']: 'x'});
  expect(notes).toHaveLength(2);
});
