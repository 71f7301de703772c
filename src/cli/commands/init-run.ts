/** Sets up an organisation or adds to it, and says what to run next. */
import {resolve} from 'node:path';
import {
  addMembers,
  type AddResult,
  createOrganisation,
  type CreateResult,
  memberFolder,
  type OrganisationSecurity,
  renewMembers,
  revokeMember,
} from '../../organisation/index.ts';
import type {Platform} from '../../lib/platform.ts';
import {CliError} from '../errors.ts';
import {inertLine} from '../render/inert.ts';
import type {CliContext, ParsedArguments} from '../types.ts';

export async function runInit(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const {platform} = context;
  const listen = text(parsed, 'listen');
  const users = texts(parsed.flags['user']);
  const collectives = texts(parsed.flags['collective']);
  const name = text(parsed, 'name');
  const result = await createOrganisation(platform, {
    directory: organisationDirectory(platform, parsed),
    broker: {
      host: checkedHost(parsed),
      port: checkedPort(parsed),
      ...(listen === '' ? {} : {listenAddress: listen}),
    },
    security: parsed.flags['x509'] === true ? 'x509' : 'jwt',
    nodes: texts(parsed.flags['node']).map((node) => ({name: node})),
    operators: users.length === 0 ? [defaultUser(platform)] : users,
    validityMs: Number(parsed.flags['validity']),
    force: parsed.flags['force'] === true,
    ...(name === '' ? {} : {name}),
    ...(collectives.length === 0 ? {} : {collectives}),
  });
  if (parsed.flags['json'] === true) writeJson(context, createdDocument(platform, result));
  else context.stdout.write(createdText(platform, result));
  return 0;
}

function checkedHost(parsed: ParsedArguments): string {
  const host = text(parsed, 'broker');
  const [, name, port] = /^([^:]+):(\d+)$/.exec(host) ?? [];
  if (name === undefined) return host;
  throw new CliError('ERR_CLI_VALUE', `--broker is ${JSON.stringify(host)}: expected --broker ${name} --port ${port}`);
}

/** Port 0 would be another one at each start, which nobody could find. */
function checkedPort(parsed: ParsedArguments): number {
  const port = Number(parsed.flags['port']);
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  throw new CliError('ERR_CLI_VALUE', `--port is ${String(parsed.flags['port'])}, expected 1 to 65535`);
}

export async function runInitNode(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const nodes = texts(parsed.arguments['name']).map((name) => ({name}));
  return add(context, parsed, {nodes});
}

export async function runInitUser(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const role = parsed.flags['role'] === 'operator' ? ('operator' as const) : ('reader' as const);
  return add(context, parsed, {users: [{name: text(parsed, 'name', 'arguments'), role}]});
}

async function add(
  context: CliContext,
  parsed: ParsedArguments,
  wanted: Pick<Parameters<typeof addMembers>[1], 'nodes' | 'users'>,
): Promise<number> {
  const {platform} = context;
  const target = text(parsed, 'target');
  const result = await addMembers(platform, {
    ...wanted,
    directory: organisationDirectory(platform, parsed),
    validityMs: Number(parsed.flags['validity']),
    force: parsed.flags['force'] === true,
    ...(target === '' ? {} : {target: resolve(platform.host.workingDirectory, target)}),
  });
  if (parsed.flags['json'] === true) writeJson(context, addedDocument(result));
  else context.stdout.write(addedText(platform, {result, target}));
  return 0;
}

export async function runInitRenew(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const {platform} = context;
  const members = await renewMembers(platform, {
    directory: organisationDirectory(platform, parsed),
    names: texts(parsed.arguments['name']),
    withinMs: Number(parsed.flags['within']),
    validityMs: Number(parsed.flags['validity']),
  });
  if (parsed.flags['json'] === true) {
    writeJson(context, {
      renewed: members.map((member) => ({...member, expiresAtMs: undefined, expires: date(member.expiresAtMs)})),
    });
    return 0;
  }
  if (members.length === 0) context.stdout.write('Nothing ends within that time\n');
  for (const member of members) {
    const {name, directory, expiresAtMs} = member;
    context.stdout.write(`Renewed ${name} until ${day(expiresAtMs)}: ${inertLine(directory)}\n`);
  }
  if (members.length > 0) {
    context.stdout.write(
      'Copy what is new to where each member runs: certificate.pem or token.jwt; the keys are the same\n',
    );
  }
  return 0;
}

export async function runInitRevoke(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const {platform, stdout} = context;
  const directory = organisationDirectory(platform, parsed);
  const {name, serials, written} = await revokeMember(platform, {directory, name: text(parsed, 'name', 'arguments')});
  if (parsed.flags['json'] === true) {
    writeJson(context, {name, serials, written});
    return 0;
  }
  const what = serials.length === 0 ? 'had been revoked before' : `is revoked: ${count(serials.length, 'credential')}`;
  stdout.write(`${name} ${what}\n`);
  stdout.write(
    `A broker that runs here cuts its connections within a second; copy this to the folders of brokers and nodes on other machines:\n`,
  );
  const lists = written.filter((path) => path.startsWith(`${directory}/authority/`));
  for (const path of lists) stdout.write(`  ${inertLine(path)}\n`);
  return 0;
}

export function organisationDirectory(platform: Platform, parsed: ParsedArguments): string {
  return resolve(platform.host.workingDirectory, text(parsed, 'directory'));
}

function defaultUser(platform: Platform): string {
  const user = platform.env[platform.host.platform === 'win32' ? 'USERNAME' : 'USER'] ?? '';
  if (user !== '') return user;
  if (platform.host.uid === 0) return 'root';
  throw new CliError(
    'ERR_CLI_VALUE',
    'cannot tell who is running this: the variable USER is not set, expected --user NAME',
  );
}

