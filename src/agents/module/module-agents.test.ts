/** Agents from a directory, each in a process of its own. */
import {rmSync, symlinkSync, utimesSync, writeFileSync} from 'node:fs';
import {execFileSync} from 'node:child_process';
import {join} from 'node:path';
import {afterEach, describe, expect, test} from 'vitest';
import {type AgentNode, startAgentNode} from '../../../test/support/agent-node.ts';

const nodes: AgentNode[] = [];
afterEach(async () => {
  for (const node of nodes.splice(0)) await node[Symbol.asyncDispose]();
});

async function start(settings: Readonly<Record<string, string>> = {}): Promise<AgentNode> {
  const node = await startAgentNode({
    settings: {'plugin.choria.server.agents': '{root}/agents', ...settings},
    facts: {country: 'mt'},
  });
  nodes.push(node);
  return node;
}

/** An agent named `web` with actions given as source text. */
function source(version: string, actions: Readonly<Record<string, string>>, more = ''): string {
  const list = Object.entries(actions).map(
    ([name, run]) => `${name}: defineAction({
      description: 'Action ${name}',
      inputs: {text: {type: 'string', description: 'd', maxLengthBytes: 200, optional: true}},
      outputs: {text: {type: 'string', description: 'd', default: 'none'}},
      run: ${run},
    }),`,
  );
  return `import {ActionFailure, defineAction, defineAgent} from 'choria/agent';
${more}
export const web = defineAgent({
  name: 'web', description: 'd', author: 'a', license: 'Apache-2.0', version: '${version}', url: 'https://example.net', timeoutSeconds: 3,
  actions: {${list.join('\n')}},
});
`;
}

const plain = {
  say: `async ({text}, {node}) => ({text: text + ' from ' + node.identity + ' in ' + JSON.parse(await node.factsJson()).country})`,
  refuse: `async () => { throw new ActionFailure('not today', {statusCode: 9, data: {why: 'rain'}}); }`,
  bug: `async () => { throw new RangeError('a bug'); }`,
  about: `async (_, {node, request}) => ({text: [request.callerId, request.requestId.length, (await node.classes())[0], node.connectedServer(), node.config.get('identity')].join(' ')})`,
  print: `async () => { console.log('printed by the agent'); process.stdout.write('\\x00\\x00\\x00\\x01x'); return {}; }`,
};

