/** A real embedded broker on a free loopback port, for tests. */
import {readFileSync} from 'node:fs';
import {fileURLToPath} from 'node:url';
import {createEmbeddedEngine, type EmbeddedEngine, type EmbeddedEngineOptions} from '../../src/broker/index.ts';
import {type Logger, silentLogger} from '../../src/lib/logger.ts';
import type {TlsMaterial} from '../../src/lib/network.ts';
import {createNodePlatform} from '../../src/lib/node-platform.ts';
import type {Platform} from '../../src/lib/platform.ts';

export interface TestBrokerOptions extends Partial<Omit<EmbeddedEngineOptions, 'platform' | 'logger' | 'tls'>> {
  readonly platform?: Pick<Platform, 'clock' | 'random' | 'network'>;
  readonly logger?: Logger;
  /** `true`: the certificates of `test/fixtures/pki`, client certificates verified if given. */
  readonly tls?: true | EmbeddedEngineOptions['tls'];
}

export interface TestBroker {
  readonly engine: EmbeddedEngine;
  readonly host: string;
  readonly port: number;
  /** `nats://` or `tls://` with the real port. */
  readonly url: string;
  [Symbol.asyncDispose](): Promise<void>;
}

const pki = fileURLToPath(new URL('../fixtures/pki/', import.meta.url));

/** Material of `test/fixtures/pki`: `broker`, `node1`, `node2`, `alice`, `foreign`, `legacy`, `wrong-usage`. */
export function testTlsMaterial(name: string): TlsMaterial {
  return {
    certificatePem: readFileSync(`${pki}${name}.pem`, 'utf8'),
    keyPem: readFileSync(`${pki}${name}.key`, 'utf8'),
    caPem: readFileSync(`${pki}ca.pem`, 'utf8'),
  };
}

/**
 * @example
 * await using broker = await startTestBroker({tls: true});
 * connect(broker.url);
 */
export async function startTestBroker(options: TestBrokerOptions = {}): Promise<TestBroker> {
  const {tls, ...rest} = options;
  const engine = createEmbeddedEngine({
    platform: createNodePlatform(),
    logger: silentLogger,
    host: '127.0.0.1',
    port: 0,
    serverName: 'broker.example.net',
    ...rest,
    ...(tls === undefined
      ? {}
      : {tls: tls === true ? {material: testTlsMaterial('broker'), clientCertificates: 'if-given' as const} : tls}),
  });
  const addresses = await engine.start();
  return {
    engine,
    host: '127.0.0.1',
    port: engine.port,
    url: addresses.client,
    [Symbol.asyncDispose]: () => engine[Symbol.asyncDispose](),
  };
}
