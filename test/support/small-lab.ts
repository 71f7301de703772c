/**
 * A fleet of three nodes of our own, in the shape that `lab.ts` starts, for tests that must not depend on the captured vectors.
 */
import {mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {type Lab, startLab} from './lab.ts';

const nodes = [
  {name: 'n1', country: 'mt', role: 'web'},
  {name: 'n2', country: 'mt', role: 'db'},
  {name: 'n3', country: 'de', role: 'web'},
] as const;

const collectives = 'collectives = mcollective,mt_collective\nmain_collective = mcollective\n';

function security(name: string): string {
  return [
    'plugin.security.provider = file',
    `plugin.security.file.certificate = /lab/ssl/${name}.pem`,
    `plugin.security.file.key = /lab/ssl/${name}.key`,
    'plugin.security.file.ca = /lab/ssl/ca.pem',
    'plugin.choria.use_srv = false',
    'plugin.choria.middleware_hosts = nats://127.0.0.1:20400',
    '',
  ].join('\n');
}

function labTexts(): Readonly<Record<string, string>> {
  const certificates = ['broker.example.net', 'rip.mcollective', ...nodes.map(({name}) => `${name}.example.net`)];
  const texts: Record<string, string> = {
    'gencerts.sh': `for n in ${certificates.join(' ')}; do\n`,
    'broker/broker.conf': [
      'identity = broker.example.net',
      'plugin.choria.broker_network = true',
      'plugin.choria.network.listen_address = 127.0.0.1',
      'plugin.choria.network.client_port = 20400',
      security('broker.example.net'),
    ].join('\n'),
    'client/client.conf': `${collectives}identity = client.example.net\nlibdir = /lab/lib\nloglevel = warn\n${security('rip.mcollective')}`,
    'client/classic.conf': `${collectives}identity = client.example.net\nlibdir = /lab/lib\nloglevel = warn\nplugin.choria.mco_style = classic\n${security('rip.mcollective')}`,
    'nodes/nodes.txt': 'n1.example.net\nn3.example.net\n',
  };
  for (const {name, ...facts} of nodes) {
    const identity = `${name}.example.net`;
    texts[`${name}/facts.json`] = JSON.stringify({...facts, os: {family: 'Debian'}});
    texts[`${name}/classes.txt`] = `settings\nroles::${facts.role}\n`;
    texts[`${name}/server.conf`] = [
      `identity = ${identity}`,
      collectives,
      'libdir = /lab/lib',
      `classesfile = /lab/${name}/classes.txt`,
      `plugin.yaml = /lab/${name}/facts.json`,
      'rpcauthorization = false',
      security(identity),
    ].join('\n');
  }
  return texts;
}

/** @example await using lab = await startSmallLab(); await lab.run({argv: ['choria', 'find']}); */
export async function startSmallLab(): Promise<Lab> {
  const directory = mkdtempSync(join(tmpdir(), 'choria-small-lab-'));
  try {
    for (const [path, text] of Object.entries(labTexts())) {
      const real = join(directory, 'cli', 'lab', path);
      mkdirSync(dirname(real), {recursive: true});
      writeFileSync(real, text);
    }
    return await startLab(directory);
  } finally {
    rmSync(directory, {recursive: true, force: true});
  }
}