describe('agents from a directory', () => {
  test('run with the types, checks, defaults and failures of their definition', async () => {
    const node = await start();
    node.write('agents/web.mjs', source('1.0.0', plain));
    await node.scan();
    expect(node.registry.metadata()).toMatchObject([{name: 'web', version: '1.0.0', timeoutSeconds: 3}]);
    expect(await node.call('web', 'say', {text: 'hello'})).toEqual({
      action: 'say',
      statuscode: 0,
      statusmsg: 'OK',
      data: {text: 'hello from n1.example.net in mt'},
    });
    expect(await node.call('web', 'say', {text: 5})).toMatchObject({
      statuscode: 4,
      statusmsg: "Validation failed: validation failed for input 'text': is not a string",
    });
    expect(await node.call('web', 'refuse')).toMatchObject({
      statuscode: 9,
      statusmsg: 'not today',
      data: {why: 'rain'},
    });
    expect(await node.call('web', 'bug')).toMatchObject({statuscode: 5, statusmsg: 'a bug'});
    expect(await node.call('web', 'nope')).toMatchObject({statuscode: 2});
    expect(await node.call('web', 'about')).toMatchObject({
      data: {text: 'choria=rip.mcollective 32 role::web nats://broker.example.net:4222 n1.example.net'},
    });
    expect(await node.call('web', 'print')).toMatchObject({statuscode: 0, data: {text: 'none'}});
    await expect.poll(() => JSON.stringify(node.logger.lines)).toContain('printed by the agent');
  });

  test('come as folders, CommonJS and default exports, and go when their files go', async () => {
    const node = await start();
    node.write(
      'agents/web/index.mjs',
      source('1.0.0', {say: 'async () => ({text: word})'}, "import {word} from './word.mjs';"),
    );
    node.write('agents/web/word.mjs', "export const word = 'helped';");
    await node.scan();
    expect(await node.call('web', 'say')).toMatchObject({data: {text: 'helped'}});
    node.write('agents/web/word.mjs', "export const word = 'changed';");
    await node.scan();
    expect(await node.call('web', 'say')).toMatchObject({data: {text: 'changed'}});
    rmSync(join(node.root, 'agents/web'), {recursive: true});
    await node.scan();
    expect(node.registry.names()).toEqual([]);
  });

  test('are replaced without losing a request, and calls that run end in the code they began in', async () => {
    const node = await start();
    const slow = (version: string): string =>
      source(version, {
        say: `async () => { await new Promise((resolve) => setTimeout(resolve, 20)); return {text: '${version}'}; }`,
      });
    node.write('agents/web.mjs', slow('1.0.0'));
    await node.scan();
    const replies: Promise<unknown>[] = [];
    const done = new AbortController();
    const load = (async () => {
      while (!done.signal.aborted) {
        replies.push(node.call('web', 'say'));
        await new Promise((resolve) => setTimeout(resolve, 4));
      }
    })();
    for (const version of ['1.1.0', '1.2.0', '1.3.0']) {
      node.write('agents/web.mjs', slow(version));
      await node.scan();
      await expect.poll(() => node.registry.get('web')?.metadata.version).toBe(version);
    }
    done.abort();
    await load;
    const answers = (await Promise.all(replies)) as readonly {statuscode: number; data: {text: string}}[];
    expect(answers.filter((answer) => answer?.statuscode !== 0)).toEqual([]);
    expect(answers.length).toBeGreaterThan(30);
    expect(new Set(answers.map((answer) => answer.data.text)).size).toBeGreaterThan(1);
    expect(await node.call('web', 'say')).toMatchObject({data: {text: '1.3.0'}});
  });

  test('keep the version before when the new one cannot be used, and say so', async () => {
    const node = await start();
    node.write('agents/web.mjs', source('1.0.0', plain));
    await node.scan();
    const two = `${source('2.0.0', plain)}export const more = {...web};`;
    const broken: readonly (readonly [string, RegExp])[] = [
      ['export const web = ;', /Unexpected token/],
      ["throw new Error('no database')", /no database/],
      ['', /exports no agent/],
      ['process.exit(3)', /exit status 3/],
      [source('2.0.0', plain).replace("name: 'web'", "name: 'other'"), /names itself "other"/],
      [two, /exports 2 agents/],
    ];
    for (const [text, message] of broken) {
      node.write('agents/web.mjs', text);
      await node.scan();
      expect(node.registry.get('web')?.metadata.version).toBe('1.0.0');
      expect(await node.call('web', 'say', {text: 'a'})).toMatchObject({statuscode: 0});
      const last = node.logger.lines.findLast((line) => line.message.startsWith('Cannot use'))?.message;
      expect(last).toMatch(message);
      expect(last).toContain('the version before stays in use');
    }
    node.write('agents/web.mjs', source('3.0.0', plain));
    await node.scan();
    expect(node.registry.get('web')?.metadata.version).toBe('3.0.0');
  });

  test('that want not to run here are left out, and asked again when they change', async () => {
    const node = await start();
    const shy = source('1.0.0', plain).replace('actions: {', 'shouldActivate: async () => false, actions: {');
    node.write('agents/web.mjs', shy);
    await node.scan();
    expect(node.registry.names()).toEqual([]);
    node.write('agents/web.mjs', source('1.0.0', plain));
    await node.scan();
    expect(node.registry.names()).toEqual(['web']);
  });
});

