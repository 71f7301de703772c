/** A set-up made by the code behind `choria init`, kept in memory and copied for each test that breaks it. */
import {beforeAll, expect, test} from 'vitest';
import {createOrganisation, type OrganisationSecurity} from '../../src/organisation/index.ts';
import {diagnose, type DoctorRole, type FindingCode} from '../../src/doctor/index.ts';
import type {Platform} from '../../src/lib/platform.ts';
import {createFakePlatform, type FakePlatform, type FakePlatformOptions} from './fake-platform.ts';

export const fleetDirectory = '/srv/acme';

/** A machine that is fit for a large broker. */
const kernelFiles: Readonly<Record<string, string>> = {
  '/proc/sys/net/core/somaxconn': '4096\n',
  '/proc/sys/net/ipv4/tcp_max_syn_backlog': '4096\n',
  '/proc/self/limits': 'Max open files            1024                 1048576              files\n',
};

export interface StoredFile {
  readonly path: string;
  readonly bytes: Buffer;
  readonly mode: number;
}

/** The files of a healthy fleet: a broker, the node web1.example.net and the user rip. */
export async function healthyFiles(
  platform?: Partial<Platform>,
  security: OrganisationSecurity = 'x509',
): Promise<readonly StoredFile[]> {
  const fake = createFakePlatform({files: kernelFiles});
  await createOrganisation(
    {...fake.platform, ...platform, files: fake.files},
    {
      directory: fleetDirectory,
      security,
      broker: {host: 'localhost', port: 4222},
      nodes: [{name: 'web1.example.net', facts: {country: 'mt'}}],
      operators: ['rip'],
    },
  );
  return Promise.all(
    fake.files.paths.map(async (path) => ({
      path,
      bytes: await fake.files.read(path, {limitBytes: 1_000_000}),
      mode: (await fake.files.stat(path)).mode,
    })),
  );
}

const folders: Readonly<Record<DoctorRole, string>> = {
  broker: 'broker',
  server: 'nodes/web1.example.net',
  client: 'users/rip.mcollective',
};

/** The description of an agent that a test adds. */
export const parrotDdl = JSON.stringify({
  $schema: 'https://choria.io/schemas/mcorpc/ddl/v1/agent.json',
  metadata: {
    name: 'parrot',
    description: 'says it again',
    author: 'x',
    license: 'x',
    version: '1.0.0',
    url: 'https://example.net',
    timeout: 5,
    provider: 'external',
  },
  actions: [{action: 'echo', description: 'says it again', display: 'always', input: {}, output: {}, aggregate: []}],
});

/** One way to break a fleet, and what the doctor calls it. */
export interface Breakage {
  readonly role: DoctorRole;
  readonly code: FindingCode;
  readonly how: string;
  readonly break: (fleet: SickFleet) => void | Promise<void>;
}

/** For a file of tests: one healthy fleet, made once, and a test for each way to break a copy of it. */
export function healthyFleet(security: OrganisationSecurity = 'x509') {
  let files: readonly StoredFile[] = [];
  beforeAll(async () => {
    files = await healthyFiles({}, security);
  });
  const copy = (role: DoctorRole): SickFleet => new SickFleet(files, role);
  return {
    copy,
    testEach: (breakages: readonly Breakage[]): void =>
      test.each(breakages)('$role: $how is $code', async (breakage) => {
        const fleet = copy(breakage.role);
        await breakage.break(fleet);
        expect(await fleet.codes()).toEqual([breakage.code]);
      }),
    testHealthy: (): void =>
      test.each(['client', 'server', 'broker'] as const)('finds nothing wrong with a healthy %s', async (role) => {
        expect(await copy(role).codes()).toEqual([]);
      }),
  };
}

/** One copy of the fleet, and what a test may do to it. */
export class SickFleet {
  readonly fake: FakePlatform;
  readonly role: DoctorRole;
  readonly folder: string;
  /** Replaces parts of the platform when the doctor comes. */
  changes: Partial<Platform> = {};

  constructor(files: readonly StoredFile[], role: DoctorRole, options: FakePlatformOptions = {}) {
    this.role = role;
    const bare = folders[role].replace('.mcollective', '');
    const isBare = files.some((file) => file.path.startsWith(`${fleetDirectory}/${bare}/`));
    this.folder = `${fleetDirectory}/${isBare ? bare : folders[role]}`;
    this.fake = createFakePlatform({
      env: {USER: 'rip', HOME: '/home/rip'},
      names: {addresses: {localhost: ['127.0.0.1']}},
      ...options,
    });
    for (const file of files) this.fake.files.put(file.path, file.bytes, {mode: file.mode});
    this.fake.files.putDirectory('/home/rip');
  }

  get configPath(): string {
    return `${this.folder}/${this.role}.conf`;
  }

  text(name: string): string {
    return this.fake.files.text(`${this.folder}/${name}`) ?? '';
  }

  put(name: string, data: string | Uint8Array, mode = 0o600): void {
    this.fake.files.put(name.startsWith('/') ? name : `${this.folder}/${name}`, data, {mode});
  }

  remove(name: string): Promise<void> {
    return this.fake.files.remove(`${this.folder}/${name}`, {recursive: true});
  }

  /** Changes a line of the configuration, adds it, or takes it away. */
  set(key: string, value: string | undefined): void {
    const name = `${this.role}.conf`;
    const kept = this.text(name)
      .split('\n')
      .filter((line) => !line.startsWith(`${key} =`));
    this.put(name, [...kept, ...(value === undefined ? [] : [`${key} = ${value}`]), ''].join('\n'));
  }

  async codes(options: {readonly online?: boolean} = {}): Promise<readonly string[]> {
    const {findings} = await diagnose({
      platform: {...this.fake.platform, ...this.changes},
      configPath: this.configPath,
      role: this.role,
      isOffline: options.online !== true,
      stateDirectory: (config) => config.get('plugin.choria.server.state_directory'),
    });
    return findings.map((item) => item.code);
  }
}
