import {describe, expect, test} from 'vitest';
import {ActionOutput, ActionRequest, AgentClient} from '../client/index.ts';
import {generateClient, parseAgentDdl, takenNames} from './index.ts';
import {agentMetadata} from '../../test/support/agent-metadata.ts';

const hostile = `*/ process.exit(1); /* \u2028 "\` \${1}`;

function ddlOf(actions: readonly unknown[]): ReturnType<typeof parseAgentDdl> {
  const metadata = agentMetadata('x_y', {description: hostile, timeout: 1});
  return parseAgentDdl(JSON.stringify({metadata, actions}));
}

describe('generated clients', () => {
  test('the names that are kept free are the members of the classes they extend', () => {
    const members = (prototype: object): readonly string[] =>
      Object.getOwnPropertyNames(prototype).filter((name) => name !== 'constructor');
    expect([...takenNames.client].toSorted()).toEqual([...members(AgentClient.prototype), 'ddl'].toSorted());
    expect([...takenNames.request].toSorted()).toEqual([...members(ActionRequest.prototype)].toSorted());
    expect([...takenNames.output].toSorted()).toEqual([...members(ActionOutput.prototype)].toSorted());
  });

  test('texts of a description stay comments and strings', () => {
    const text =
      generateClient(ddlOf([{action: hostile, description: hostile, input: {}, output: {}}]))['index.ts'] ?? '';
    const withoutTexts = text.replaceAll(/\/\*\*.*?\*\//gs, '').replaceAll(/"(?:[^"\\]|\\.)*"/g, '');
    expect(withoutTexts).not.toContain('process.exit');
  });

  test('names that mean something else, or the same, get names of their own', () => {
    const input = {new: {type: 'string', optional: false}, ['__proto__x']: {type: 'any', optional: false}};
    const actions = ['constructor', 'send', 'a_b', 'a-b', 'then', '1st'].map((action) => ({action, input, output: {}}));
    const text = generateClient(ddlOf(actions))['index.ts'] ?? '';
    for (const method of ['constructorAction(', 'sendAction(', 'aB(', 'aBAction(', 'thenAction(', '_1st(']) {
      expect(text).toContain(`  ${method}newValue: string, protoX: unknown)`);
    }
  });
});
