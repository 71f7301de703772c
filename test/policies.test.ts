/** The policies that packages ship: reading is allowed, changing is not. */
import {readdirSync, readFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {describe, expect, test} from 'vitest';
import {createActionPolicy, parsePolicy} from '../src/authz/index.ts';
import {createNodePlatform} from '../src/lib/node-platform.ts';
import {silentLogger} from '../src/lib/logger.ts';

const directory = join(dirname(dirname(fileURLToPath(import.meta.url))), 'packaging', 'policies');
const {files} = createNodePlatform();
const policy = createActionPolicy({
  files,
  logger: silentLogger,
  directory,
  defaultName: 'default',
  allowUnconfigured: false,
  classesKnown: true,
});
const node = {factsJson: async () => Buffer.from('{}'), classes: async () => []};

async function isAllowed(agent: string, action: string): Promise<boolean> {
  return (await policy.authorize({agent, action, callerId: 'choria=bob.mcollective', requestId: 'r1'}, node)).allowed;
}

describe('the policies that packages ship', () => {
  test.each(readdirSync(directory).filter((name) => name.endsWith('.policy')))(
    '%s has no trap and denies by default',
    (name) => {
      const parsed = parsePolicy(readFileSync(join(directory, name), 'utf8'));
      expect(parsed.warnings).toEqual([]);
      expect(parsed.lines.some((line) => line.kind === 'default' && !line.allow)).toBe(true);
      expect(parsed.lines.some((line) => line.kind === 'default' && line.allow)).toBe(false);
    },
  );

  test.each([
    ['puppet', 'status'],
    ['puppet', 'last_run_summary'],
    ['package', 'status'],
    ['service', 'status'],
    ['process', 'list'],
    ['nettest', 'connect'],
    ['filemgr', 'status'],
    ['rpcutil', 'inventory'],
    ['choria_util', 'machine_states'],
  ])('%s %s is allowed', async (agent, action) => {
    expect(await isAllowed(agent, action)).toBe(true);
  });

  test.each([
    ['puppet', 'runonce'],
    ['puppet', 'disable'],
    ['puppet', 'resource'],
    ['package', 'install'],
    ['service', 'restart'],
    ['filemgr', 'remove'],
    ['rpcutil', 'get_config_item'],
    ['choria_util', 'machine_transition'],
    ['shell', 'run'],
    ['bolt_tasks', 'run_no_wait'],
    ['nobodys_agent', 'status'],
    ['puppet', 'Status'],
  ])('%s %s is denied', async (agent, action) => {
    expect(await isAllowed(agent, action)).toBe(false);
  });
});
