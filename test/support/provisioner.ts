/** A provisioner of a test: its helper is a real program in a private folder. */
import {mkdtempSync, realpathSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {configFromEntries} from '../../src/config/index.ts';
import {createUnsignedProvider} from '../../src/crypto/index.ts';
import type {Logger} from '../../src/lib/logger.ts';
import {createNodePlatform} from '../../src/lib/node-platform.ts';
import type {Platform} from '../../src/lib/platform.ts';
import {
  createProvisioner,
  parseProvisionerSettings,
  type Provisioner,
  type ProvisionerOptions,
} from '../../src/provisioner/index.ts';

export interface TestProvisioner extends AsyncDisposable {
  readonly provisioner: Provisioner;
  readonly directory: string;
}

/** Reads the name of the node from its input, as `$id`; the rest of the script prints the answer. */
export const helperHead = `input=$(cat); id="\${input#*\\"identity\\":\\"}"; id="\${id%%\\"*}"\n`;

export async function startTestProvisioner(options: {
  readonly url: string;
  readonly logger: Logger;
  /** Shell script; `helperHead` is put before it. */
  readonly helper: string;
  readonly verifyPem: string;
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly platform?: Platform;
  readonly extra?: Partial<ProvisionerOptions>;
}): Promise<TestProvisioner> {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'choria-provisioner-')));
  const platform = options.platform ?? createNodePlatform();
  writeFileSync(join(directory, 'helper.sh'), helperHead + options.helper);
  writeFileSync(join(directory, 'verify.pem'), options.verifyPem);
  const settings = parseProvisionerSettings(
    JSON.stringify({
      helper: `/bin/sh ${directory}/helper.sh`,
      token: 's3cret',
      workers: 8,
      choria_insecure: true,
      jwt_verify_cert: join(directory, 'verify.pem'),
      features: {jwt: true},
      ...options.settings,
    }),
    {cpuCount: 2},
  );
  const config = await configFromEntries(
    {identity: 'provisioner.example.net', 'plugin.choria.middleware_hosts': options.url},
    {platform, mode: 'system'},
  );
  const provisioner = await createProvisioner({
    settings,
    config,
    platform,
    logger: options.logger,
    provider: createUnsignedProvider({certname: 'provisioner.example.net'}),
    ...options.extra,
  });
  await provisioner.start();
  return {
    provisioner,
    directory,
    async [Symbol.asyncDispose]() {
      await provisioner.stop();
      rmSync(directory, {recursive: true, force: true});
    },
  };
}
