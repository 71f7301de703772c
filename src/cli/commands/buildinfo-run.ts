/** Shows what this build is made of and what it does unless it is told otherwise. */
import {createRequire} from 'node:module';
import {createDataPlugins} from '../../agents/index.ts';
import {defaultBrokerLimits, embeddedNatsVersion} from '../../broker/index.ts';
import {defaultConfig} from '../../config/index.ts';
import {protocolNames} from '../../protocol/index.ts';
import type {CliContext, ParsedArguments} from '../types.ts';
import {build} from '../../lib/version.ts';
import {version} from '../version.ts';

interface PackageManifest {
  readonly license?: string;
  /** Written by the package manager when a checkout is packed. */
  readonly gitHead?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

type Rows = readonly (readonly [string, string])[];

/** The labels of a block end in one column, two behind the margin. */
function block(title: string, rows: Rows): string {
  const width = Math.max(...rows.map(([label]) => label.length)) + 2;
  return `${title}:\n\n${rows.map(([label, value]) => `${label.padStart(width)}: ${value}\n`).join('')}\n`;
}

function list(title: string, lines: readonly string[]): string {
  return `${title}:\n\n${lines.map((line) => `  ${line}\n`).join('')}\n`;
}

function capitalised(name: string): string {
  return name.slice(0, 1).toUpperCase() + name.slice(1);
}

export async function runBuildinfo(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const manifest = createRequire(import.meta.url)('choria/package.json') as PackageManifest;
  const config = await defaultConfig({platform: context.platform, mode: 'user'});
  const out = [
    'Choria build settings:\n\n',
    block('Build Data', [
      ['Version', version],
      ['Git SHA', manifest.gitHead ?? build.commit],
      ['Commit Date', build.date],
      ['License', manifest.license ?? 'unknown'],
      ['Node Version', process.versions.node],
      ['Platform', `${process.platform}/${process.arch}`],
    ]),
    block('Protocol Defaults and Settings', [
      ['Default Collectives', config.get('collectives').join(', ')],
      ['Client Identity Suffix', 'mcollective'],
      ['Protocols', `${protocolNames[1].transport}, ${protocolNames[2].transport}`],
    ]),
    block('Network Broker Settings', [
      ['Maximum Network Clients', String(defaultBrokerLimits.connectionsMax)],
      ['Embedded NATS Server Version', embeddedNatsVersion],
      ['Engines', 'embedded, nats-server'],
    ]),
    block('Server Settings', [
      ['Provisioning Target Resolver', 'Choria JWT Resolver'],
      ['Supports Provisioning', 'true'],
    ]),
    block('Security Defaults', [
      ['TLS', 'true'],
      ['x509 Security', 'true'],
      ['Security Providers', 'puppet, file, choria'],
    ]),
    list('Agent Providers', [
      `External MCollective Agent Compatibility version ${version}`,
      `TypeScript Agents version ${version}`,
      `Ruby MCollective Agent Compatibility version ${version}`,
    ]),
    list(
      'Data Providers',
      createDataPlugins({version})
        .names()
        .map((name) => `${capitalised(name)} Data version ${version}`),
    ),
  ];
  if (parsed.flags['dependencies'] === true) {
    const found = Object.entries(manifest.dependencies ?? {});
    out.push(`Dependencies:\n\n${found.map(([name, wanted]) => `    ${name}: ${wanted}\n`).join('')}\n`);
  }
  context.stdout.write(out.join(''));
  return 0;
}
