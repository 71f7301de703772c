/**
 * Answers nats-server's questions about connections with the same decision that the embedded engine uses.
 *
 * Users get no name in the server: it closes named ones when it reloads its configuration, while it asks again about the others, keeps who is still
 * allowed, with changed rights where they changed, and cuts the rest.
 */
import {CryptoError, readCertificates} from '../../crypto/index.ts';
import {errorMessage} from '../../lib/errors.ts';
import type {Logger} from '../../lib/logger.ts';
import type {PeerCertificate, TlsState} from '../../lib/network.ts';
import type {Clock} from '../../lib/platform.ts';
import type {AuthDecision, Authenticator, ConnectionFacts} from '../authentication/types.ts';
import type {NkeySigner} from '../../crypto/index.ts';
import {type CalloutRequest, encodeCalloutAnswer, openCalloutRequest} from './callout-tokens.ts';
import {CalloutError} from './errors.ts';
import {type DoorFacts, unsignedMark} from './certificate-door.ts';
import {supervisedLimits} from './limits.ts';

export interface CalloutOptions {
  readonly authenticator: () => Authenticator;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly issuer: NkeySigner;
  /** What TLS has shown of connections that our own door took, by their nonce; absent where the server does TLS itself. */
  readonly door?: (nonce: string) => DoorFacts | undefined;
}

export class Callout {
  readonly #options: CalloutOptions;
  #underWay = 0;

  constructor(options: CalloutOptions) {
    this.#options = options;
  }

  /** The answer to one request; undefined when it is none of ours or cannot be answered: the server refuses the connection in time. */
  async answer(payload: Buffer): Promise<Buffer | undefined> {
    const {clock, logger, issuer} = this.#options;
    if (this.#underWay >= supervisedLimits.decisionsMax) {
      logger.warn('Not deciding about a connection: too many are waiting', {waiting: this.#underWay});
      return undefined;
    }
    let request: CalloutRequest;
    try {
      request = openCalloutRequest(payload.toString('latin1'), {nowMs: clock.nowMs(), issuer: issuer.publicKey});
    } catch (error) {
      if (!(error instanceof CalloutError)) throw error;
      logger.warn(`Not answering a question about a connection: ${error.message}`);
      return undefined;
    }
    this.#underWay += 1;
    try {
      const verdict = await this.#decide(request);
      const nowMs = clock.nowMs();
      return Buffer.from(encodeCalloutAnswer(request, {verdict, signer: issuer, nowMs, isNamed: false}), 'latin1');
    } finally {
      this.#underWay -= 1;
    }
  }

  async #decide(request: CalloutRequest): Promise<AuthDecision> {
    const {logger, authenticator, door} = this.#options;
    const facts = factsOf(request, door?.(request.client.nonce ?? ''));
    const connect = unmarked(request.connect);
    try {
      const decision = await authenticator().authenticate(facts, connect);
      const fields = {cid: facts.clientId, remote: facts.remoteAddress};
      if (!decision.isAdmitted) logger.warn(`Denying connection: ${decision.reason}`, fields);
      return decision;
    } catch (error) {
      logger.error(`Could not authenticate a connection: ${errorMessage(error)}`, {cid: facts.clientId});
      return {isAdmitted: false, reason: 'the authentication failed'};
    }
  }
}

/** A mark that the door set is no signature. */
function unmarked(connect: CalloutRequest['connect']): CalloutRequest['connect'] {
  return connect.signature === unsignedMark ? {...connect, signature: undefined} : connect;
}

function factsOf(request: CalloutRequest, shown: DoorFacts | undefined): ConnectionFacts {
  const {client} = request;
  return {
    clientId: client.id,
    kind: client.kind === 'Leafnode' ? 'leafnode' : client.type === 'websocket' ? 'websocket' : 'client',
    remoteAddress: shown?.remoteAddress ?? client.host,
    tls: shown?.tls ?? tlsOf(request),
    nonce: client.nonce,
  };
}

function tlsOf({tls}: CalloutRequest): TlsState | undefined {
  if (tls === undefined) return undefined;
  const pem = tls.verifiedPem ?? tls.presentedPem;
  const peerCertificate = pem === undefined ? undefined : readCertificate(pem);
  return {
    version: `TLSv${tls.version}`,
    cipher: tls.cipher,
    peerVerified: tls.verifiedPem !== undefined && peerCertificate !== undefined,
    ...(peerCertificate === undefined ? {} : {peerCertificate}),
  };
}

/** A certificate that cannot be read proves nobody. */
function readCertificate(pem: string): PeerCertificate | undefined {
  try {
    const [certificate] = readCertificates(pem, 1);
    if (certificate === undefined) return undefined;
    return {
      commonName: certificate.commonName,
      subjectAltNames: certificate.dnsNames,
      validToMs: certificate.notAfterMs,
      fingerprint256: certificate.x509.fingerprint256,
      pem,
      rsaBits: certificate.x509.publicKey.asymmetricKeyDetails?.modulusLength,
    };
  } catch (error) {
    if (error instanceof CryptoError) return undefined;
    throw error;
  }
}
