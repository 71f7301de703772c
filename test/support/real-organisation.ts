/** An organisation that `choria init` makes on disk, its broker in a process, and ways to break both and to mend them again. */
import {type ChildProcess, execFile, spawn} from 'node:child_process';
import {createPrivateKey, sign} from 'node:crypto';
import {once} from 'node:events';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import {connect} from 'node:net';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import type {DoctorRole} from '../../src/doctor/index.ts';
import {freePort} from './programs.ts';

export const nodeName = 'web1.example.net';

const launcher = join(import.meta.dirname, '..', '..', 'bin', 'choria.js');

export interface Answer {
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The built program, as its users start it. */
export function choria(args: readonly string[], options: RunOptions = {}): Promise<Answer> {
  const {env = {}, limit} = options;
  const [command = '', ...first] =
    limit === undefined
      ? [process.execPath, launcher]
      : ['/bin/sh', '-c', `${limit}; exec "$0" "$@"`, process.execPath, launcher];
  return new Promise((resolve) => {
    const child = execFile(
      command,
      [...first, ...args],
      {
        env: {
          PATH: process.env['PATH'],
          HOME: process.env['HOME'],
          TMPDIR: process.env['TMPDIR'],
          USER: 'rip',
          TZ: 'UTC',
          ...env,
        },
      },
      (_error, stdout, stderr) => resolve({exit: child.exitCode ?? -1, stdout, stderr}),
    );
  });
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** A command of the shell that goes before, such as `ulimit -n 1024`. */
  readonly limit?: string;
}

/** Whether somebody listens there. */
function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({host: '127.0.0.1', port});
    const done = (result: boolean): void => {
      socket.destroy();
      resolve(result);
    };
    socket.once('connect', () => done(true));
    socket.once('error', () => done(false));
  });
}

/** One folder of a member, which tests break and mend. */
export class Member {
  readonly role: DoctorRole;
  readonly folder: string;

  constructor(role: DoctorRole, folder: string) {
    this.role = role;
    this.folder = folder;
  }

  get config(): string {
    return join(this.folder, `${this.role}.conf`);
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  text(name: string): string {
    return readFileSync(this.path(name), 'utf8');
  }

  put(name: string, data: string | Uint8Array, mode = 0o600): void {
    const path = this.path(name);
    mkdirSync(dirname(path), {recursive: true, mode: 0o755});
    writeFileSync(path, data);
    // What was there keeps its mode when it is written, and the process has a mask of its own.
    chmodSync(path, mode);
  }

  remove(name: string): void {
    rmSync(this.path(name), {recursive: true, force: true});
  }

  /** Changes a line of the configuration, adds it, or takes it away. */
  set(key: string, value: string | undefined): void {
    const kept = readFileSync(this.config, 'utf8')
      .split('\n')
      .filter((line) => !line.startsWith(`${key} =`));
    writeFileSync(this.config, [...kept, ...(value === undefined ? [] : [`${key} = ${value}`]), ''].join('\n'));
  }

  /** Keeps the folder as it is; what it returns puts it back. */
  keep(): () => void {
    const copy = `${this.folder}.kept`;
    rmSync(copy, {recursive: true, force: true});
    cpSync(this.folder, copy, {recursive: true, preserveTimestamps: true});
    return () => {
      rmSync(this.folder, {recursive: true, force: true});
      renameSync(copy, this.folder);
    };
  }

  async codes(options: RunOptions = {}): Promise<readonly string[]> {
    const answer = await choria(['doctor', '--config', this.config, '--role', this.role, '--json'], options);
    const {findings} = JSON.parse(answer.stdout) as {readonly findings: readonly {readonly code: string}[]};
    return findings.map(({code}) => code);
  }
}

export class RealOrganisation {
  readonly root: string;
  readonly security: 'tokens' | 'certificates';
  port = 0;
  readonly client: Member;
  readonly server: Member;
  /** A copy that no process uses. */
  readonly broker: Member;
  private readonly running: ChildProcess[] = [];

  private constructor(root: string, security: 'tokens' | 'certificates') {
    this.root = root;
    this.security = security;
    const user = security === 'tokens' ? 'rip' : 'rip.mcollective';
    this.client = new Member('client', join(root, 'acme', 'users', user));
    this.server = new Member('server', join(root, 'acme', 'nodes', nodeName));
    this.broker = new Member('broker', join(root, 'broker'));
  }

  static async create(security: 'tokens' | 'certificates'): Promise<RealOrganisation> {
    const made = new RealOrganisation(mkdtempSync(join(tmpdir(), 'choria-doctor-')), security);
    const flags = security === 'tokens' ? [] : ['--x509'];
    const {exit, stderr} = await choria([
      'init',
      ...flags,
      '--directory',
      made.path(),
      '--broker',
      'localhost',
      '--listen',
      '127.0.0.1',
      '--node',
      nodeName,
      '--user',
      'rip',
    ]);
    if (exit !== 0) throw new Error(`choria init ended with ${exit}: ${stderr}`);
    made.port = await made.startBroker('broker-main');
    for (const member of [made.client, made.server])
      member.set('plugin.choria.middleware_hosts', `localhost:${made.port}`);
    made.copyBroker('broker').set('plugin.choria.network.client_port', String(made.port));
    return made;
  }

  path(name = ''): string {
    return join(this.root, 'acme', name);
  }

  text(name: string): string {
    return readFileSync(this.path(name), 'utf8');
  }

  private copyBroker(name: string): Member {
    const folder = join(this.root, name);
    cpSync(this.path('broker'), folder, {recursive: true});
    const member = new Member('broker', folder);
    writeFileSync(member.config, readFileSync(member.config, 'utf8').replaceAll(this.path('broker'), folder), {
      mode: 0o600,
    });
    return member;
  }

  /** A broker of this organisation in a process of its own, changed in some way; resolves with its port when it listens. */
  async startBroker(name: string, change: (broker: Member) => void | Promise<void> = () => undefined): Promise<number> {
    const member = this.copyBroker(name);
    // A port that was free a moment ago may be somebody's by now: then the broker ends and another is tried.
    for (let attempt = 0; attempt < 5; attempt += 1) {
      await change(member);
      const port = await freePort();
      member.set('plugin.choria.network.client_port', String(port));
      const child = spawn(process.execPath, [launcher, 'broker', 'run', '--config', member.config], {
        stdio: ['ignore', 'ignore', 'ignore'],
      });
      this.running.push(child);
      while (child.exitCode === null && child.signalCode === null) {
        if (await answers(port)) return port;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
    throw new Error(`Cannot start the broker of ${member.folder}`);
  }

  /** A token like the member's own, with other claims, signed by the issuer of this organisation or by another key. */
  reissueToken(
    member: Member,
    claims: Readonly<Record<string, unknown>>,
    seed = this.text('authority/issuer.seed'),
  ): void {
    const [header = '', payload = ''] = member.text('token.jwt').split('.');
    const known = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>;
    const body = `${header}.${Buffer.from(JSON.stringify({...known, ...claims})).toString('base64url')}`;
    // The fixed beginning of an ed25519 key in PKCS #8.
    const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.from(seed, 'hex')]);
    const signature = sign(null, Buffer.from(body), createPrivateKey({key: der, format: 'der', type: 'pkcs8'}));
    member.put('token.jwt', `${body}.${signature.toString('base64url')}`);
  }

  async stop(): Promise<void> {
    for (const child of this.running) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    if (existsSync(this.root)) rmSync(this.root, {recursive: true, force: true});
  }
}