describe('fault 44: what an agent from a directory does wrong ends its own process only', () => {
  const bad = {
    say: "async () => ({text: 'fine'})",
    exit: 'async () => { process.exit(4); }',
    kill: "async () => { process.kill(process.pid, 'SIGSEGV'); await new Promise(() => {}); }",
    later:
      "async () => { setTimeout(() => { throw new Error('thrown by nobody'); }, 1); await new Promise(() => {}); }",
    leak: 'async () => { const all = []; for (;;) { all.push(new Array(100000).fill(0.5)); await 0; } }',
    buffers:
      'async () => { const all = []; for (;;) { all.push(Buffer.alloc(8e6, 1)); await new Promise((r) => setTimeout(r, 5)); } }',
    loop: 'async () => { for (;;); }',
    hang: 'async () => { await new Promise(() => {}); }',
    big: "async () => ({text: 'x'.repeat(9e6)})",
  };

  test('a crash, a leak, and an answer beyond measure', async () => {
    const node = await start({'plugin.choria.server.agents.memory_megabytes': '64'});
    node.write('agents/web.mjs', source('1.0.0', bad).replace('timeoutSeconds: 3', 'timeoutSeconds: 20'));
    await node.scan();
    const failures = {
      exit: /exit status 4/,
      kill: /signal SIGSEGV/,
      later: /exit status 1/,
      leak: /signal SIGABRT|exit status/,
      buffers: /more than 128 MiB of memory/,
      big: /The reply has \d+ bytes/,
    };
    for (const [action, message] of Object.entries(failures)) {
      expect(await node.call('web', action)).toMatchObject({statuscode: 5, statusmsg: expect.stringMatching(message)});
      expect(await node.call('web', 'say')).toMatchObject({statuscode: 0, data: {text: 'fine'}});
    }
  }, 30_000);

  test('an endless loop and a call that never ends stay silent when their time is over', async () => {
    const node = await start();
    node.write('agents/web.mjs', source('1.0.0', bad).replace('timeoutSeconds: 3', 'timeoutSeconds: 2'));
    await node.scan();
    expect(await node.call('web', 'hang')).toBeUndefined();
    expect(await node.call('web', 'say')).toMatchObject({statuscode: 0});
    expect(await node.call('web', 'loop')).toBeUndefined();
    // A new process has to start first, which may take longer than a call's time.
    await expect.poll(async () => (await node.call('web', 'say'))?.statuscode, {timeout: 10_000}).toBe(0);
  }, 20_000);
});

test('fault 42, 80: files that everybody may write to, pipes, links to nowhere and odd names are told and left alone', async () => {
  const node = await start();
  node.write('agents/web.mjs', source('1.0.0', plain));
  node.write('agents/open.mjs', source('1.0.0', plain), 0o666);
  execFileSync('chmod', ['666', join(node.root, 'agents/open.mjs')]);
  node.write('agents/Bad-Name.mjs', source('1.0.0', plain));
  node.write('agents/notes.txt', 'none of it');
  node.write('agents/web.test.mjs', 'none of it');
  execFileSync('mkfifo', [join(node.root, 'agents/pipe.mjs')]);
  symlinkSync('/nonexistent', join(node.root, 'agents/gone.mjs'));
  symlinkSync('/dev/zero', join(node.root, 'agents/zero.mjs'));
  writeFileSync(join(node.root, 'agents/half.mjs'), source('1.0.0', plain).slice(0, 100));
  utimesSync(join(node.root, 'agents/half.mjs'), 1, 1);
  await node.scan();
  expect(node.registry.names()).toEqual(['web']);
  const log = node.logger.lines.map((line) => line.message).join('\n');
  for (const name of ['open', 'Bad-Name', 'pipe', 'gone', 'zero', 'half']) expect(log).toContain(`${name}.mjs`);
  for (const name of ['notes', 'web.test']) expect(log).not.toContain(name);
});
