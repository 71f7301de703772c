/**
 * The first INFO of several servers, for comparison: ours, set up as the sample's server was, has every field that a client reads from it,
 * with the same type. Fields of what an embedded broker has not (streams, clusters, encryption of authentication, a commit) are left out.
 */
import {createStaticAuthenticator} from '../../../../../src/broker/index.ts';
import {startTestBroker, testTlsMaterial} from '../../../../support/broker.ts';
import type {CaseResult, JudgeInput} from '../../../judge.ts';
import {inParallel, RawClient} from './_raw.ts';

interface Sample {
  readonly name: string;
  readonly info: Readonly<Record<string, unknown>>;
}

const otherServers = [
  'jetstream',
  'cluster',
  'cluster_dynamic',
  'connect_urls',
  'ws_connect_urls',
  'domain',
  'git_commit',
  'api_lvl',
  'xkey',
  'ip',
];

export default async function judge(input: JudgeInput): Promise<readonly CaseResult[]> {
  return inParallel((input.data as {readonly samples: readonly Sample[]}).samples, judgeSample);
}

async function judgeSample({name, info}: Sample): Promise<CaseResult> {
  const isAuthenticated = info['auth_required'] === true || 'nonce' in info;
  const decide = createStaticAuthenticator({users: []});
  await using broker = await startTestBroker({
    accounts: ['users'],
    ...(isAuthenticated
      ? {
          authenticator: {
            ...decide,
            isNonceNeeded: 'nonce' in info,
            isAnnounced: info['auth_required'] === true,
          },
        }
      : {}),
    ...(info['tls_required'] === true
      ? {
          tls: {
            material: testTlsMaterial('broker'),
            clientCertificates: info['tls_verify'] === true ? ('required' as const) : ('if-given' as const),
          },
        }
      : {}),
  });
  const client = await RawClient.connect(broker);
  await client.until((item) => item.received.endsWith('\r\n'));
  const ours = JSON.parse(client.take().slice('INFO '.length)) as Record<string, unknown>;
  client.close();
  const shape = (fields: Readonly<Record<string, unknown>>): string =>
    Object.entries(fields)
      .filter(([key]) => !otherServers.includes(key))
      .map(([key, value]) => `${key}:${typeof value === 'boolean' ? String(value) : typeof value}`)
      .toSorted()
      .join(' ');
  const expected = shape(info);
  const got = shape(ours);
  return expected === got ? {name, passed: true} : {name, passed: false, expected, got};
}
