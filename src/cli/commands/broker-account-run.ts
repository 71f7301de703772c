/** `choria broker account info`: whom the broker takes this user for, and what he may do. */
import {X509Certificate} from 'node:crypto';
import {systemAccountName} from '../../broker/index.ts';
import type {LinkFacts} from '../../connect/index.ts';
import {errorMessage} from '../../lib/errors.ts';
import {CliError} from '../errors.ts';
import {renderBytes} from '../render/bytes.ts';
import {inertLine} from '../render/inert.ts';
import type {CliContext, ParsedArguments} from '../types.ts';
import {withBroker} from './broker-connection.ts';
import {fieldsOf, type Fields, text} from './broker-server-ask.ts';
import {goDuration} from './go-duration.ts';

const answerMs = 5000;
const labelColumns = 31;

export function runBrokerAccountInfo(context: CliContext, parsed: ParsedArguments): Promise<number> {
  const {clock} = context.platform;
  return withBroker(context, parsed, {
    run: async ({connection}) => {
      const sentMs = clock.monotonicMs();
      await connection.flush({timeoutMs: answerMs});
      const roundTripMs = clock.monotonicMs() - sentMs;
      const {server, user} = await askWho(connection);
      const {link} = connection;
      const account = text(user, 'account');
      const rows: readonly (readonly [string, string])[] = [
        ['User', text(user, 'user')],
        ['Account', account],
        ['System Account', String(account === systemAccountName)],
        ['Expires', expiry(user['expires'])],
        ['Client ID', String(link?.clientId ?? 0)],
        ['Client IP', link?.clientAddress ?? ''],
        ['RTT', goDuration(Math.max(1, Math.round(roundTripMs * 1000)) * 1000)],
        ['Headers Supported', String(link?.hasHeaders ?? false)],
        ['Maximum Payload', renderBytes(link?.payloadBytesMax ?? 0)],
        ['Connected Cluster', text(server, 'cluster')],
        ['Connected URL', connection.connectedServer ?? ''],
        ['Connected Address', link?.remoteAddress ?? ''],
        ['Connected Server ID', text(server, 'id')],
        ['Connected Server Version', text(server, 'ver')],
        ['Connected Server Name', text(server, 'name')],
        ...tlsRows(link),
      ];
      const lines = rows.map(([label, value]) => `${label.padStart(labelColumns)}: ${inertLine(value)}\n`).join('');
      context.stdout.write(`Account Information\n\n${lines}\nConnection Permissions:\n\n`);
      context.stdout.write(permissionLines(fieldsOf(user['permissions'])));
      return 0;
    },
  });
}

/** Nothing for a connection in the clear. */
function tlsRows(link: LinkFacts | undefined): readonly (readonly [string, string])[] {
  if (link?.tls === undefined) return [];
  const {version, cipher, serverName, peerVerified, peerCertificate} = link.tls;
  // Most specific name first, as RFC 2253 writes it.
  const issuer =
    peerCertificate === undefined
      ? ''
      : new X509Certificate(peerCertificate.pem).issuer.split('\n').reverse().join(',');
  return [
    ['TLS Version', `${version.replace(/^TLSv/, '')} using ${cipher}`],
    ['TLS Server Name', serverName],
    ['TLS Verified', peerVerified ? `issuer ${issuer}` : 'no'],
  ];
}

async function askWho(connection: {
  request: (subject: string, payload: Uint8Array, options: {timeoutMs: number}) => Promise<{payload: Buffer}>;
}): Promise<{readonly server: Fields; readonly user: Fields}> {
  try {
    const {payload} = await connection.request('$SYS.REQ.USER.INFO', Buffer.alloc(0), {timeoutMs: answerMs});
    const answer = fieldsOf(JSON.parse(payload.toString('utf8')));
    return {server: fieldsOf(answer['server']), user: fieldsOf(answer['data'])};
  } catch (error) {
    throw new CliError('ERR_CLI_FAILED', `the broker does not tell about this user: ${errorMessage(error)}`, {
      cause: error,
    });
  }
}

/** Nanoseconds that the credentials are still good for. */
function expiry(value: unknown): string {
  return typeof value === 'number' && value > 0 ? goDuration(value) : 'never';
}

function permissionLines(permissions: Fields): string {
  const blocks = (['publish', 'subscribe'] as const).flatMap((kind) =>
    (['allow', 'deny'] as const).flatMap((verdict) => {
      const list = fieldsOf(permissions[kind])[verdict];
      const subjects = Array.isArray(list) ? list.filter((item): item is string => typeof item === 'string') : [];
      if (subjects.length === 0) return [];
      const title = `${kind === 'publish' ? 'Publish' : 'Subscribe'} ${verdict === 'allow' ? 'Allow' : 'Deny'}`;
      return [`  ${title}:\n\n${subjects.map((subject) => `    ${inertLine(subject)}\n`).join('')}\n`];
    }),
  );
  return blocks.join('');
}
