import {describe, expect, test} from 'vitest';
import {createFakePlatform} from '../../../test/support/fake-platform.ts';
import {configFromEntries} from '../../config/index.ts';
import {createAgentRegistry} from '../../rpc/index.ts';
import type {AgentRegistry, NodeContext} from '../../rpc/types.ts';
import {createRecordingLogger, type RecordingLogger} from '../../../test/support/recording-logger.ts';
import type {FileAgentProvider} from '../file-agents.ts';
import {createExternalAgentProvider} from './provider.ts';
import {agentMetadata} from '../../../test/support/agent-metadata.ts';

const directory = '/lib/mcollective/agent';

function ddlText(name: string, change: Readonly<Record<string, unknown>> = {}): string {
  const metadata = agentMetadata(name, {provider: 'external'});
  return JSON.stringify({metadata: {...metadata, ...change}, actions: []});
}

async function startLab(answer: string): Promise<{
  readonly provider: FileAgentProvider;
  readonly registry: AgentRegistry;
  readonly runs: () => number;
  readonly logger: RecordingLogger;
  write(path: string, text: string): Promise<void>;
  remove(path: string): Promise<void>;
  wait(ms: number): Promise<void>;
}> {
  let asked = 0;
  const fake = createFakePlatform();
  const {platform} = fake;
  const processes = {
    ...platform.processes,
    run: async (request: Parameters<typeof platform.processes.run>[0]) => {
      asked++;
      await platform.files.writeAtomic(request.args[1] ?? '', answer, {mode: 0o600});
      return {
        exitCode: 0,
        signalName: null,
        timedOut: false,
        stdout: Buffer.alloc(0),
        stderr: Buffer.alloc(0),
        droppedBytes: 0,
      };
    },
  };
  const world = {...platform, processes};
  const config = await configFromEntries(
    {identity: 'n1.example.net', 'plugin.choria.agent_provider.mcorpc.libdir': '/lib'},
    {platform: world, mode: 'server', path: '/etc/choria/server.conf'},
  );
  const logger = createRecordingLogger();
  const registry = createAgentRegistry({logger});
  // Only what the provider and its agents read.
  const node = {config, platform: world, logger, factsJson: async () => Buffer.from('{}')} as unknown as NodeContext;
  await platform.files.makeDirectory(directory, {mode: 0o755, recursive: true});
  return {
    provider: createExternalAgentProvider({node, registry}),
    registry,
    runs: () => asked,
    logger,
    write: (path, text) => platform.files.writeAtomic(path, text, {mode: 0o755}),
    remove: (path) => platform.files.remove(path),
    wait: (ms) => fake.clock.advance(ms),
  };
}

describe('the provider of external agents', () => {
  test('waits for files to settle, registers, replaces a newer version and forgets what is gone', async () => {
    const lab = await startLab('{"activate":true}');
    await lab.write(`${directory}/web.json`, ddlText('web'));
    await lab.write(`${directory}/web`, 'program');
    await lab.provider.scan();
    expect(lab.registry.names()).toEqual([]);

    await lab.wait(6_000);
    await lab.provider.scan();
    expect(lab.registry.get('web')?.metadata.version, JSON.stringify(lab.logger.lines)).toBe('1.0.0');
    await lab.provider.scan();
    expect(lab.runs()).toBe(1);

    await lab.write(`${directory}/web.json`, ddlText('web', {version: '1.1.0'}));
    await lab.wait(6_000);
    await lab.provider.scan();
    expect(lab.registry.get('web')?.metadata.version).toBe('1.1.0');

    await lab.remove(`${directory}/web.json`);
    await lab.provider.scan();
    expect(lab.registry.names()).toEqual([]);
  });

  test.each(['{"activate":false}', '{"activate":"yes"}', 'not json', ''])(
    'leaves an agent out that answers %j, and asks again only when its files change',
    async (answer) => {
      const lab = await startLab(answer);
      await lab.write(`${directory}/shy.json`, ddlText('shy'));
      await lab.write(`${directory}/shy`, 'program');
      await lab.wait(6_000);
      await lab.provider.scan();
      await lab.provider.scan();
      expect(lab.registry.names()).toEqual([]);
      expect(lab.runs()).toBe(1);

      await lab.write(`${directory}/shy.json`, ddlText('shy', {version: '2.0.0'}));
      await lab.wait(6_000);
      await lab.provider.scan();
      expect(lab.runs()).toBe(2);
    },
  );

  test('reserved names, other providers and descriptions without a program are left alone', async () => {
    const lab = await startLab('{"activate":true}');
    for (const name of ['rpcutil', 'ruby', 'lonely']) {
      await lab.write(`${directory}/${name}.json`, ddlText(name, name === 'ruby' ? {provider: 'ruby'} : {}));
      if (name !== 'lonely') await lab.write(`${directory}/${name}`, 'program');
    }
    await lab.wait(6_000);
    await lab.provider.scan();
    expect(lab.registry.names()).toEqual([]);
    expect(lab.runs()).toBe(0);
  });
});
