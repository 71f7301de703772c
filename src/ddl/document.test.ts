import {describe, expect, test} from 'vitest';
import {agentDdlDocument, builtinAgentDdl, builtinAgentNames, parseAgentDdl} from './index.ts';

const text = JSON.stringify({
  metadata: {name: 'x', description: 'd', author: 'a', license: 'l', version: '1', url: 'u', timeout: 5},
  actions: [
    {
      action: 'go',
      description: 'goes',
      input: {z: {type: 'string', prompt: 'Z', optional: true, maxlength: 0}, a: {type: 'integer', default: 0}},
      output: {o: {type: 'boolean', display_as: 'O', default: false}},
      aggregate: [{function: 'summary', args: ['o']}],
    },
  ],
});

describe('the document of a description', () => {
  test('names are sorted, a missing display is told, and what is empty is left out', () => {
    const document = JSON.stringify(agentDdlDocument(parseAgentDdl(text)));
    expect(document).toContain('"display":"failed"');
    expect(document.indexOf('"a":{')).toBeLessThan(document.indexOf('"z":{'));
    expect(document).not.toContain('maxlength');
    expect(document).toContain('"default":0');
    expect(document).toContain('"default":false');
  });

  test('reading the document again gives the same description', () => {
    for (const name of builtinAgentNames) {
      const ddl = builtinAgentDdl(name, '1.0.0');
      if (ddl === undefined) throw new Error(`no description of ${name}`);
      const document = agentDdlDocument(ddl);
      expect(agentDdlDocument(parseAgentDdl(JSON.stringify(document)))).toEqual(document);
    }
  });
});
