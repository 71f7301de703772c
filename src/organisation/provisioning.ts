/**
 * Provisioning, prepared: a token for images, and a provisioner with its own credentials and configuration. What a node becomes is in answer.ts.
 */
import {join} from 'node:path';
import {ed25519PublicFromSeed, issueToken, seedSigner} from '../crypto/index.ts';
import type {Platform} from '../lib/platform.ts';
import {brokerAddressText, caName, configurationText, issuerName} from './configuration.ts';
import {type Authority, type IssuedMember, seedBytes} from './issue.ts';
import {issuerSeed as issuerSeedPath, privateMode, provisioningFolder, provisioningSeed, publicMode} from './layout.ts';
import {organisationLimits} from './limits.ts';
import {planCredentials} from './plan.ts';
import type {Organisation, PlannedFile} from './types.ts';

export interface ProvisioningSecrets {
  /** Of the broker's provisioning account. */
  readonly password: string;
  /** What the provisioner and a waiting node share. */
  readonly token: string;
  /** Signs the tokens of images. */
  readonly seed: Uint8Array;
}

/** Where members have tokens the issuer signs those of images too: brokers know its key already. */
export function makeProvisioningSecrets(
  random: Pick<Platform['random'], 'bytes'>,
  issuer: Uint8Array | undefined,
): ProvisioningSecrets {
  return {
    password: random.bytes(24).toString('base64url'),
    token: random.bytes(24).toString('base64url'),
    seed: issuer ?? random.bytes(seedBytes),
  };
}

export interface ProvisioningPlan {
  readonly organisation: Organisation;
  readonly authority: Authority;
  readonly secrets: ProvisioningSecrets;
  readonly provisioner: IssuedMember;
  /** How this program is started. */
  readonly self: Platform['host']['self'];
  readonly nowMs: number;
  readonly random: Pick<Platform['random'], 'bytes'>;
}

/** Paths are below the organisation's folder. */
export async function planProvisioning(plan: ProvisioningPlan): Promise<readonly PlannedFile[]> {
  const {organisation, authority, secrets, provisioner, self} = plan;
  const {directory, security, broker} = organisation;
  const folder = join(directory, provisioningFolder);
  const publicKey = ed25519PublicFromSeed(secrets.seed).toString('hex');
  const isJwt = security === 'jwt';
  const token = await issueToken(
    {
      cht: secrets.token,
      chs: false,
      chu: `nats://${brokerAddressText(broker)}`,
      chpd: true,
      ou: issuerName,
      v2: isJwt,
    },
    {
      purpose: 'choria_provisioning',
      signer: seedSigner(secrets.seed),
      nowMs: plan.nowMs,
      validityMs: organisationLimits.memberValidityMs,
      random: plan.random,
    },
  );
  const helper = [self.command, ...self.args, 'init', 'answer', '--directory', directory].map(shellWord).join(' ');
  const settings = {
    helper,
    token: secrets.token,
    broker_provisioning_password: secrets.password,
    choria_insecure: true,
    jwt_verify_cert: publicKey,
    ...(isJwt ? {jwt_signing_key: join(directory, issuerSeedPath)} : {}),
    features: {jwt: true, ...(isJwt ? {ed25519: true} : {pki: true})},
  };
  const file = (name: string, text: string, mode = privateMode): PlannedFile => ({
    path: join(provisioningFolder, name),
    text,
    mode,
  });
  return [
    file('provisioning.jwt', token),
    // JSON is YAML.
    file(
      'provisioner.yaml',
      `# The provisioner of ${organisation.name}, written by choria init\n${JSON.stringify(settings, null, 2)}\n`,
    ),
    file('provisioner.conf', configurationText('provisioner', {organisation, name: provisionerName, target: folder})),
    file(caName, authority.certificatePem, publicMode),
    ...planCredentials(provisioner).map((item) => ({...item, path: join(provisioningFolder, item.path)})),
    ...(isJwt ? [] : [{path: provisioningSeed, text: Buffer.from(secrets.seed).toString('hex'), mode: privateMode}]),
  ];
}

export const provisionerName = 'provisioner';

function shellWord(text: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
