/** `choria jwt view`: what a token says, and whether a given key signed it. Secrets in it are not shown. */
import {createHash} from 'node:crypto';
import {isHexKey, readToken, type Token, type TokenPurpose, verifyToken} from '../../crypto/index.ts';
import {msToNs, renderDuration} from '../../lib/duration.ts';
import {errorMessage} from '../../lib/errors.ts';
import {CliError} from '../errors.ts';
import {inert, inertJson, inertLine} from '../render/inert.ts';
import type {CliContext, ParsedArguments} from '../types.ts';
import {requireFile} from './existing.ts';
import {readTokenFile, readVerificationKey, textArgument} from './jwt-files.ts';

type Row = readonly [label: string, value: string];

interface View {
  readonly heading: string;
  readonly width: number;
  readonly rows: readonly Row[];
  readonly permissions?: {readonly heading: string; readonly indent: number; readonly lines: readonly string[]};
  readonly after?: readonly Row[];
}

export async function runJwtView(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const path = textArgument(parsed, 'file');
  const publicKey = textArgument(parsed, 'public');
  const text = await readTokenFile(context, path);
  if (publicKey !== '' && !isHexKey(publicKey)) await requireFile(context.platform.files, publicKey);
  const nowMs = context.platform.clock.nowMs();
  let token: Token;
  try {
    token = readToken(text);
    if (publicKey !== '') {
      const key = await readVerificationKey(context, publicKey);
      token = verifyToken(text, {key, purpose: purposeOf(token), nowMs});
    }
  } catch (error) {
    throw new CliError('ERR_CLI_FAILED', `could not parse token: ${errorMessage(error)}`, {cause: error});
  }
  if (parsed.flags['json'] === true) {
    const claims = {...token.claims, ...maskedClaims(token)};
    context.stdout.write(`${inertJson(JSON.stringify(claims, null, 2))}\n`);
  } else {
    const title = publicKey === '' ? 'Unvalidated' : 'Validated';
    context.stdout.write(render(viewOf(token, nowMs), `${title} %s ${inertLine(path)}`));
  }
  return token.expiresAtMs !== undefined && token.expiresAtMs <= nowMs ? 1 : 0;
}

function purposeOf(token: Token): TokenPurpose {
  const {purpose} = token;
  if (purpose === 'choria_client_id' || purpose === 'choria_server' || purpose === 'choria_provisioning')
    return purpose;
  throw new Error(`do not know how to show ${JSON.stringify(purpose)} purpose token`);
}

function maskedClaims(token: Token): Readonly<Record<string, string>> {
  return Object.fromEntries(
    ['cht', 'chpwd'].filter((name) => Object.hasOwn(token.claims, name)).map((name) => [name, '*****']),
  );
}

function viewOf(token: Token, nowMs: number): View {
  const purpose = purposeOf(token);
  const expires: Row = ['Expires At', expiryText(token, nowMs)];
  if (purpose === 'choria_client_id') return clientView(token, expires);
  return purpose === 'choria_server' ? serverView(token, expires) : provisioningView(token, expires);
}

function clientView(token: Token, expires: Row): View {
  return {
    heading: 'Client Identification Token',
    width: 19,
    rows: [
      ['Caller ID', token.name],
      ['Organization Unit', textOf(token, 'ou')],
      ['Allowed Agents', listOf(token, 'agents')],
      ['Public Key', textOf(token, 'public_key')],
      ['Private Network ID', networkId(token.name)],
      expires,
      [' Subscriptions Subjects', listOf(token, 'sub_subjects')],
      ['Publish Subjects', listOf(token, 'pub_subjects')],
      ['Trust Chain', chainText(token)],
    ],
    permissions: {
      heading: ' Client Permissions:',
      indent: 6,
      lines: grantedLines(token, clientPermissions, 'No user specific permissions granted'),
    },
    after: [
      ['User Properties', jsonOf(token, 'user_properties')],
      ['OPA Policy', textOf(token, 'opa_policy')],
    ],
  };
}

function serverView(token: Token, expires: Row): View {
  return {
    heading: 'Server Token',
    width: 21,
    rows: [
      ['Identity', token.name],
      expires,
      ['Collectives', listOf(token, 'collectives')],
      ['Public Key', textOf(token, 'public_key')],
      ['Organization Unit', textOf(token, 'ou')],
      ['Additional Subjects', listOf(token, 'pub_subjects')],
      ['Private Network ID', networkId(token.name)],
      ['Trust Chain', chainText(token)],
    ],
    // A token without any claim of permissions says nothing about them.
    ...(token.claims['permissions'] === undefined || token.claims['permissions'] === null
      ? {}
      : {
          permissions: {
            heading: '   Broker Permissions:',
            indent: 10,
            lines: grantedLines(token, serverPermissions, 'No server specific permissions granted'),
          },
        }),
  };
}