function text(parsed: ParsedArguments, name: string, from: 'flags' | 'arguments' = 'flags'): string {
  const value = parsed[from][name];
  return typeof value === 'string' ? value : '';
}

function texts(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  return Array.isArray(value) ? value.map(String) : [];
}

function writeJson(context: CliContext, document: unknown): void {
  context.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
}

export function date(atMs: number): string {
  return new Date(atMs).toISOString();
}

export function day(atMs: number): string {
  return date(atMs).slice(0, 10);
}

/** A word of a shell's command line. */
function word(value: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`;
}

interface NextSteps {
  readonly broker: string;
  readonly nodes: readonly string[];
  readonly requests: readonly string[];
  readonly provisioner: string;
}

function nextSteps(platform: Platform, {organisation, nodes, users}: CreateResult): NextSteps {
  const config = (folder: string, name: string): string => word(`${organisation.directory}/${folder}/${name}`);
  const user = users[0] ?? '';
  const client = `--config ${config(memberFolder('user', user), 'client.conf')}`;
  const who = whoIs(platform, {name: user, security: organisation.security});
  return {
    broker: `choria broker run --config ${config('broker', 'broker.conf')}`,
    nodes: nodes.map((node) => `choria server run --config ${config(memberFolder('node', node), 'server.conf')}`),
    requests: [`${who}choria ping ${client}`, `${who}choria req rpcutil ping ${client}`],
    provisioner: `choria provisioner run --config ${config('provisioning', 'provisioner.yaml')} --choria-config ${config('provisioning', 'provisioner.conf')}`,
  };
}

/** The name that a client takes by itself is that of the user of the system; any other has to be said. */
function whoIs(
  platform: Platform,
  {name: certname, security}: {readonly name: string; readonly security: OrganisationSecurity},
): string {
  // A token says itself who it is.
  if (security === 'jwt') return '';
  const own = platform.env['MCOLLECTIVE_CERTNAME'] ?? '';
  const {uid} = platform.host;
  // For root the configuration says it.
  const automatic = own === '' ? (uid === 0 ? certname : `${platform.env['USER'] ?? ''}.mcollective`) : own;
  return automatic === certname ? '' : `MCOLLECTIVE_CERTNAME=${certname} `;
}

function createdDocument(platform: Platform, result: CreateResult): unknown {
  const {organisation, users, nodes, replaced} = result;
  const steps = nextSteps(platform, result);
  return {
    directory: organisation.directory,
    name: organisation.name,
    security: organisation.security,
    broker: organisation.broker,
    collectives: organisation.collectives,
    users,
    nodes,
    ...(replaced === undefined ? {} : {replaced}),
    next: [steps.broker, ...steps.nodes, ...steps.requests],
    provisioning: {token: `${organisation.directory}/provisioning/provisioning.jwt`, run: steps.provisioner},
  };
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? '' : 's'}`;
}

function createdText(platform: Platform, result: CreateResult): string {
  const {organisation, users, nodes, replaced} = result;
  const {directory, name, broker} = organisation;
  const steps = nextSteps(platform, result);
  const lines = [
    `${inertLine(name)} is set up in ${inertLine(directory)}: a broker at ${broker.host}:${broker.port}, ${count(users.length, 'user')}, ${count(nodes.length, 'node')}`,
    ...(replaced === undefined ? [] : [`What was there before is in ${inertLine(replaced)}`]),
    `Keep ${inertLine(directory)}/authority to yourself: with its key anybody can join`,
    '',
    ...(nodes.length === 0
      ? [`Make a node first: choria init node NAME --directory ${word(directory)}`]
      : [
          'Each folder below nodes, users and broker is all that its program needs. On this machine, each in a terminal of its own:',
        ]),
    '',
    ...[steps.broker, ...steps.nodes].map((line) => `  ${line}`),
    '',
    'And then:',
    '',
    ...steps.requests.map((line) => `  ${line}`),
    '',
    `Machines that join by themselves: put ${inertLine(directory)}/provisioning/provisioning.jwt on their image as /etc/choria/provisioning.jwt, and run here:`,
    '',
    `  ${steps.provisioner}`,
  ];
  return `${lines.join('\n')}\n`;
}

function addedDocument(result: AddResult): unknown {
  return {
    members: result.members.map((member) => ({...member, expiresAtMs: undefined, expires: date(member.expiresAtMs)})),
    updated: result.updatedPolicies,
  };
}

function addedText(platform: Platform, options: {readonly result: AddResult; readonly target: string}): string {
  const {result, target} = options;
  const lines: string[] = [];
  for (const member of result.members) {
    lines.push(
      `${member.name} has its files in ${inertLine(member.directory)}, valid until ${day(member.expiresAtMs)}`,
    );
    if (member.replaced !== undefined) lines.push(`What was there before is in ${inertLine(member.replaced)}`);
  }
  if (result.updatedPolicies.length > 0) {
    lines.push(
      `Told to ${count(result.updatedPolicies.length, 'node')} here; copy policies/groups to nodes on other machines:`,
    );
    lines.push(...result.updatedPolicies.map((path) => `  ${inertLine(path)}`));
  }
  lines.push('', target === '' ? 'Run:' : `Copy each folder to ${target} on its machine, and run there:`, '');
  for (const member of result.members) {
    const place = target === '' ? member.directory : resolve(platform.host.workingDirectory, target);
    lines.push(
      member.kind === 'node'
        ? `  choria server run --config ${word(`${place}/server.conf`)}`
        : `  ${whoIs(platform, {name: member.name, security: result.organisation.security})}choria ping --config ${word(`${place}/client.conf`)}`,
    );
  }
  return `${lines.join('\n')}\n`;
}
