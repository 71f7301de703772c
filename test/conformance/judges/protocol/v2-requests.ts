/** Requests of v2 at two servers: one that trusts organisation issuers, one with trusted signers. */
import {createMemoryChoriaProvider, type SecurityProvider} from '../../../../src/crypto/index.ts';
import type {CaseResult, Judge} from '../../judge.ts';
import {judgeEqual} from '../../judge.ts';
import {describeRequest, type ExpectedRequest, expectedRequest, receiveRequest} from './_messages.ts';

interface Server {
  readonly identity?: string;
  readonly collectives?: readonly string[];
  readonly [setting: string]: unknown;
}

interface File {
  readonly generated_at_unix: number;
  readonly servers: Readonly<Record<string, Server>>;
  readonly cases: readonly {
    readonly name: string;
    readonly transport: string;
    readonly expect: Readonly<Record<string, ExpectedRequest>>;
  }[];
}

function list(value: unknown): readonly string[] {
  return typeof value === 'string' && value !== '' ? value.split(',').map((item) => item.trim()) : [];
}

function providerFor(server: Server): SecurityProvider {
  const names = list(server['plugin.security.issuer.names']);
  const issuers = names.map((name) => [name, String(server[`plugin.security.issuer.${name}.public`])] as const);
  return createMemoryChoriaProvider({
    identity: server.identity ?? 'server1.example.net',
    mode: 'server',
    issuers: Object.fromEntries(issuers),
    trustedSigners: list(server['plugin.security.choria.trusted_signers']),
  });
}

const judge: Judge = async ({data}) => {
  const file = data as File;
  const nowMs = file.generated_at_unix * 1_000;
  const servers = new Map(
    Object.entries(file.servers).map(([name, server]) => [name, {server, provider: providerFor(server)}]),
  );
  return file.cases.flatMap((item): readonly CaseResult[] =>
    Object.entries(item.expect).map(([serverName, expect]) => {
      const name = `${item.name} (${serverName})`;
      const found = servers.get(serverName);
      if (found === undefined) return {name, passed: false, expected: 'a known server', got: serverName};
      const collectives = found.server.collectives ?? ['choria', 'other'];
      const received = receiveRequest(Buffer.from(item.transport, 'utf8'), {
        provider: found.provider,
        nowMs,
        collectives,
      });
      return judgeEqual(name, expectedRequest(expect), describeRequest(received, expect));
    }),
  );
};

export default judge;
