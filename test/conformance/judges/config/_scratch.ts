/** A temporary root with files, and the real platform as a process started in it would see it. */
import {mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {hostname, tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {createNodePlatform} from '../../../../src/lib/node-platform.ts';
import type {Platform} from '../../../../src/lib/platform.ts';

export interface Scratch {
  readonly root: string;
  /** `{ROOT}` becomes the root in every text of the value. */
  withRoot<T>(value: T): T;
  /** The root becomes `{ROOT}` and the host's name `{HOST}`. */
  withoutRoot(text: string): string;
  remove(): void;
}

export function createScratch(files: Readonly<Record<string, string>>): Scratch {
  const root = mkdtempSync(join(tmpdir(), 'choria-config-'));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), {recursive: true});
    writeFileSync(join(root, path), text.replaceAll('{ROOT}', root));
  }
  return {
    root,
    withRoot: <T>(value: T): T => JSON.parse(JSON.stringify(value).replaceAll('{ROOT}', root)) as T,
    withoutRoot: (text) => text.replaceAll(root, '{ROOT}').replaceAll(hostname(), '{HOST}'),
    remove: () => rmSync(root, {recursive: true, force: true}),
  };
}

/** A platform whose environment is exactly `env`, started in `cwd`, as user 0. */
export function platformIn(cwd: string, env: Readonly<Record<string, string>>): Platform {
  const real = createNodePlatform();
  const home = env['HOME'];
  const unknown = (): Promise<never> => Promise.reject(Object.assign(new Error('ENOTFOUND'), {code: 'ENOTFOUND'}));
  return {
    ...real,
    env,
    // `{HOST}` is the host's own name, whatever a name server here would call it.
    names: {resolveSrv: unknown, lookup: unknown, reverse: unknown},
    host: {
      hostname: real.host.hostname,
      uid: 0,
      pid: real.host.pid,
      platform: real.host.platform,
      arch: real.host.arch,
      homeDirectory: home === '' ? undefined : home,
      workingDirectory: cwd,
      tempDirectory: real.host.tempDirectory,
      cpuCount: real.host.cpuCount,
      self: real.host.self,
    },
  };
}
