import {describe, expect, test} from 'vitest';
import {configFromEntries, loadConfig} from '../config/index.ts';
import {createFakePlatform} from '../../test/support/fake-platform.ts';
import {createRecordingLogger} from '../../test/support/recording-logger.ts';
import {explainDecision, type RegoEngine} from './index.ts';

const request = {agent: 'puppet', action: 'status', callerId: 'up=bob', requestId: 'r1', rawData: {}};
const node = {factsJson: async () => Buffer.from('{}'), classes: async () => []};
const engine: RegoEngine = {decide: async () => false, coveredLines: async () => [], close: async () => undefined};

async function explain(settings: Readonly<Record<string, string>>, claims?: Readonly<Record<string, unknown>>) {
  const {platform} = createFakePlatform();
  const config = await configFromEntries(settings, {platform, mode: 'server'});
  const asked = {...request, ...(claims === undefined ? {} : {claims})};
  return explainDecision(config, {request: asked, node, options: {platform, logger: createRecordingLogger(), engine}});
}

describe('an explanation', () => {
  test('names the entry of a token that decided', async () => {
    const claims = {purpose: 'choria_client_id', agents: ['rpcutil.*', 'puppet.status', 'puppet.*']};
    const result = await explain({rpcauthprovider: 'aaasvc'}, claims);
    expect(result).toMatchObject({allowed: true, policy: 'the agents of the token', line: 2});
    expect(result.lines.map(({outcome}) => outcome)).toEqual([
      'other agent or action',
      'matched',
      'other agent or action',
    ]);
  });

  test.each([
    [{rpcauthorization: '0'}, true, 'rpcauthorization is off'],
    [{rpcauthprovider: 'nobody'}, false, 'Unsupported authorization provider'],
    [{rpcauthprovider: 'action_policy'}, false, 'no policy found for puppet'],
    [{rpcauthprovider: 'rego_policy'}, false, 'no policy found'],
    [{rpcauthprovider: 'aaasvc'}, false, 'no policy received in request'],
  ])('of %j says why', async (settings: Readonly<Record<string, string>>, allowed, reason) => {
    const result = await explain(settings);
    expect(result.allowed).toBe(allowed);
    expect(result.reason).toContain(reason);
  });
});

test('an explanation names the line that should have denied, whatever was decided', async () => {
  const {platform} = createFakePlatform({
    files: {
      '/etc/choria/server.conf': 'identity = web1\n',
      '/etc/choria/policies/puppet.policy': 'policy default allow\ndeny up=bob * * *\n',
    },
  });
  const config = await loadConfig({platform, mode: 'server', path: '/etc/choria/server.conf'});
  const options = {platform, logger: createRecordingLogger(), engine};
  const {allowed, warnings} = await explainDecision(config, {request, node, options});
  expect({allowed, warnings}).toMatchObject({allowed: true, warnings: [{line: 2, loosens: true}]});
});
