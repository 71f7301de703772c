/**
 * The tokens of nats-server's auth callout: what it asked is opened and proven by the code that answers it, and what the capture's service answered is
 * proven likewise, then written again from its meaning and compared claim by claim.
 */
import {
  type CalloutVerdict,
  encodeCalloutAnswer,
  openCalloutRequest,
  openNkeyToken,
} from '../../../../../src/broker/supervised/callout-tokens.ts';
import type {Permissions} from '../../../../../src/broker/permissions.ts';
import {createNkeySigner, nkeyPublicFromSeed} from '../../../../../src/crypto/index.ts';
import {errorMessage} from '../../../../../src/lib/errors.ts';
import {type CaseResult, canonical, type JudgeInput} from '../../../judge.ts';

type Claims = Readonly<Record<string, unknown>>;

interface CalloutFile {
  readonly keys: {readonly issuer_seed: string};
  readonly cases: readonly CalloutCase[];
}

interface CalloutCase {
  readonly name?: string;
  readonly subject?: string;
  readonly request_jwt: string;
  readonly request_header?: Claims;
  readonly request_claims: Claims & {readonly iat: number};
  readonly response_jwt?: string;
  readonly response_claims?: Claims;
  readonly user_claims?: Claims;
}

export default function judge(input: JudgeInput): Promise<readonly CaseResult[]> {
  const {keys, cases} = input.data as CalloutFile;
  return Promise.resolve(cases.map((item, index) => judgeCase(item.name ?? String(index), {item, keys})));
}

function judgeCase(
  name: string,
  {item, keys}: {readonly item: CalloutCase; readonly keys: CalloutFile['keys']},
): CaseResult {
  try {
    const problem = requestProblem(item, keys) ?? responseProblem(item, keys);
    return problem === undefined ? {name, passed: true} : {name, passed: false, ...problem};
  } catch (error) {
    return {name, passed: false, expected: 'tokens that can be opened', got: errorMessage(error)};
  }
}

interface Problem {
  readonly expected: string;
  readonly got: string;
}

function differ(wanted: unknown, found: unknown): Problem | undefined {
  const expected = canonical(wanted);
  const got = canonical(found);
  return expected === got ? undefined : {expected, got};
}

function requestProblem(item: CalloutCase, keys: CalloutFile['keys']): Problem | undefined {
  const issuer = nkeyPublicFromSeed(keys.issuer_seed);
  const request = openCalloutRequest(item.request_jwt, {nowMs: item.request_claims.iat * 1000, issuer});
  const nats = item.request_claims['nats'] as Readonly<Record<string, Claims>>;
  return (
    differ(item.request_claims, request.claims) ??
    differ(
      {
        server: nats['server_id']?.['id'],
        user: nats['user_nkey'],
        host: nats['client_info']?.['host'],
        nonce: nats['client_info']?.['nonce'],
        token: nats['connect_opts']?.['auth_token'],
        signature: nats['connect_opts']?.['sig'],
        isVerified: nats['client_tls']?.['verified_chains'] !== undefined,
      },
      {
        server: request.serverId,
        user: request.userKey,
        host: request.client.host,
        nonce: request.client.nonce,
        token: request.connect.authToken,
        signature: request.connect.signature,
        isVerified: request.tls?.verifiedPem !== undefined,
      },
    )
  );
}

function responseProblem(item: CalloutCase, keys: CalloutFile['keys']): Problem | undefined {
  const {response_jwt: token, response_claims: claims} = item;
  if (token === undefined || claims === undefined) return undefined;
  const opened = openNkeyToken(token, 'account');
  const problem = differ(claims, opened.claims);
  if (problem !== undefined) return problem;
  const nowMs = (claims['iat'] as number) * 1000;
  const userJwt = (claims['nats'] as Claims)['jwt'];
  // An answer signed by somebody else is the capture's deliberate mistake; ours is signed by the seed that we have.
  const isOurs = opened.issuer === nkeyPublicFromSeed(keys.issuer_seed);
  const ours = openNkeyToken(
    encodeCalloutAnswer(
      {serverId: String(claims['aud']), userKey: String(claims['sub'])},
      {verdict: verdictOf(item), signer: createNkeySigner(keys.issuer_seed), nowMs, isNamed: true},
    ),
    'account',
  ).claims;
  const answerProblem = differ(withoutUnique(claims, isOurs), withoutUnique(ours, isOurs));
  if (answerProblem !== undefined || typeof userJwt !== 'string' || item.user_claims === undefined)
    return answerProblem;
  const theirUser = openNkeyToken(userJwt, 'account').claims;
  const ourUser = openNkeyToken(String((ours['nats'] as Claims)['jwt']), 'account').claims;
  return (
    differ(item.user_claims, theirUser) ??
    differ({...withoutUnique(theirUser, isOurs), iat: undefined}, {...withoutUnique(ourUser, isOurs), iat: undefined})
  );
}

/** Without what is different in every token: its id and, inside, the user's token. */
function withoutUnique(claims: Claims, withIssuer: boolean): Claims {
  const nats = claims['nats'] as Claims;
  return {
    ...claims,
    jti: undefined,
    ...(withIssuer ? {} : {iss: undefined}),
    nats: {...nats, ...(nats['jwt'] === undefined ? {} : {jwt: 'present'})},
  };
}

function verdictOf(item: CalloutCase): CalloutVerdict {
  const answer = item.response_claims?.['nats'] as Claims | undefined;
  const user = item.user_claims;
  if (user === undefined) {
    const reason = answer?.['error'];
    return {isAdmitted: false, reason: typeof reason === 'string' ? reason : ''};
  }
  const nats = user['nats'] as Readonly<Record<string, {readonly allow?: string[]; readonly deny?: string[]}>>;
  const {pub, sub} = nats;
  const permissions: Permissions = {
    ...(pub === undefined || Object.keys(pub).length === 0 ? {} : {publish: pub}),
    ...(sub === undefined || Object.keys(sub).length === 0 ? {} : {subscribe: sub}),
  };
  return {
    isAdmitted: true,
    account: String(user['aud']),
    user: String(user['name']),
    ...(Object.keys(permissions).length === 0 ? {} : {permissions}),
    ...(typeof user['exp'] === 'number' ? {expiresAtMs: user['exp'] * 1000} : {}),
  };
}