function provisioningView(token: Token, expires: Row): View {
  const {claims} = token;
  const mask = (name: string): string => (textOf(token, name) === '' ? '' : '*****');
  const standard = ['purpose', 'tcs', 'public_key', 'issexp', 'iss', 'sub', 'exp', 'nbf', 'iat', 'jti'];
  const own = Object.fromEntries(
    standard.filter((name) => Object.hasOwn(claims, name)).map((name) => [name, claims[name]]),
  );
  return {
    heading: 'Provisioning Token',
    width: 30,
    rows: [
      expires,
      ['Token', mask('cht')],
      ['Secure', String(claims['chs'] === true)],
      ['SRV Domain', textOf(token, 'chsrv')],
      ['URLS', textOf(token, 'chu')],
      ['Provisioning by default', String(claims['chpd'] === true)],
      ['Provisioning Registration Data', textOf(token, 'chrd')],
      ['Provisioning Facts', textOf(token, 'chf')],
      ['Broker Username', textOf(token, 'chusr')],
      ['Broker Password', mask('chpwd')],
      ['Using version 2 Protocol', claims['v2'] === true ? 'true' : ''],
      ['Server Version Upgrades', String(claims['update'] === true)],
      ['Extensions', jsonOf(token, 'extensions')],
      ['Standard Claims', JSON.stringify(own, null, 2)],
    ],
  };
}

function render(view: View, heading: string): string {
  const lines = [heading.replace('%s', view.heading), '', ...view.rows.flatMap((row) => rowLines(row, view.width))];
  if (view.permissions !== undefined) {
    const {heading: title, indent, lines: granted} = view.permissions;
    lines.push('', title, '', ...granted.map((line) => `${' '.repeat(indent)}${line}`), '');
  }
  lines.push(...(view.after ?? []).flatMap((row) => rowLines(row, view.width)));
  return `${lines.join('\n')}\n`;
}

/** A value of several lines stands below itself; an empty one is left out. */
function rowLines([label, value]: Row, width: number): readonly string[] {
  if (value === '') return [];
  const [first = '', ...rest] = inert(value).split('\n');
  return [`${label.padStart(width)}: ${first}`, ...rest.map((line) => `${' '.repeat(width + 2)}${line}`)];
}

const clientPermissions: readonly (readonly [string, string])[] = [
  ['fleet_management', 'Can manage Choria fleet nodes'],
  ['election_user', 'Can use Leader Elections'],
  ['events_viewer', 'Can view Lifecycle and Autonomous Agent events'],
  ['streams_user', 'Can use Choria Streams'],
  ['streams_admin', 'Can administer Choria Streams'],
  ['governor', 'Can access Choria Governors'],
  ['org_admin', 'Can access all broker traffic of the organization'],
  ['system_user', 'Can access the Broker system account'],
  ['authentication_delegator', 'Can sign requests for other users'],
  ['service', 'Can have an extended token lifetime'],
  ['provisioner', 'Can provision servers'],
];

/** In place of the plain word where requests need another signature. */
const signedFleetManagement = 'Can manage Choria fleet nodes with requests signed by an authority';

const serverPermissions: readonly (readonly [string, string])[] = [
  ['service_host', 'Can host services'],
  ['submission', 'Can publish Choria Submission messages'],
  ['streams', 'Can access Choria Streams'],
  ['governor', 'Can access Choria Governor'],
];

function grantedLines(token: Token, known: readonly (readonly [string, string])[], none: string): readonly string[] {
  const isSigned = token.hasPermission('signed_fleet_management');
  const lines = known.flatMap(([name, text]) => {
    if (name === 'fleet_management' && isSigned) return [signedFleetManagement];
    return token.hasPermission(name) ? [text] : [];
  });
  return lines.length === 0 ? [none] : lines;
}

function chainText(token: Token): string {
  const issuer = textOf(token, 'iss');
  if (textOf(token, 'tcs') === '') return '';
  if (issuer.startsWith('I-')) return `may sign tokens for ${issuer.slice(2)}`;
  return issuer.startsWith('C-') ? `signed by ${issuer.slice(2).split('.')[1] ?? ''}` : '';
}

function networkId(name: string): string {
  return createHash('md5').update(name, 'utf8').digest('hex');
}

function textOf(token: Token, name: string): string {
  const value = Object.hasOwn(token.claims, name) ? token.claims[name] : undefined;
  return typeof value === 'string' ? value : '';
}

function listOf(token: Token, name: string): string {
  const value = Object.hasOwn(token.claims, name) ? token.claims[name] : undefined;
  return Array.isArray(value) ? value.map(String).join(', ') : '';
}

function jsonOf(token: Token, name: string): string {
  const value = Object.hasOwn(token.claims, name) ? token.claims[name] : undefined;
  return value === undefined || value === null ? '' : JSON.stringify(value, null, 2);
}

function expiryText(token: Token, nowMs: number): string {
  const {expiresAtMs} = token;
  if (expiresAtMs === undefined) return 'never';
  const at = new Date(expiresAtMs);
  if (Number.isNaN(at.getTime())) return 'a time that cannot be shown';
  const shown = `${at.toISOString().slice(0, 19).replace('T', ' ')} +0000 UTC`;
  const left = (ms: number): string => renderDuration(msToNs(Math.floor(ms / 1_000) * 1_000));
  return expiresAtMs > nowMs
    ? `${shown} (${left(expiresAtMs - nowMs)})`
    : `${shown} (expired ${left(nowMs - expiresAtMs)} ago)`;
}
