import {chmodSync, symlinkSync} from 'node:fs';
import {join} from 'node:path';
import {afterEach, describe, expect, test} from 'vitest';
import {type AgentNode, startAgentNode} from '../../../test/support/agent-node.ts';
import {createFilterMatcher, emptyFilter} from '../../protocol/index.ts';
import {agentMetadata} from '../../../test/support/agent-metadata.ts';

const nodes: AgentNode[] = [];
afterEach(async () => {
  for (const node of nodes.splice(0)) await node[Symbol.asyncDispose]();
});

function description(name: string, more: Readonly<Record<string, unknown>> = {}, timeout = 2): string {
  const metadata = agentMetadata(name, {timeout, provider: 'external'});
  const output = {
    size: {description: 'd', display_as: 'Size', type: 'integer'},
    note: {description: 'd', display_as: 'Note', type: 'string', default: 'none'},
  };
  return JSON.stringify({metadata, output, ...more});
}

const query = {prompt: 'P', description: 'd', type: 'string', optional: false, validation: '^[a-z]+$', maxlength: 10};

/** Answers with what it was asked. */
const shell = `#!/bin/sh
[ "$CHORIA_EXTERNAL_PROTOCOL" = io.choria.mcorpc.external.v1.data_request ] || exit 1
if grep -q '"query":"big"' "$1"; then size=100; else size=5; fi
echo "asked" >&2
printf '{"statuscode":0,"statusmsg":"OK","data":{"size":%s}}' "$size" > "$2"
`;

async function start(): Promise<AgentNode> {
  const node = await startAgentNode({facts: {country: 'mt'}});
  nodes.push(node);
  return node;
}

function place(node: AgentNode, name: string, parts: {readonly ddl: string; readonly script: string}): void {
  node.write(`lib/mcollective/data/${name}_data.json`, parts.ddl);
  node.write(`lib/mcollective/data/${name}_data`, parts.script, 0o755);
}

describe('external data plugins', () => {
  test('answer with their outputs and defaults, and refuse queries that their description does not allow', async () => {
    const node = await start();
    place(node, 'folder', {ddl: description('folder', {query}), script: shell});
    await node.scan();
    expect(node.data.names()).toContain('folder');
    expect(await node.data.run('folder', 'big', node.node)).toEqual({size: 100, note: 'none'});
    await expect(node.data.run('folder', '$(id)', node.node)).rejects.toThrow(
      'refuses the query: input does not match',
    );
    await expect(node.data.run('folder', undefined, node.node)).rejects.toThrow('needs a query');
  });

  test('are functions in compound filters, and come and go with their files', async () => {
    const node = await start();
    const matcher = createFilterMatcher();
    const matches = async (expr: string): Promise<boolean> => {
      const names = node.data.names();
      const {matched} = await matcher.match(
        {...emptyFilter, compounds: [[{expr}]]},
        {
          identity: 'n1.example.net',
          agents: () => [],
          classes: async () => [],
          factsJson: () => node.node.factsJson(),
          data: {
            functions: Object.fromEntries(
              names.map((name) => [name, {takesQuery: node.data.get(name)?.takesQuery ?? false}]),
            ),
            call: (name, asked) => node.data.run(name, asked, node.node),
          },
        },
      );
      return matched;
    };
    expect(await matches("folder('big').size > 50")).toBe(false);
    place(node, 'folder', {ddl: description('folder', {query}), script: shell});
    await node.scan();
    expect(await matches("folder('big').size > 50")).toBe(true);
    expect(await matches("folder('small').size > 50")).toBe(false);
    expect(await matches("folder('NOT ALLOWED').size > 50")).toBe(false);
    expect(await matches("with('country=mt') && folder('big').note == 'none'")).toBe(true);
    node.write('lib/mcollective/data/folder_data.json', 'gone');
    await node.scan();
    expect(await matches("folder('big').size > 50")).toBe(false);
    expect(node.data.names()).not.toContain('folder');
  });

  test.each([
    ['fails', '#!/bin/sh\nexit 3\n', /exit status 3/],
    ['says that it failed', '#!/bin/sh\nprintf \'{"statuscode":1,"statusmsg":"no disk"}\' > "$2"\n', /failed: no disk/],
    ['answers no hash', '#!/bin/sh\nprintf \'{"data":[1]}\' > "$2"\n', /answered no hash/],
    ['answers nothing', '#!/bin/sh\n', /unexpected end of JSON input/],
    ['leaves a pipe', '#!/bin/sh\nrm "$2"; mkfifo "$2"\n', /is not a regular file/],
    ['takes too long', '#!/bin/sh\nsleep 20\n', /did not answer in 1 s/],
  ])('one that %s has no answer, in time', async (_what, script, message) => {
    const node = await start();
    place(node, 'bad', {ddl: description('bad', {}, 1), script});
    await node.scan();
    await expect(node.data.run('bad', undefined, node.node)).rejects.toThrow(message);
  });

  test('fault 42, 80: what must not be run or cannot be read is told and left out, and no built-in name is taken', async () => {
    const node = await start();
    place(node, 'choria', {ddl: description('choria'), script: shell});
    place(node, 'odd', {ddl: description('../odd'), script: shell});
    place(node, 'half', {ddl: description('half').slice(0, 40), script: shell});
    place(node, 'open', {ddl: description('open'), script: shell});
    node.write('lib/mcollective/data/lonely.json', description('lonely'));
    node.write('lib/mcollective/data/ruby.json', description('ruby').replace('external', 'ruby'));
    symlinkSync('/dev/zero', join(node.root, 'lib/mcollective/data/zero.json'));
    chmodSync(join(node.root, 'lib/mcollective/data/open_data'), 0o777);
    await node.scan();
    expect(node.data.names()).toEqual(['choria', 'config_item', 'machine_state', 'open', 'scout']);
    expect(await node.data.run('choria', undefined, node.node)).toMatchObject({version: '1.0.0'});
    await expect(node.data.run('open', undefined, node.node)).rejects.toThrow('everybody may write to it');
    const log = node.logger.lines.map((line) => line.message).join('\n');
    for (const name of ['odd', 'half', 'lonely', 'zero']) expect(log).toContain(name);
    expect(log).not.toContain('ruby.json');
  });
});
