/** Sets up a new organisation: authority, broker, nodes and users, in one folder that appears whole or not at all. */
import {basename, join, resolve} from 'node:path';
import {ed25519PublicFromSeed, issueCertificateAuthority} from '../crypto/index.ts';
import type {Platform} from '../lib/platform.ts';
import {OrganisationError} from './errors.ts';
import {type Authority, issueMember, type IssuedMember, seedBytes} from './issue.ts';
import {
  authorityCertificate,
  authorityKey,
  issuerSeed as issuerSeedPath,
  manifestName,
  memberFolder,
  privateMode,
  publicMode,
  revocationListFile,
  revokedFile,
} from './layout.ts';
import {organisationLimits} from './limits.ts';
import {
  checkCollective,
  checkDirectory,
  checkHostName,
  checkNotShared,
  checkOrganisationName,
  userNameFor,
  callerIdOf,
} from './names.ts';
import {planMember, under} from './plan.ts';
import type {RoleMember} from './policies.ts';
import {makeProvisioningSecrets, planProvisioning, provisionerName} from './provisioning.ts';
import {manifestText, recordFile} from './records.ts';
import {revocationListPem, revocationText} from './revocations.ts';
import {placeFolder} from './staging.ts';
import type {BrokerAddress, Organisation, OrganisationSecurity, PlannedFile} from './types.ts';

export interface NewNode {
  readonly name: string;
  /** Instead of a fact that names the organisation. */
  readonly facts?: Readonly<Record<string, unknown>>;
  readonly classes?: readonly string[];
}

export interface CreateOptions {
  readonly directory: string;
  /** Default: the folder's name. */
  readonly name?: string;
  readonly broker: BrokerAddress;
  /** Default `x509`. */
  readonly security?: OrganisationSecurity;
  /** Default `mcollective`. */
  readonly collectives?: readonly string[];
  readonly nodes: readonly NewNode[];
  /** The first callers, who may do everything; with or without `.mcollective`. */
  readonly operators: readonly string[];
  readonly validityMs?: number;
  /** Moves a folder that is there aside. */
  readonly force?: boolean;
}

export interface CreateResult {
  readonly organisation: Organisation;
  /** Certificate names. */
  readonly users: readonly string[];
  readonly nodes: readonly string[];
  /** Where the folder that was there before is now. */
  readonly replaced?: string;
}

export type OrganisationPlatform = Pick<Platform, 'files' | 'clock' | 'random' | 'host'>;

/**
 * @throws {OrganisationError} `ERR_ORGANISATION_EXISTS` | `ERR_ORGANISATION_NAME` | `ERR_ORGANISATION_PATH` | `ERR_ORGANISATION_WRITE`
 * @example
 * const {organisation} = await createOrganisation(platform, {
 *   directory: 'acme',
 *   broker: {host: 'broker.example.net', port: 4222},
 *   nodes: [{name: 'web1.example.net'}],
 *   operators: ['rip'],
 * });
 */
