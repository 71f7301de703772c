/** Plans the folder of one member: every file it needs to start. */
import {
  caName,
  certificateName,
  classesName,
  configurationText,
  factsName,
  keyName,
  provisioningKeyName,
  revocationListName,
  revokedName,
  seedName,
  stateFolder,
  tokenName,
} from './configuration.ts';
import type {IssuedMember} from './issue.ts';
import {configName, privateMode, publicMode} from './layout.ts';
import {planPolicies, type RoleMember} from './policies.ts';
import {revocationText} from './revocations.ts';
import type {Organisation, PlannedFile} from './types.ts';

export interface MemberPlanOptions {
  readonly organisation: Pick<Organisation, 'name' | 'broker' | 'collectives' | 'security' | 'issuer'>;
  readonly member: IssuedMember;
  readonly caPem: string;
  /** Where the folder will lie when the member's program runs. */
  readonly target: string;
  /** Everybody with a role; for nodes. */
  readonly roles: readonly RoleMember[];
  /** Lines of revocations; for brokers and nodes. */
  readonly revoked: readonly string[];
  /** The same as the authority's own list; where members have certificates. */
  readonly revocationList: string | undefined;
  /** For the broker: the password of the provisioning account, and the key that signs tokens of images, in hex. */
  readonly provisioning?: {readonly password: string; readonly publicKey: string};
  readonly facts?: Readonly<Record<string, unknown>>;
  readonly classes?: readonly string[];
}

/** Paths are below the member's folder. */
export function planMember(options: MemberPlanOptions): readonly PlannedFile[] {
  const {organisation, member, caPem, target, revocationList, provisioning} = options;
  const {kind, name} = member.record;
  return [
    {path: caName, text: caPem, mode: publicMode},
    ...planCredentials(member),
    {
      path: configName(kind),
      text: configurationText(kind, {
        organisation,
        name,
        target,
        ...(provisioning === undefined ? {} : {provisioningPassword: provisioning.password}),
      }),
      mode: privateMode,
    },
    ...(kind === 'user' ? [] : [{path: revokedName, text: revocationText(options.revoked), mode: publicMode}]),
    ...(kind === 'user' || revocationList === undefined
      ? []
      : [{path: revocationListName, text: revocationList, mode: publicMode}]),
    ...(provisioning === undefined || organisation.security === 'jwt'
      ? []
      : [{path: provisioningKeyName, text: provisioning.publicKey, mode: publicMode}]),
    ...(kind === 'node' ? planNode(options) : []),
  ];
}

/** What is secret is for its owner; a token is of no use without its seed, but nobody's business either. */
export function planCredentials({record, keyPem = '', token, seed}: IssuedMember): readonly PlannedFile[] {
  const {certificatePem} = record;
  return [
    ...(certificatePem === undefined ? [] : [{path: certificateName, text: certificatePem, mode: publicMode}]),
    ...(keyPem === '' ? [] : [{path: keyName, text: keyPem, mode: privateMode}]),
    ...(token === undefined ? [] : [{path: tokenName, text: token, mode: privateMode}]),
    ...(seed === undefined ? [] : [{path: seedName, text: seed, mode: privateMode}]),
  ];
}

function planNode({organisation, facts, classes = [], roles}: MemberPlanOptions): readonly PlannedFile[] {
  const explanation =
    '# Facts of this node, for filters such as -F country=mt. YAML or JSON; read again when it changes.\n';
  // JSON is YAML, and needs no quoting rules of its own.
  const entries = Object.entries(facts ?? {organisation: organisation.name});
  const factLines = entries.map(([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)}\n`);
  return [
    {path: factsName, text: `${explanation}${factLines.join('')}`, mode: publicMode},
    {path: classesName, text: classes.map((item) => `${item}\n`).join(''), mode: publicMode},
    {
      path: `${stateFolder}/README`,
      text: 'What the server of this node must not forget: the requests that it has run.\n',
      mode: publicMode,
    },
    ...planPolicies(roles),
  ];
}

/** The same files below `folder`. */
export function under(folder: string, plan: readonly PlannedFile[]): readonly PlannedFile[] {
  return plan.map((file) => ({...file, path: `${folder}/${file.path}`}));
}
