/** TLS before, after and instead of INFO, and who gets in: the order of the steps, the result, and when the broker gives up. */
import {createBrokerAuthenticator} from '../../../../../src/broker/index.ts';
import {startTestBroker, type TestBroker, type TestBrokerOptions, testTlsMaterial} from '../../../../support/broker.ts';
import {type CaseResult, type JudgeInput, judgeEqual} from '../../../judge.ts';
import {createNodePlatform} from '../../../../../src/lib/node-platform.ts';
import {collapse, inParallel, RawClient} from './_raw.ts';

interface Step {
  readonly dir: 'server' | 'client' | 'tls' | 'error' | 'close';
  readonly data: string;
}

interface TlsCase {
  readonly name: string;
  readonly note?: string;
  readonly transcript?: readonly Step[];
  readonly info?: Readonly<Record<string, unknown>>;
  readonly closed?: boolean;
  readonly seconds?: number;
}

/** The fields of INFO that say what a client has to do. */
const infoFields = ['tls_required', 'tls_verify', 'auth_required', 'headers', 'proto', 'max_payload', 'nonce'] as const;

export default function judge(input: JudgeInput): Promise<readonly CaseResult[]> {
  const {cases} = input.data as {readonly cases: readonly TlsCase[]};
  return inParallel(cases, (item) => judgeCase(item));
}

async function judgeCase(item: TlsCase): Promise<CaseResult> {
  await using broker = await startTestBroker(brokerFor(item));
  const started = performance.now();
  const client = await RawClient.connect(broker);
  try {
    const got = await follow(item, client, broker);
    const took = (performance.now() - started) / 1000;
    const result = judgeEqual(item.name, {steps: (item.transcript ?? []).map(shown), ...factsOf(item)}, got);
    if (!result.passed || item.seconds === undefined) return result;
    // The reference's clock and ours are not the same: a time-out has to come when it is due, not at the same millisecond.
    const isInTime = took < item.seconds + 1.5 && took > item.seconds / 4;
    return isInTime
      ? result
      : {name: item.name, passed: false, expected: `after about ${item.seconds} s`, got: `after ${took.toFixed(2)} s`};
  } finally {
    client.close();
  }
}

function factsOf(item: TlsCase): object {
  return {info: pick(item.info), closed: item.closed};
}

function pick(info: Readonly<Record<string, unknown>> | undefined): object | undefined {
  return info === undefined ? undefined : Object.fromEntries(infoFields.map((name) => [name, info[name]]));
}

/** INFO lines by what they demand, failures of a handshake as such: their texts are the TLS library's. */
function shown(step: Step): Step {
  if (step.dir === 'error' || step.dir === 'close') return {dir: 'close', data: ''};
  if (step.dir !== 'server') return step;
  return {
    dir: 'server',
    data: step.data.replaceAll(/INFO (\{[^\r\n]*\}) ?\r\n/g, (_line, json: string) => {
      const info = JSON.parse(json) as Record<string, unknown>;
      return `INFO ${JSON.stringify([pick(info), info['remote_account'], info['acc_is_sys']])}\n`;
    }),
  };
}

function brokerFor(item: TlsCase): TestBrokerOptions {
  const material = testTlsMaterial('broker');
  const isVerified = /verify: true/.test(item.note ?? '');
  const handshakeFirst = /handshake_first: (auto|true)/.exec(item.note ?? '')?.[1];
  if (!item.name.startsWith('choria-')) {
    return {
      tls: {
        material,
        clientCertificates: isVerified ? 'required' : 'none',
        ...(item.name.startsWith('tlsfirst-') ? {handshakeFirst: handshakeFirst === 'true' ? true : 'auto'} : {}),
      },
    };
  }
  return {
    tls: {material, clientCertificates: 'if-given'},
    accounts: ['choria', 'system'],
    systemAccount: 'system',
    authenticator: createBrokerAuthenticator({
      clock: createNodePlatform().clock,
      system: {user: 'system', password: 's3cret'},
    }),
  };
}

/** Whose certificate the case's client shows. */
function certificateOf(item: TlsCase): string | undefined {
  if (/other-ca|unknown CA/.test(`${item.name} ${item.note ?? ''}`)) return 'foreign';
  return /-cert$|badpass|client-cert$/.test(item.name) && !item.name.includes('no-client') ? 'alice' : undefined;
}

async function follow(item: TlsCase, client: RawClient, broker: TestBroker): Promise<unknown> {
  const steps: Step[] = [];
  let info: unknown;
  const remember = (text: string): void => {
    const json = /INFO (\{[^\r\n]*\})/.exec(text)?.[1];
    if (json !== undefined) info ??= pick(JSON.parse(json) as Record<string, unknown>);
  };
  if (item.transcript === undefined) {
    await client.until(({received}) => received.includes('\r\n'));
    remember(client.received);
    return {steps: [], info, closed: item.closed};
  }
  for (const step of item.transcript) {
    if (step.dir === 'client') {
      client.send(step.data);
      steps.push(step);
    } else if (step.dir === 'tls') {
      const name = certificateOf(item);
      const material = name === undefined ? {caPem: testTlsMaterial('broker').caPem} : testTlsMaterial(name);
      const secured = client.stream.startTlsClient({
        material: material as ReturnType<typeof testTlsMaterial>,
        serverName: broker.host,
        verify: false,
        timeoutMs: 5000,
      });
      // A refusal of our certificate may come before our own side is done: then it shows as an end here already.
      await secured.then(
        () => client.listen(),
        () => client.close(),
      );
      steps.push(step);
    } else if (step.dir === 'server') {
      const text = await readLines(client, step.data);
      remember(text);
      steps.push(shown({dir: 'server', data: text}));
    } else {
      await client.until(({isClosed}) => isClosed);
      steps.push({dir: 'close', data: ''});
    }
  }
  return {
    steps,
    info: item.info === undefined ? undefined : info,
    closed: item.closed === undefined ? undefined : client.isClosed,
  };
}

async function readLines(client: RawClient, expected: string): Promise<string> {
  const lines = collapse(expected).split('\n').length;
  await client.until(({received, isClosed}) => isClosed || collapse(received).split('\n').length >= lines);
  return client.take();
}
