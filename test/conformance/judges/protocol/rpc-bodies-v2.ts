/** Reply bodies for odd request bodies, v2. */
import {randomBytes} from 'node:crypto';
import {
  createMemoryChoriaProvider,
  ed25519PrivateKey,
  ed25519PublicFromSeed,
  signToken,
} from '../../../../src/crypto/index.ts';
import type {Judge} from '../../judge.ts';
import {type BodiesFile, judgeBodies} from './_rpc-bodies.ts';

interface Member {
  readonly token: string;
  /** Hex. */
  readonly seed: string;
}

function memberOf(issuerSeed: Buffer, claims: Readonly<Record<string, unknown>>): Member {
  const seed = randomBytes(32);
  const more = {
    ou: 'choria',
    public_key: ed25519PublicFromSeed(seed).toString('hex'),
    exp: Math.floor(Date.now() / 1_000) + 3_600,
  };
  return {token: signToken({...claims, ...more}, ed25519PrivateKey(issuerSeed)), seed: seed.toString('hex')};
}

const judge: Judge = ({data}) => {
  const issuerSeed = randomBytes(32);
  const issuers = {choria: ed25519PublicFromSeed(issuerSeed).toString('hex')};
  const bob = memberOf(issuerSeed, {
    purpose: 'choria_client_id',
    callerid: 'up=bob',
    permissions: {fleet_management: true},
  });
  const node = memberOf(issuerSeed, {purpose: 'choria_server', identity: 'node1.example.net'});
  return judgeBodies(data as BodiesFile, {
    version: 2,
    client: createMemoryChoriaProvider({identity: 'bob', mode: 'client', ...bob}),
    server: createMemoryChoriaProvider({identity: 'node1.example.net', mode: 'server', issuers, ...node}),
  });
};

export default judge;
