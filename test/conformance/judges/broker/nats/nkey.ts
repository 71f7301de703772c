/** Users that prove themselves by signing the nonce: a case's client signs ours as well, or as badly, as it signed the reference's. */
import {createPrivateKey, createPublicKey, type KeyObject, sign, verify} from 'node:crypto';
import {createStaticAuthenticator} from '../../../../../src/broker/index.ts';
import {startTestBroker} from '../../../../support/broker.ts';
import type {CaseResult, JudgeInput} from '../../../judge.ts';
import {collapse, inParallel, RawClient} from './_raw.ts';

interface NkeyFile {
  readonly keys: Readonly<Record<string, {readonly public: string; readonly seed: string}>>;
  readonly cases: readonly NkeyCase[];
}

interface NkeyCase {
  readonly name: string;
  readonly info: {readonly nonce: string};
  readonly transcript: readonly {readonly dir: string; readonly data: string}[];
  readonly closed: boolean;
}

export default async function judge(input: JudgeInput): Promise<readonly CaseResult[]> {
  const {keys, cases} = input.data as NkeyFile;
  return inParallel(cases, (item) => judgeCase(item, keys));
}

async function judgeCase(item: NkeyCase, keys: NkeyFile['keys']): Promise<CaseResult> {
  const {name} = item;
  // The server knows the first key only.
  const known = Object.values(keys)[0]?.public ?? '';
  await using broker = await startTestBroker({
    accounts: ['users'],
    authenticator: createStaticAuthenticator({users: [{nkey: known, account: 'users'}]}),
  });
  const client = await RawClient.connect(broker);
  await client.until((entry) => entry.received.endsWith('\r\n'));
  const info = JSON.parse(client.take().slice('INFO '.length)) as {readonly nonce?: string};
  const wantedNonce = item.info.nonce.length === info.nonce?.length;
  try {
    for (const step of item.transcript.slice(1)) {
      if (step.dir === 'client') client.send(signedAgain(step.data, {item, keys, nonce: info.nonce ?? ''}));
      if (step.dir !== 'server') continue;
      const expected = collapse(step.data);
      const got = await client.read({length: expected.length, closed: item.closed});
      if (got !== expected || client.isClosed !== item.closed || !wantedNonce) {
        return {
          name,
          passed: false,
          expected: JSON.stringify(expected),
          got: `${JSON.stringify(got)} closed=${client.isClosed}`,
        };
      }
    }
    return {name, passed: true};
  } finally {
    client.close();
  }
}

function signedAgain(
  data: string,
  context: {readonly item: NkeyCase; readonly keys: NkeyFile['keys']; readonly nonce: string},
): string {
  const found = /^CONNECT (\{.*\})\r\n/.exec(data);
  if (found === null) return data;
  const options = JSON.parse(found[1] ?? '{}') as {nkey?: string; sig?: string};
  const key = Object.values(context.keys).find((entry) => entry.public === options.nkey);
  if (options.sig === undefined || key === undefined) return data;
  const privateKey = privateKeyOf(key.seed);
  const isGood = verify(
    null,
    Buffer.from(context.item.info.nonce),
    createPublicKey(privateKey),
    Buffer.from(options.sig, 'base64url'),
  );
  if (!isGood) return data;
  const encoding = /[+/=]/.test(options.sig) ? 'base64' : 'base64url';
  options.sig = sign(null, Buffer.from(context.nonce), privateKey).toString(encoding);
  return data.replace(found[1] ?? '', () => JSON.stringify(options));
}

/** The raw seed is behind two bytes of prefix in base32. */
function privateKeyOf(seed: string): KeyObject {
  let bits = '';
  for (const letter of seed) bits += 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter).toString(2).padStart(5, '0');
  const bytes = Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), bytes.subarray(2, 34)]);
  return createPrivateKey({key: der, format: 'der', type: 'pkcs8'});
}
