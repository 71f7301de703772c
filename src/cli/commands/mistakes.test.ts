import {describe, expect, test} from 'vitest';
import {createOrganization} from '../../../test/support/organization.ts';
import {type CliTestResult, runCliForTest} from '../../../test/support/cli.ts';
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';

const key = 'ab'.repeat(32);

/** Commands that follow each other in one folder. */
async function runAll(lines: readonly string[]): Promise<readonly CliTestResult[]> {
  const real = mkdtempSync(join(tmpdir(), 'choria-jwt-'));
  const results: CliTestResult[] = [];
  try {
    for (const line of lines) {
      const mounts = [{virtual: '/keys', real}];
      results.push(await runCliForTest({argv: ['choria', 'jwt', ...line.split(' ')], mounts, cwd: '/keys'}));
    }
    return results;
  } finally {
    rmSync(real, {recursive: true, force: true});
  }
}

test('a list of nodes that is not there is a mistake on the command line', async () => {
  for (const command of ['find', 'req rpcutil ping', 'facts country']) {
    const result = await runCliForTest({
      argv: ['choria', ...command.split(' '), '--nodes', '/nowhere', '--config', '/home/rip/client.conf'],
      files: {
        '/home/rip/client.conf': 'plugin.security.provider = file\nplugin.choria.middleware_hosts = 127.0.0.1:1\n',
      },
    });
    expect(result, command).toMatchObject({exit: 1, stderr: "choria: error: path '/nowhere' does not exist\n"});
  }
});

describe('choria jwt', () => {
  test('check names the purpose that was found where another was wanted', async () => {
    const [, , checked] = await runAll([
      'keys issuer.seed issuer.public',
      `client bob.jwt bob issuer.seed --public-key ${key}`,
      'check bob.jwt --purpose server',
    ]);
    expect(checked?.exit).toBe(2);
    expect(checked?.stdout).toMatch(/^CRITICAL bob\.jwt Crit:choria_client_id purpose OK:client token \| expires=/);
  });

  test('view says that a server token grants nothing, and keeps silent about permissions that it does not claim', async () => {
    using organization = createOrganization();
    const view = async (permissions: object | undefined): Promise<string> => {
      const {tokenFile} = await organization.server('n1.example.net', {claims: {permissions}});
      const mounts = [{virtual: '/keys', real: organization.directory}];
      return (await runCliForTest({argv: ['choria', 'jwt', 'view', tokenFile], mounts})).stdout;
    };
    expect(await view({service_host: true})).toContain('Can host services');
    expect(await view({})).toContain('No server specific permissions granted');
    expect(await view(undefined)).not.toContain('Permissions');
  });

  test('provisioning without a place to connect to makes no token', async () => {
    const [, made] = await runAll(['keys issuer.seed', 'provisioning p.jwt issuer.seed --token x']);
    expect(made).toMatchObject({exit: 1, stderr: ''});
    expect(made?.stdout).toContain('Could not run Choria: could not create token: URLs or a SRV Domain is required');
  });
});
