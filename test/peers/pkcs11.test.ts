/** The provider pkcs11 with a key inside SoftHSM, through the optional module as its users install it. */
import {execFileSync} from 'node:child_process';
import {X509Certificate} from 'node:crypto';
import {existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {configFromEntries} from '../../src/config/index.ts';
import {createSecurityProvider} from '../../src/connect/index.ts';
import type {SecurityProvider} from '../../src/crypto/index.ts';
import {silentLogger} from '../../src/lib/logger.ts';
import {createNodePlatform} from '../../src/lib/node-platform.ts';
import type {Platform} from '../../src/lib/platform.ts';
import {describeProvider} from '../conformance/providers.ts';
import {type Callers, createCallers} from '../support/callers.ts';

const driver = '/usr/lib/softhsm/libsofthsm2.so';
const pin = '927514';
const needed = [driver, '/usr/bin/softhsm2-util', '/usr/bin/pkcs11-tool'];

function isMissing(): boolean {
  const missing = needed.filter((path) => !existsSync(path));
  if (missing.length === 0) return false;
  const message = `not installed: ${missing.join(', ')} (Debian packages softhsm2 and opensc)`;
  if (process.env['CI'] === 'true') throw new Error(message);
  console.warn(`skipped: ${message}`);
  return true;
}

const skip = isMissing();
let directory: string;
let slot: string;
let callers: Callers;
let foreign: Callers;

function run(command: string, args: readonly string[], cwd = directory): string {
  return execFileSync(command, [...args], {cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe']});
}

beforeAll(async () => {
  if (skip) return;
  directory = mkdtempSync(join(tmpdir(), 'choria-hsm-'));
  mkdirSync(join(directory, 'tokens'));
  mkdirSync(join(directory, 'module'));
  writeFileSync(join(directory, 'module', 'package.json'), '{"private": true}');
  run('npm', ['install', '--no-audit', '--no-fund', 'graphene-pk11@2.3.6'], join(directory, 'module'));
  writeFileSync(
    join(directory, 'softhsm2.conf'),
    `directories.tokendir = ${join(directory, 'tokens')}\nobjectstore.backend = file\n`,
  );
  process.env['SOFTHSM2_CONF'] = join(directory, 'softhsm2.conf');
  [callers, foreign] = await Promise.all([createCallers(), createCallers()]);
  const {certificatePem, keyPem} = await callers.certificate('rip.mcollective');
  writeFileSync(join(directory, 'key.pem'), keyPem, {mode: 0o600});
  writeFileSync(join(directory, 'certificate.der'), new X509Certificate(certificatePem).raw);
  writeFileSync(join(directory, 'ca.pem'), callers.authority.certificatePem);
  const made = run('softhsm2-util', [
    '--init-token',
    '--free',
    '--label',
    'choria',
    '--pin',
    pin,
    '--so-pin',
    '11112222',
  ]);
  slot = /slot (\d+)/.exec(made)?.[1] ?? '';
  run('softhsm2-util', ['--import', 'key.pem', '--token', 'choria', '--label', 'rip', '--id', '01', '--pin', pin]);
  const session = ['--module', driver, '--token-label', 'choria', '--login', '--pin', pin];
  const what = ['--write-object', 'certificate.der', '--type', 'cert', '--id', '01', '--label', 'rip'];
  run('pkcs11-tool', [...session, ...what]);
}, 240_000);

afterAll(() => {
  if (!skip) rmSync(directory, {recursive: true, force: true});
});

async function open(
  change: Readonly<Record<string, string>> = {},
  askSecret: Platform['askSecret'] = () => Promise.resolve(pin),
): Promise<SecurityProvider> {
  const platform: Platform = {...createNodePlatform(), ...(askSecret === undefined ? {} : {askSecret})};
  const config = await configFromEntries(
    {
      'plugin.security.provider': 'pkcs11',
      'plugin.security.pkcs11.driver_file': driver,
      'plugin.security.pkcs11.slot': slot,
      'plugin.security.pkcs11.module': join(directory, 'module', 'node_modules', 'graphene-pk11'),
      'plugin.security.file.ca': join(directory, 'ca.pem'),
      ...change,
    },
    {platform, mode: 'user'},
  );
  return createSecurityProvider(config, {platform, mode: 'client', logger: silentLogger});
}

describeProvider({
  name: 'pkcs11',
  skip,
  async make() {
    const ca = join(directory, 'ca.pem');
    return {
      open: () => open(),
      technology: 'x509',
      callerId: 'choria=rip.mcollective',
      node: await callers.caller('n1.example.net'),
      stranger: await foreign.caller('rip.mcollective'),
      nowMs: callers.nowMs,
      secrets: [pin],
      takeAway: () => {
        rmSync(ca);
        return Promise.resolve(/CA .* does not exist/);
      },
      close: () => {
        writeFileSync(ca, callers.authority.certificatePem);
        return Promise.resolve();
      },
    };
  },
});

describe.skipIf(skip)('a device', () => {
  test('gets its PIN from a file where nobody can be asked', async () => {
    const file = join(directory, 'pin');
    writeFileSync(file, `${pin}\n`, {mode: 0o600});
    const nobody = (): Promise<undefined> => Promise.resolve(undefined);
    expect((await open({'plugin.security.pkcs11.pin_file': file}, nobody)).callerId).toBe('choria=rip.mcollective');
    await expect(open({}, nobody)).rejects.toThrow(/no PIN .*expected plugin.security.pkcs11.pin_file/);
  });

  test.each([
    {what: 'no such slot', change: {'plugin.security.pkcs11.slot': '4711'}, says: /has no slot 4711: expected one of/},
    {
      what: 'no such driver',
      change: {'plugin.security.pkcs11.driver_file': '/nowhere/lib.so'},
      says: /driver "\/nowhere\/lib.so"/,
    },
    {what: 'no driver at all', change: {'plugin.security.pkcs11.driver_file': ''}, says: /driver_file is not set/},
    {
      what: 'no module',
      change: {'plugin.security.pkcs11.module': '/nowhere'},
      says: /graphene-pk11 is not installed; install it beside this program with npm install graphene-pk11@2.3.6/,
    },
    {
      what: 'a module beside the program that is not there',
      change: {'plugin.security.pkcs11.module': ''},
      says: /npm install graphene-pk11@2.3.6/,
    },
  ])('with $what is an error that says what to do', async ({change, says}) => {
    await expect(open(change)).rejects.toThrow(says);
  });

  test('does not take a wrong PIN, and no error shows it', async () => {
    // In a process of its own: this one has logged in already.
    const script = `
      import {openPkcs11Device} from ${JSON.stringify(new URL('../../src/lib/node-pkcs11.ts', import.meta.url).href)};
      try {
        openPkcs11Device({driverPath: ${JSON.stringify(driver)}, slot: ${slot}, pin: 'wrong-pin-1', modulePath: ${JSON.stringify(join(directory, 'module', 'node_modules', 'graphene-pk11'))}});
      } catch (error) {
        console.log(error.code, error.stack, String(error.cause));
      }`;
    const told = run(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script], process.cwd());
    expect(told).toMatch(/ERR_PKCS11_LOGIN.*CKR_PIN_INCORRECT/);
    expect(told).not.toContain('wrong-pin-1');
  });
});
