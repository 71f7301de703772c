/** The ways to be let in that every official client is tried with. */
import {fileURLToPath} from 'node:url';

export const pki = (name: string): string => fileURLToPath(new URL(`../../fixtures/pki/${name}`, import.meta.url));

/** A throw-away pair made with the Python library; it opens nothing but these tests. */
export const nkeySeed = 'SUAMEHE3MJTGTYULOQXB2GIFFX3NN6T7W3ADBBFTJRWNULABY37GBQSTLM';
const nkeyPublic = 'UBONTLKCWBJ4KERTW5ENQXX76MCET4T7VORJATCZMX7W74XXX2RQBDBC';

export interface Variant {
  readonly name: string;
  /** For our engine and, in its own language, for nats-server. */
  readonly ours: object;
  readonly theirs: string;
  readonly scheme: 'nats' | 'tls';
  readonly env: Readonly<Record<string, string>>;
}

export const account = '$G';
const tlsEnv = {NATS_CA: pki('ca.pem')};
const tlsConfig = `tls { cert_file: "${pki('broker.pem')}", key_file: "${pki('broker.key')}", ca_file: "${pki('ca.pem')}", verify: false }`;

export const plain: Variant = {name: 'plain', ours: {}, theirs: '', scheme: 'nats', env: {}};

export const token: Variant = {
  name: 'a token',
  ours: {credentials: {token: {text: 'open sesame', account}}},
  theirs: 'authorization { token: "open sesame" }',
  scheme: 'nats',
  env: {NATS_TOKEN: 'open sesame'},
};

export const variants: readonly Variant[] = [
  token,
  {
    name: 'a user and password',
    ours: {credentials: {users: [{account, user: 'alice', password: 's3cret'}]}},
    theirs: 'authorization { user: "alice", password: "s3cret" }',
    scheme: 'nats',
    env: {NATS_USER: 'alice', NATS_PASSWORD: 's3cret'},
  },
  {
    name: 'an nkey',
    ours: {credentials: {users: [{account, nkey: nkeyPublic}]}},
    theirs: `authorization { users: [ { nkey: "${nkeyPublic}" } ] }`,
    scheme: 'nats',
    env: {NATS_SEED: nkeySeed},
  },
  {name: 'TLS', ours: {tls: true}, theirs: tlsConfig, scheme: 'tls', env: tlsEnv},
  {
    name: 'TLS with a certificate of its own',
    ours: {tls: true},
    theirs: tlsConfig.replace('verify: false', 'verify: true'),
    scheme: 'tls',
    env: {...tlsEnv, NATS_CERT: pki('alice.pem'), NATS_KEY: pki('alice.key')},
  },
  {
    name: 'TLS and a token',
    ours: {tls: true, credentials: {token: {text: 'open sesame', account}}},
    theirs: `${tlsConfig}\nauthorization { token: "open sesame" }`,
    scheme: 'tls',
    env: {...tlsEnv, NATS_TOKEN: 'open sesame'},
  },
];
