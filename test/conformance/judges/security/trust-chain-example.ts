/** The worked example: what each link signs, the signatures themselves, and tokens that are read with their chain. */
import {
  ed25519PublicFromSeed,
  ed25519PublicKey,
  parseSeed,
  signEd25519,
  verifyToken,
  verifyTrustChain,
} from '../../../../src/crypto/index.ts';
import {type Judge, judgeEqual} from '../../judge.ts';

interface Example {
  readonly org_issuer_seed: string;
  readonly org_issuer_public: string;
  readonly chain_issuer_seed: string;
  readonly chain_issuer_public: string;
  readonly chain_issuer_claims: Readonly<Record<string, unknown>>;
  readonly chain_issuer_signed_data: string;
  readonly chain_issuer_tcs: string;
  readonly chain_issuer_token: string;
  readonly client_claims: Readonly<Record<string, unknown>>;
  readonly client_signed_data: string;
  readonly client_tcs: string;
  readonly client_token: string;
}

const judge: Judge = async ({data}) => {
  const example = data as Example;
  const organization = Buffer.from(example.org_issuer_public, 'hex');
  const key = ed25519PublicKey(organization);
  const sign = (seed: string, text: string): string => signEd25519(parseSeed(seed), Buffer.from(text)).toString('hex');
  const read = (token: string, claims: Readonly<Record<string, unknown>>): unknown =>
    verifyToken(token, {key, purpose: 'choria_client_id', nowMs: Number(claims['iat']) * 1_000}).claims;
  const link = (claims: Readonly<Record<string, unknown>>): unknown => {
    const {madeBy, signerKey} = verifyTrustChain(claims, organization);
    return [madeBy, signerKey.toString('hex')];
  };
  return [
    judgeEqual(
      'keys',
      [example.org_issuer_public, example.chain_issuer_public],
      [example.org_issuer_seed, example.chain_issuer_seed].map((seed) =>
        ed25519PublicFromSeed(parseSeed(seed)).toString('hex'),
      ),
    ),
    judgeEqual(
      'chain_issuer_tcs',
      example.chain_issuer_tcs,
      sign(example.org_issuer_seed, example.chain_issuer_signed_data),
    ),
    judgeEqual(
      'client_tcs',
      example.client_tcs,
      `${example.chain_issuer_tcs}.${sign(example.chain_issuer_seed, example.client_signed_data)}`,
    ),
    judgeEqual('chain_issuer', ['organization', example.org_issuer_public], link(example.chain_issuer_claims)),
    judgeEqual('client', ['issuer', example.chain_issuer_public], link(example.client_claims)),
    judgeEqual(
      'chain_issuer_token',
      example.chain_issuer_claims,
      read(example.chain_issuer_token, example.chain_issuer_claims),
    ),
    judgeEqual('client_token', example.client_claims, read(example.client_token, example.client_claims)),
  ];
};

export default judge;