export async function createOrganisation(
  platform: OrganisationPlatform,
  options: CreateOptions,
): Promise<CreateResult> {
  const security = options.security ?? 'x509';
  const issuerSeed = security === 'jwt' ? platform.random.bytes(seedBytes) : undefined;
  const organisation = describe(platform, {...options, security, issuerSeed});
  const {directory} = organisation;
  const users = [...new Set(options.operators.map((name) => userNameFor(security, name)))];
  const nodes = uniqueNodes(options.nodes);
  checkCount(users.length + nodes.length);
  checkNotShared(
    [
      ...users.map((name) => ({kind: 'user' as const, name})),
      ...nodes.map(({name}) => ({kind: 'node' as const, name})),
    ],
    [{kind: 'provisioner', name: provisionerName}],
  );
  checkValidity(options.validityMs);
  const nowMs = platform.clock.nowMs();
  const root = await issueCertificateAuthority({
    commonName: `${organisation.name} authority`,
    nowMs,
    random: platform.random,
    keyKind: 'ec',
    validityMs: organisationLimits.authorityValidityMs,
  });
  const authority: Authority = {...root, ...(issuerSeed === undefined ? {} : {issuerSeed})};
  const validity = options.validityMs === undefined ? {} : {validityMs: options.validityMs};
  const issue = {authority, collectives: organisation.collectives, ...validity};
  const roles: readonly RoleMember[] = users.map((name) => ({callerId: callerIdOf(security, name), role: 'operator'}));
  const revocationList = revocationListPem([], {authority, security, nowMs});
  const brokerName = organisation.broker.host;
  const secrets = makeProvisioningSecrets(platform.random, issuerSeed);
  const provisioningKey = ed25519PublicFromSeed(secrets.seed).toString('hex');
  const [broker, provisioner, userMembers, nodeMembers] = await Promise.all([
    issueMember(platform, {...issue, kind: 'broker', name: brokerName}),
    issueMember(platform, {...issue, kind: 'provisioner', name: provisionerName}),
    Promise.all(users.map((name) => issueMember(platform, {...issue, kind: 'user', name, role: 'operator'}))),
    Promise.all(nodes.map((node) => issueMember(platform, {...issue, kind: 'node', name: node.name}))),
  ]);
  const planOne = (member: IssuedMember, node?: NewNode): readonly PlannedFile[] => {
    const folder = memberFolder(member.record.kind, member.record.name);
    const plan = planMember({
      organisation,
      member,
      caPem: authority.certificatePem,
      target: join(directory, folder),
      roles,
      revoked: [],
      revocationList,
      ...(member.record.kind === 'broker'
        ? {provisioning: {password: secrets.password, publicKey: provisioningKey}}
        : {}),
      ...(node?.facts === undefined ? {} : {facts: node.facts}),
      ...(node?.classes === undefined ? {} : {classes: node.classes}),
    });
    return [...under(folder, plan), recordFile(member.record)];
  };
  const plan: readonly PlannedFile[] = [
    {path: manifestName, text: manifestText(organisation), mode: publicMode},
    {path: authorityCertificate, text: authority.certificatePem, mode: publicMode},
    {path: authorityKey, text: authority.keyPem, mode: privateMode},
    ...(issuerSeed === undefined ? [] : [{path: issuerSeedPath, text: issuerSeed.toString('hex'), mode: privateMode}]),
    {path: revokedFile, text: revocationText([]), mode: publicMode},
    ...(revocationList === undefined ? [] : [{path: revocationListFile, text: revocationList, mode: publicMode}]),
    ...planOne(broker),
    recordFile(provisioner.record),
    ...(await planProvisioning({
      organisation,
      authority,
      secrets,
      provisioner,
      self: platform.host.self,
      nowMs,
      random: platform.random,
    })),
    ...userMembers.flatMap((member) => planOne(member)),
    ...nodeMembers.flatMap((member, index) => planOne(member, nodes[index])),
  ];
  const replaced = await placeFolder(platform, directory, {plan, replace: options.force === true});
  return {
    organisation,
    users,
    nodes: nodes.map((node) => node.name),
    ...(replaced === undefined ? {} : {replaced}),
  };
}

function describe(
  platform: OrganisationPlatform,
  options: CreateOptions & {readonly security: OrganisationSecurity; readonly issuerSeed: Buffer | undefined},
): Organisation {
  const directory = checkDirectory(resolve(platform.host.workingDirectory, options.directory));
  const collectives = (options.collectives ?? ['mcollective']).map(checkCollective);
  checkHostName('a broker', options.broker.host);
  const {port} = options.broker;
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new OrganisationError('ERR_ORGANISATION_NAME', `Cannot use port ${port} for the broker: expected 1 to 65535`);
  }
  return {
    directory,
    name: checkOrganisationName(options.name ?? basename(directory)),
    security: options.security,
    ...(options.issuerSeed === undefined ? {} : {issuer: ed25519PublicFromSeed(options.issuerSeed).toString('hex')}),
    broker: options.broker,
    collectives: collectives.length === 0 ? ['mcollective'] : [...new Set(collectives)],
    createdAtMs: platform.clock.nowMs(),
  };
}

export function uniqueNodes(nodes: readonly NewNode[]): readonly NewNode[] {
  const known = new Map<string, NewNode>();
  for (const node of nodes) known.set(checkHostName('a node', node.name), node);
  return [...known.values()];
}

export function checkCount(count: number): void {
  if (count <= organisationLimits.membersPerRunMax) return;
  throw new OrganisationError(
    'ERR_ORGANISATION_NAME',
    `Cannot make ${count} members at once: at most ${organisationLimits.membersPerRunMax} are made in one run`,
  );
}

export function checkValidity(validityMs: number | undefined): void {
  if (validityMs === undefined) return;
  const {memberValidityMsMin, authorityValidityMs} = organisationLimits;
  if (validityMs >= memberValidityMsMin && validityMs <= authorityValidityMs) return;
  throw new OrganisationError(
    'ERR_ORGANISATION_NAME',
    'Cannot issue certificates of that validity: expected one minute to ten years, such as 90d or 1y',
  );
}
