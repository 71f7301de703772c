/** Shows what this build is made of. */
import {createRequire} from 'node:module';
import type {CliContext, ParsedArguments} from '../types.ts';
import {version} from '../version.ts';

interface PackageManifest {
  readonly license?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

export interface BuildInformation {
  readonly version: string;
  readonly license: string;
  readonly nodeVersion: string;
  readonly platform: string;
  readonly dependencies: readonly {readonly name: string; readonly version: string}[];
}

export function readBuildInformation(): BuildInformation {
  const manifest = createRequire(import.meta.url)('choria/package.json') as PackageManifest;
  return {
    version,
    license: manifest.license ?? 'unknown',
    nodeVersion: process.versions.node,
    platform: `${process.platform}/${process.arch}`,
    dependencies: Object.entries(manifest.dependencies ?? {}).map(([name, found]) => ({name, version: found})),
  };
}

export async function runBuildinfo(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const build = readBuildInformation();
  const rows: readonly (readonly [string, string])[] = [
    ['Version', build.version],
    ['License', build.license],
    ['Node Version', build.nodeVersion],
    ['Platform', build.platform],
    ['Protocols', 'choria:transport:1, choria:request:1, choria:reply:1'],
    ['Security Providers', 'puppet, file'],
    ['Broker Engines', 'embedded'],
  ];
  let out = 'Choria build settings:\n\n';
  for (const [label, value] of rows) out += `${`${label}:`.padStart(22)} ${value}\n`;
  if (parsed.flags['dependencies'] === true) {
    out += '\nDependencies:\n\n';
    for (const item of build.dependencies) out += `    ${item.name}: ${item.version}\n`;
  }
  context.stdout.write(`${out}\n`);
  return Promise.resolve(0);
}
