/** `choria plugin generate agent`: what it writes has tests that pass, loads in a server and answers calls. */
import {execFile} from 'node:child_process';
import {mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {fileURLToPath, pathToFileURL} from 'node:url';
import {promisify} from 'node:util';
import {expect, test} from 'vitest';
import {scaffoldAgent} from '../src/agents/index.ts';
import {parseAgentDdl, validateDdlDocument} from '../src/ddl/index.ts';
import {bundledAgentHost} from './support/agent-host.ts';
import {startAgentNode} from './support/agent-node.ts';

const run = promisify(execFile);
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const options = {
  name: 'site_web',
  description: "The site's web servers",
  author: 'Ops <ops@example.net>',
  choriaVersion: '0.1.0',
} as const;

function writeAll(directory: string, files: Readonly<Record<string, string>>): void {
  mkdirSync(directory, {recursive: true});
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
}

/** Arguments of Node that make \`choria/agent\` known, as an installed package does. */
async function withDoor(directory: string): Promise<readonly string[]> {
  const door = pathToFileURL(join(dirname(await bundledAgentHost()), '../../rpc/agent.js')).href;
  const hook = `export const resolve = (name, context, next) => next(name === 'choria/agent' ? ${JSON.stringify(door)} : name, context);`;
  const start = `import {register} from 'node:module'; register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(hook)}`)});`;
  const path = join(directory, 'door.mjs');
  writeFileSync(path, start);
  return ['--import', pathToFileURL(path).href];
}

test('a generated agent passes its tests, describes itself, loads in a server and answers', async () => {
  await using node = await startAgentNode({settings: {'plugin.choria.server.agents': '{root}/agents'}});
  const directory = join(node.root, 'agents/site_web');
  writeAll(directory, scaffoldAgent({...options, language: 'javascript'}));
  const door = await withDoor(node.root);
  const tested = await run(process.execPath, [...door, '--test', 'index.test.mjs'], {cwd: directory});
  expect(tested.stdout).toMatch(/pass 3/);
  const described = await run(process.execPath, [...door, 'ddl.mjs'], {cwd: directory});
  expect(validateDdlDocument(JSON.parse(described.stdout))).toEqual([]);
  expect(parseAgentDdl(described.stdout).metadata.description).toBe("The site's web servers");

  // Its files were written just now; a server waits until they are quiet.
  await expect
    .poll(async () => {
      await node.scan();
      return node.registry.names();
    })
    .toEqual(['site_web']);
  expect(await node.call('site_web', 'hello', {who: 'you'})).toMatchObject({
    statuscode: 0,
    data: {greeting: 'Hello you', node: 'n1.example.net'},
  });
});

test('a generated agent in TypeScript has the types that it says', async () => {
  const directory = mkdtempSync(join(root, 'node_modules', '.choria-scaffold-'));
  try {
    const files = scaffoldAgent({...options, language: 'typescript'});
    writeAll(directory, files);
    // The sources that stand in for the installed package are checked with their own, stricter, settings.
    writeFileSync(
      join(directory, 'tsconfig.json'),
      JSON.stringify({
        extends: join(root, 'tsconfig.json'),
        compilerOptions: {noEmit: true, rootDir: root, paths: {'choria/agent': [join(root, 'src/rpc/agent.ts')]}},
        include: ['*.ts'],
        exclude: [],
      }),
    );
    const tsc = join(root, 'node_modules/.bin/tsc');
    await expect(run(tsc, ['-p', directory])).resolves.toMatchObject({stdout: ''});
    expect(readdirSync(directory)).not.toContain('dist');
  } finally {
    rmSync(directory, {recursive: true, force: true});
  }
});

test('names that cannot be agents are refused', () => {
  for (const name of ['', 'Web', '../web', 'a-b', '9x']) {
    expect(() => scaffoldAgent({...options, name, language: 'javascript'})).toThrow('Cannot make an agent named');
  }
});
