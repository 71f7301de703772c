import {mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, describe, expect, test} from 'vitest';
import {runCliForTest} from '../../../test/support/cli.ts';
import {parseAgentDdl, validateDdlDocument} from '../../ddl/index.ts';
import {agentMetadata} from '../../../test/support/agent-metadata.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, {recursive: true, force: true});
});

function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'choria-ddl-'));
  folders.push(folder);
  return folder;
}

const metadata = [
  'pkg',
  'Packages',
  'me@example.net',
  '1.0.0',
  'Apache-2.0',
  'https://example.net/',
  '10',
  'external',
  'n',
];
const input = ['y', 'name', 'Package', 'Its name', 'string', 'n', '40', 'regex', '^[a-z]+$', ''];
const output = ['y', 'version', 'What is there', 'string', 'Version', 'none'];
const tty = {cols: 80, rows: 24};

describe('plugin generate ddl asks for a description', () => {
  test('and writes both forms of what was answered', async () => {
    const folder = scratch();
    const typed = [...metadata, 'y', 'install', 'Installs one', 'failed', ...input, 'n', ...output, 'n', 'n'];
    const {output: shown, exit} = await runCliForTest({
      argv: ['choria', 'plugin', 'generate', 'ddl', '/out/pkg.json', '/out/pkg.ddl'],
      mounts: [{virtual: '/out', real: folder}],
      typed,
      tty,
    });
    expect(exit, shown).toBe(0);
    const text = readFileSync(join(folder, 'pkg.json'), 'utf8');
    const ddl = parseAgentDdl(text);
    expect(validateDdlDocument(JSON.parse(text))).toEqual([]);
    expect(ddl.metadata).toMatchObject({name: 'pkg', version: '1.0.0', timeoutSeconds: 10, service: false});
    const [action] = ddl.actions;
    expect(action).toMatchObject({name: 'install', display: 'failed'});
    expect(action?.inputs.get('name')).toMatchObject({type: 'string', optional: false, maxLengthBytes: 40});
    expect(action?.outputs.get('version')).toMatchObject({displayAs: 'Version', default: 'none'});
    expect(readFileSync(join(folder, 'pkg.ddl'), 'utf8')).toContain('action "install"');
  });

  test('asks again for what does not fit, and says why', async () => {
    const folder = scratch();
    const [name = '', ...others] = metadata;
    const {output: shown, exit} = await runCliForTest({
      argv: ['choria', 'plugin', 'generate', 'ddl', '/out/pkg.json'],
      mounts: [{virtual: '/out', real: folder}],
      typed: ['Not a name', name, ...others, 'n'],
      tty,
    });
    expect(exit, shown).toBe(0);
    expect(shown).toContain('"Not a name" does not do: expected small letters');
  });

  test('keeps what was answered when the terminal goes away', async () => {
    const folder = scratch();
    const {exit} = await runCliForTest({
      argv: ['choria', 'plugin', 'generate', 'ddl', '/out/pkg.json'],
      mounts: [{virtual: '/out', real: folder}],
      typed: [...metadata, 'y', 'install', 'Installs one', 'ok'],
      tty,
    });
    expect(exit).toBe(1);
    expect(parseAgentDdl(readFileSync(join(folder, 'pkg.json'), 'utf8')).actions).toHaveLength(1);
  });

  test('of a file that is there it asks whether to convert it; anything but yes describes it anew', async () => {
    const folder = scratch();
    const ddl = JSON.stringify({
      $schema: 'https://choria.io/schemas/mcorpc/ddl/v1/agent.json',
      metadata: agentMetadata('a'),
      actions: [],
    });
    const argv = ['choria', 'plugin', 'generate', 'ddl', '/out/a.json', '/out/a.ddl'];
    const mounts = [{virtual: '/out', real: folder}];
    const yes = await runCliForTest({argv, mounts, typed: ['yes'], files: {'/out/a.json': ddl}, tty});
    expect(yes.output).toContain('? JSON ddl /out/a.json already exist, convert it to Ruby (y/N)');
    expect(yes.exit).toBe(0);
    expect(readFileSync(join(folder, 'a.ddl'), 'utf8')).toContain('metadata');
    const no = await runCliForTest({argv, mounts, typed: ['nope', ...metadata, 'n'], files: {'/out/a.json': ddl}, tty});
    expect(no.exit).toBe(0);
    expect(parseAgentDdl(readFileSync(join(folder, 'a.json'), 'utf8')).metadata.name).toBe('pkg');
  });
});
