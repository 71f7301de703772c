/** What `jwt check` finds wrong, in the words that monitoring systems know, and what `jwt view` shows of each kind of token. */
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {runCliForTest} from '../../../test/support/cli.ts';

describe('tokens at the command line', () => {
  const root = mkdtempSync(join(tmpdir(), 'choria-jwt-'));
  const jwt = (line: string) =>
    runCliForTest({argv: ['choria', 'jwt', ...line.split(' ')], mounts: [{virtual: '/data', real: root}]});
  const made = async (line: string): Promise<void> => {
    const {exit, stdout, stderr} = await jwt(line);
    expect(exit, stdout + stderr).toBe(0);
  };

  beforeAll(async () => {
    // Asked for the public half of a seed that is not there, it makes both.
    await made('keys /data/issuer.seed /data/issuer.pub --show-public');
    await made('keys /data/other.seed /data/other.pub');
    const holder = '--public-key /data/other.pub --validity 1h';
    await made(`client /data/plain.jwt fred /data/issuer.seed ${holder}`);
    await made(`client /data/short.jwt fred /data/issuer.seed --validity 1h --publish a.b --subscribe c.d --opa x`);
    await made(`client /data/chain.jwt boss /data/issuer.seed ${holder} --issuer`);
    await made(
      'server /data/server.jwt n1.example.net /data/other.pub /data/issuer.seed --collectives c1 --subjects x.y',
    );
    await made('prov /data/prov.jwt /data/issuer.seed --token s3cret --srv example.net --registration /r --facts /f');
  });
  afterAll(() => rmSync(root, {recursive: true, force: true}));

  test.each<[line: string, found: string]>([
    ['/data/plain.jwt', 'OK /data/plain.jwt OK:client token'],
    ['/data/plain.jwt --purpose server', 'Crit:choria_client_id purpose OK:client token'],
    ['/data/plain.jwt --identity bob --validity-min 2h', 'Crit:identity fred, expires in 59m'],
    ['/data/plain.jwt --validity-max 1m', 'Crit:expires in 59m'],
    ['/data/plain.jwt --client-opa --sub a --pub b', 'Crit:no OPA policy, subscribe a, subscribe b OK:'],
    ['/data/short.jwt --client-opa --sub c.d --pub a.b', 'Crit:no public key OK:client token'],
    ['/data/plain.jwt --chain-issuer', 'Crit:chain issuer: false OK:'],
    ['/data/chain.jwt --no-chain-issuer', 'Crit:chain issuer: true OK:'],
    ['/data/chain.jwt --chain-issuer', 'OK /data/chain.jwt OK:client token'],
    ['/data/server.jwt --pub x.y', 'OK /data/server.jwt OK:server token'],
    ['/data/server.jwt --pub z --identity n2', 'Crit:identity n1.example.net, publish z OK:server token'],
    ['/data/prov.jwt --identity x --client-opa', 'OK /data/prov.jwt OK:provisioning token'],
    ['/data/plain.jwt --query callerid=="bob"', 'Crit:callerid=="bob" OK:client token'],
    ['/data/plain.jwt --query (', 'Crit:invalid query: (: '],
    ['/data/none.jwt', 'CRITICAL /data/none.jwt Crit:token not found\n'],
    ['/data/issuer.seed', 'CRITICAL /data/issuer.seed Crit:could not parse token: '],
    [`/data/plain.jwt --issuer ${'ab'.repeat(32)}`, 'CRITICAL /data/plain.jwt Crit:could not parse token: '],
    ['/data/plain.jwt --issuer xyz', 'CRITICAL /data/plain.jwt Crit:invalid issuer: '],
  ])('check %s', async (line, found) => {
    const {stdout, exit} = await jwt(`check ${line}`);
    expect(stdout).toContain(found);
    expect(exit).toBe(found.startsWith('OK ') ? 0 : 2);
  });

  test('a token that cannot be looked at is not called one of its kind', async () => {
    const {stdout} = await jwt(`check /data/plain.jwt --issuer ${'ab'.repeat(32)}`);
    expect(stdout).not.toContain('OK:');
    expect(stdout).not.toContain('expires=');
  });

  test('a provisioning token shows what it decides, also what it denies', async () => {
    const {stdout} = await jwt('view /data/prov.jwt');
    const rows = stdout.split('\n').filter((line) => /^ {0,29}[A-Z]/.test(line));
    const labels = rows.slice(1).map((line) => line.slice(0, 30).trim());
    expect(labels.slice(1)).toEqual([
      'Token',
      'Secure',
      'SRV Domain',
      'Provisioning by default',
      'Provisioning Registration Data',
      'Provisioning Facts',
      'Server Version Upgrades',
      'Standard Claims',
    ]);
    expect(stdout).toContain('       Provisioning by default: false\n');
    expect(stdout).not.toContain('s3cret');
  });

  test.each([
    ['view /data/none.jwt', "path '/data/none.jwt' does not exist"],
    ['view /data/plain.jwt /data/none.pub', "path '/data/none.pub' does not exist"],
    ['client /data/x.jwt fred /data/issuer.seed --opa-file /data/none', "path '/data/none' does not exist"],
  ])('%s names the file that is missing', async (line, words) => {
    const {stderr, exit} = await jwt(line);
    expect(stderr).toBe(`choria: error: ${words}\n`);
    expect(exit).toBe(1);
  });
});
