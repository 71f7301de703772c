/** The folders and certificates of the lab that the command line's transcripts were taken in (`vectors/cli/README.md`). */
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import {tmpdir} from 'node:os';
import {join, relative} from 'node:path';
import {generateKey, issueCertificate, issueCertificateAuthority} from '../../src/crypto/index.ts';
import {createNodePlatform} from '../../src/lib/node-platform.ts';
import type {Mount} from './mounts.ts';

export interface Scratch {
  readonly mount: Mount;
  /** Every small file in it, by its path as the program sees it. */
  texts(): ReadonlyMap<string, string>;
  remove(): void;
}

export interface LabFiles {
  /** A private temporary folder that holds the others. */
  readonly root: string;
  readonly lab: string;
  readonly home: string;
  /** A fresh `/scratch` with what the transcripts found there. */
  newScratch(): Scratch;
  /** `dev1` to `dev5`: the folders with a server's configuration. */
  nodeNames(): readonly string[];
  readonly mounts: readonly Mount[];
  remove(): void;
}

function makeWritable(directory: string): void {
  chmodSync(directory, 0o755);
  for (const entry of readdirSync(directory, {withFileTypes: true})) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) makeWritable(path);
    else chmodSync(path, statSync(path).mode | 0o200);
  }
}

function readTexts(directory: string): ReadonlyMap<string, string> {
  const files = readdirSync(directory, {withFileTypes: true, recursive: true}).filter((entry) => entry.isFile());
  return new Map(
    files.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [`/scratch/${relative(directory, path)}`, readFileSync(path, 'utf8')] as const;
    }),
  );
}

/** Programs do not see our mounts: those that write to `/scratch` are told where it really is. Copies of vectors are no programs yet. */
function preparePrograms(directory: string, real: string): void {
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    const text = readFileSync(path, 'utf8');
    if (!text.startsWith('#!')) continue;
    writeFileSync(path, text.replaceAll('"/scratch/', `"${real}/`));
    chmodSync(path, 0o755);
  }
}

/** The names that `gencerts.sh` of the lab gives certificates to. */
function certificateNames(script: string): readonly string[] {
  const list = /^for n in (.+); do$/m.exec(script)?.[1];
  if (list === undefined)
    throw new Error('Cannot read the names of the certificates: no "for n in ...; do" in gencerts.sh');
  return list.trim().split(/ +/);
}

async function issueCertificates(directory: string, names: readonly string[]): Promise<void> {
  const {random, clock} = createNodePlatform();
  const nowMs = clock.nowMs();
  const authority = await issueCertificateAuthority({commonName: 'Choria Lab CA', nowMs, random, keyKind: 'rsa'});
  writeFileSync(join(directory, 'ca.pem'), authority.certificatePem);
  writeFileSync(join(directory, 'ca.key'), authority.keyPem, {mode: 0o600});
  // One key for all: making nine takes seconds, and no transcript depends on the keys being different.
  const {privateKeyPem: keyPem} = await generateKey('rsa');
  for (const commonName of names) {
    const issued = await issueCertificate({
      authority,
      commonName,
      nowMs,
      random,
      keyPem,
      dnsNames: [commonName, 'localhost'],
      ipAddresses: ['127.0.0.1'],
    });
    writeFileSync(join(directory, `${commonName}.pem`), issued.certificatePem);
    writeFileSync(join(directory, `${commonName}.key`), issued.keyPem, {mode: 0o600});
  }
}

/** @param vectorsDirectory the folder that holds `cli/lab` */
export async function createLabFiles(vectorsDirectory: string): Promise<LabFiles> {
  const root = mkdtempSync(join(tmpdir(), 'choria-lab-'));
  const [lab, home] = [join(root, 'lab'), join(root, 'home')];
  // An agent whose files changed a moment ago is left to settle; these are old.
  cpSync(join(vectorsDirectory, 'cli', 'lab'), lab, {recursive: true, preserveTimestamps: true});
  makeWritable(lab);
  mkdirSync(join(lab, 'ssl'));
  mkdirSync(home);
  await issueCertificates(join(lab, 'ssl'), certificateNames(readFileSync(join(lab, 'gencerts.sh'), 'utf8')));
  // The embedded engine has no streams, and says so when asked for a store; no transcript of the fleet needs them.
  const brokerConfig = join(lab, 'broker', 'broker.conf');
  const withoutStreams = readFileSync(brokerConfig, 'utf8').replace(/^plugin\.choria\.network\.stream\..*\n/gm, '');
  writeFileSync(brokerConfig, withoutStreams);
  const clientConfig = readFileSync(join(lab, 'client', 'client.conf'), 'utf8');
  writeFileSync(join(home, '.choriarc'), clientConfig);
  const newScratch = (): Scratch => {
    const real = mkdtempSync(join(root, 'scratch-'));
    cpSync(join(lab, 'nodes'), join(real, 'nodes'), {recursive: true});
    preparePrograms(join(real, 'nodes'), real);
    writeFileSync(join(real, 'random.conf'), `${clientConfig}\nrpclimitmethod = random\n`);
    writeFileSync(join(real, 'nocolor.conf'), `${clientConfig}\ncolor = false\n`);
    return {
      mount: {virtual: '/scratch', real},
      texts: () => readTexts(real),
      remove: () => rmSync(real, {recursive: true, force: true}),
    };
  };
  return {
    root,
    lab,
    home,
    newScratch,
    nodeNames: () =>
      readdirSync(lab)
        .filter((name) => existsSync(join(lab, name, 'server.conf')))
        .sort(),
    mounts: [
      {virtual: '/lab', real: lab},
      {virtual: '/home/rip', real: home},
    ],
    remove: () => rmSync(root, {recursive: true, force: true}),
  };
}
