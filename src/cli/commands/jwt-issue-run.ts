/** `choria jwt client`, `server` and `provisioning`: make tokens. */
import {issueToken} from '../../crypto/index.ts';
import {CliError} from '../errors.ts';
import {inputFileBytesMax} from '../limits.ts';
import {askText} from '../prompt.ts';
import type {CliContext, ParsedArguments} from '../types.ts';
import {requireFile} from './existing.ts';
import {listFlag, readPublicHex, readSigner, saveToken, textArgument, textFlag} from './jwt-files.ts';

/** Only what is given becomes part of a token. */
function given(name: string, value: readonly string[] | string): Readonly<Record<string, unknown>> {
  return value.length === 0 ? {} : {[name]: value};
}

/** Permissions that are granted, in the order of the list. */
function permissions(entries: readonly (readonly [string, boolean])[]): Readonly<Record<string, true>> {
  return Object.fromEntries(entries.filter(([, isGranted]) => isGranted).map(([name]): [string, true] => [name, true]));
}

function validity(parsed: ParsedArguments): number {
  const value = parsed.flags['validity'];
  return typeof value === 'number' ? value : 0;
}

export async function runJwtClient(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const {clock, random} = context.platform;
  const has = (name: string): boolean => parsed.flags[name] === true;
  const isIssuer = has('issuer');
  const isSigned = has('signed-fleet-management') && !isIssuer;
  const isProvisioner = has('server-provisioner');
  const policyFile = textFlag(parsed, 'opa-file');
  if (policyFile !== '') await requireFile(context.platform.files, policyFile);
  return saveToken(context, textArgument(parsed, 'file'), async () => {
    const policy = await policyText(context, parsed);
    const publicKey = textFlag(parsed, 'public-key');
    return issueToken(
      {
        callerid: textArgument(parsed, 'identity'),
        ...given('agents', listFlag(parsed, 'agents')),
        ou: textFlag(parsed, 'org'),
        ...given('opa_policy', policy),
        permissions: permissions([
          ['streams_admin', has('stream-admin')],
          ['streams_user', has('stream-user')],
          ['events_viewer', has('event-viewer')],
          ['election_user', has('elections-user')],
          ['system_user', has('system')],
          ['governor', has('governor')],
          ['org_admin', has('org-admin')],
          ['fleet_management', isSigned || isProvisioner || (has('fleet-management') && !isIssuer)],
          ['signed_fleet_management', isSigned],
          ['service', has('service')],
          ['authentication_delegator', has('auth-delegation') && !isIssuer],
          ['provisioner', isProvisioner],
        ]),
        ...given('pub_subjects', listFlag(parsed, 'publish')),
        ...given('sub_subjects', listFlag(parsed, 'subscribe')),
      },
      {
        purpose: 'choria_client_id',
        signer: await readSigner(context, parsed),
        nowMs: clock.nowMs(),
        validityMs: validity(parsed),
        random,
        isChainIssuer: isIssuer,
        ...(publicKey === '' ? {} : {publicKey: await readPublicHex(context, publicKey)}),
      },
    );
  });
}

async function policyText(context: CliContext, parsed: ParsedArguments): Promise<string> {
  const path = textFlag(parsed, 'opa-file');
  const text = textFlag(parsed, 'opa');
  if (path === '') return text;
  if (text !== '') throw new Error('--opa and --opa-file are both given, expected one of them');
  return (await context.platform.files.read(path, {limitBytes: inputFileBytesMax})).toString('utf8');
}

export async function runJwtServer(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const {clock, random} = context.platform;
  const has = (name: string): boolean => parsed.flags[name] === true;
  return saveToken(context, textArgument(parsed, 'file'), async () => {
    if (has('governor') && !has('stream-user')) throw new Error('--governor requires --stream-user');
    return issueToken(
      {
        identity: textArgument(parsed, 'identity'),
        collectives: listFlag(parsed, 'collectives'),
        permissions: permissions([
          ['submission', has('submission')],
          ['streams', has('stream-user')],
          ['governor', has('governor')],
          ['service_host', has('service')],
        ]),
        ou: textFlag(parsed, 'org'),
        ...given('pub_subjects', listFlag(parsed, 'subjects')),
      },
      {
        purpose: 'choria_server',
        signer: await readSigner(context, parsed),
        nowMs: clock.nowMs(),
        validityMs: validity(parsed),
        random,
        publicKey: await readPublicHex(context, textArgument(parsed, 'public-key')),
      },
    );
  });
}

export async function runJwtProvisioning(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const {clock, random} = context.platform;
  const has = (name: string): boolean => parsed.flags[name] === true;
  const urls = listFlag(parsed, 'urls');
  const domain = textFlag(parsed, 'srv');
  if (urls.length === 0 && domain === '') {
    throw new CliError(
      'ERR_CLI_FAILED',
      'could not create token: URLs or a SRV Domain is required: expected --urls or --srv',
    );
  }
  const secret = textFlag(parsed, 'token') || (await askText(context, 'Provisioning Token', {isSecret: true}));
  return saveToken(context, textArgument(parsed, 'file'), async () =>
    issueToken(
      {
        cht: secret,
        chs: parsed.flags['insecure'] === false,
        ...given('chu', urls.join(',')),
        ...given('chsrv', domain),
        chpd: has('default'),
        ...given('chrd', textFlag(parsed, 'registration')),
        ...given('chf', textFlag(parsed, 'facts')),
        ...given('chusr', textFlag(parsed, 'username')),
        ...given('chpwd', textFlag(parsed, 'password')),
        extensions: extensionsOf(textFlag(parsed, 'extensions')),
        ou: textFlag(parsed, 'org'),
        ...(has('protocol-v2') ? {v2: true} : {}),
        ...(has('upgrade') || has('update') ? {update: true} : {}),
      },
      {
        purpose: 'choria_provisioning',
        signer: await readSigner(context, parsed),
        nowMs: clock.nowMs(),
        validityMs: validity(parsed),
        random,
      },
    ),
  );
}

function extensionsOf(text: string): unknown {
  if (text === '') return null;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new Error('--extensions is not JSON, expected an object such as {"site":"lon"}', {cause});
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  throw new Error('--extensions is not a JSON object, expected one such as {"site":"lon"}');
}
