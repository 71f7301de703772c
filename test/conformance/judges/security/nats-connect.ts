/**
 * The CONNECT lines of real clients: the broker's parser reads them, their signatures prove the token's holder over the nonce, and our own
 * client writes a line with the same proof.
 */
import {parseConnect} from '../../../../src/broker/embedded/connect-options.ts';
import {createBrokerAuthenticator} from '../../../../src/broker/index.ts';
import {connectLine} from '../../../../src/connect/auth.ts';
import {parseServerUrl} from '../../../../src/connect/index.ts';
import {
  createMemoryChoriaProvider,
  ed25519PrivateKey,
  ed25519PublicFromSeed,
  ed25519PublicKey,
  readToken,
  signToken,
} from '../../../../src/crypto/index.ts';
import {type CaseResult, type Judge, judgeEqual} from '../../judge.ts';

interface Captured {
  readonly nonce: string;
  readonly v1_client?: string;
  readonly v2_client?: readonly string[];
}

const seed = Buffer.alloc(32, 7);

/** The same claims under a key that we hold, so that the broker's whole decision can be asked about what the real client signed. */
function reissue(token: string): string {
  return signToken({ou: 'choria', ...readToken(token).claims}, ed25519PrivateKey(seed));
}

async function admission(line: string, nonce: string): Promise<unknown> {
  const connect = parseConnect(Buffer.from(line.replace(/^CONNECT /, '')));
  if (connect?.authToken === undefined) return 'no token';
  const authenticator = createBrokerAuthenticator({
    clock: {nowMs: () => Number(readToken(connect.authToken ?? '').claims['iat']) * 1_000},
    issuers: {choria: ed25519PublicFromSeed(seed)},
  });
  const decision = await authenticator.authenticate(
    {
      clientId: 1,
      kind: 'client',
      remoteAddress: '192.0.2.1',
      tls: {version: 'TLSv1.3', cipher: '', peerVerified: false},
      nonce,
    },
    {...connect, authToken: reissue(connect.authToken)},
  );
  return decision.isAdmitted ? decision.user : decision.reason;
}

async function ownLine(theirs: string, nonce: string): Promise<unknown> {
  const fields = JSON.parse(theirs.replace(/^CONNECT /, '')) as Readonly<Record<string, unknown>>;
  const {claims} = readToken(String(fields['auth_token']));
  const publicKey = ed25519PublicFromSeed(seed).toString('hex');
  const token = signToken({...claims, public_key: publicKey}, ed25519PrivateKey(seed));
  const provider = createMemoryChoriaProvider({identity: 'bob', mode: 'client', token, seed: seed.toString('hex')});
  const line = await connectLine({
    info: {nonce} as Parameters<typeof connectLine>[0]['info'],
    server: parseServerUrl('nats://broker.example.net:4222'),
    name: String(fields['name']),
    auth: {token: provider.credential, signNonce: (bytes) => provider.sign(bytes)},
    tlsRequired: true,
    nowMs: 0,
  });
  const own = JSON.parse(line.replace(/^CONNECT /, '')) as Readonly<Record<string, unknown>>;
  const connect = parseConnect(Buffer.from(JSON.stringify(own)));
  const authenticator = createBrokerAuthenticator({
    clock: {nowMs: () => Number(claims['iat']) * 1_000},
    clientSigners: [ed25519PublicKey(ed25519PublicFromSeed(seed))],
  });
  const decision = await authenticator.authenticate(
    {
      clientId: 1,
      kind: 'client',
      remoteAddress: '192.0.2.1',
      tls: {version: 'TLSv1.3', cipher: '', peerVerified: false},
      nonce,
    },
    connect ?? (own as never),
  );
  const free = new Set(['lang', 'version', 'jwt', 'auth_token', 'sig']);
  const kept = (source: Readonly<Record<string, unknown>>): unknown =>
    Object.fromEntries(Object.entries(source).filter(([name]) => !free.has(name)));
  return {admitted: decision.isAdmitted, fields: kept(own), same: own['jwt'] === own['auth_token']};
}

const judge: Judge = async ({data}) => {
  const {nonce, v1_client, v2_client = []} = data as Captured;
  const results: CaseResult[] = [];
  if (v1_client !== undefined) results.push(judgeEqual('v1_client', 'no token', await admission(v1_client, nonce)));
  for (const [index, line] of v2_client.entries()) {
    const fields = JSON.parse(line.replace(/^CONNECT /, '')) as Readonly<Record<string, unknown>>;
    const name = readToken(String(fields['auth_token'])).name;
    results.push(judgeEqual(`v2_client ${index}`, name, await admission(line, nonce)));
    const {lang: _lang, version: _version, jwt, auth_token: token, sig: _sig, ...kept} = fields;
    const wanted = {admitted: true, fields: kept, same: jwt === token};
    results.push(judgeEqual(`v2_client ${index} as ours`, wanted, await ownLine(line, nonce)));
  }
  return results;
};

export default judge;
