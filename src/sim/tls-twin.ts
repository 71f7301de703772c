/**
 * TLS without the arithmetic: both sides show their certificates, and each judges the other's as TLS would (chain, dates, name).
 *
 * The bytes then travel as they are. What is left out is what the network cannot see in a simulation: encryption and its cost.
 */
import {X509Certificate} from 'node:crypto';
import type {ClientTls, PeerCertificate, ServerTls, TlsMaterial, TlsState} from '../lib/network.ts';

/** What one side shows the other. */
export interface Hello {
  readonly certificatePem: string | undefined;
}

export type Verdict = {readonly state: TlsState} | {readonly problem: string};

const pemPattern = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** Certificates parsed once for a whole simulation; its fleets have a few thousand at most. */
export class TlsTwin {
  readonly #parsed = new Map<string, X509Certificate>();
  readonly #signed = new Map<string, boolean>();

  hello(material: TlsMaterial): Hello {
    return {certificatePem: material.keyPem === undefined ? undefined : material.certificatePem};
  }

  /** What the client makes of the server. */
  judgeServer(hello: Hello, options: {readonly client: ClientTls; readonly nowMs: number}): Verdict {
    const {client, nowMs} = options;
    const leaf = this.#leaf(hello);
    if (leaf === undefined) return {problem: 'the server showed no certificate'};
    const problem = this.#chainProblem(leaf, {material: client.material, nowMs});
    if (client.verify && problem !== undefined) return {problem};
    if (client.verify && leaf.checkHost(client.serverName) === undefined) {
      return {problem: `the certificate does not name "${client.serverName}"`};
    }
    return {state: describe(leaf, problem === undefined)};
  }

  /** What the server makes of the client. */
  judgeClient(hello: Hello, options: {readonly server: ServerTls; readonly nowMs: number}): Verdict {
    const {server, nowMs} = options;
    const leaf = server.clientCertificates === 'none' ? undefined : this.#leaf(hello);
    if (leaf === undefined) {
      if (server.clientCertificates === 'required') return {problem: 'the client showed no certificate'};
      return {state: {version: '1.3', cipher: 'TLS_AES_128_GCM_SHA256', peerVerified: false}};
    }
    const problem = this.#chainProblem(leaf, {material: server.material, nowMs});
    return problem === undefined ? {state: describe(leaf, true)} : {problem};
  }

  #leaf(hello: Hello): X509Certificate | undefined {
    const pem = hello.certificatePem === undefined ? undefined : pems(hello.certificatePem)[0];
    return pem === undefined ? undefined : this.#parse(pem);
  }

  #chainProblem(
    leaf: X509Certificate,
    options: {readonly material: TlsMaterial; readonly nowMs: number},
  ): string | undefined {
    const {material, nowMs} = options;
    if (nowMs < Date.parse(leaf.validFrom)) return 'the certificate is not valid yet';
    if (nowMs > Date.parse(leaf.validTo)) return 'the certificate has expired';
    const authorities = pems(material.caPem ?? '').map((pem) => this.#parse(pem));
    return authorities.some((authority) => this.#isSignedBy(leaf, authority))
      ? undefined
      : 'the certificate is of another authority';
  }

  #isSignedBy(leaf: X509Certificate, authority: X509Certificate): boolean {
    const key = `${leaf.fingerprint256}/${authority.fingerprint256}`;
    const known = this.#signed.get(key);
    if (known !== undefined) return known;
    const signed = leaf.checkIssued(authority) && leaf.verify(authority.publicKey);
    this.#signed.set(key, signed);
    return signed;
  }

  #parse(pem: string): X509Certificate {
    const known = this.#parsed.get(pem);
    if (known !== undefined) return known;
    const parsed = new X509Certificate(pem);
    this.#parsed.set(pem, parsed);
    return parsed;
  }
}

function pems(text: string): readonly string[] {
  return text.match(pemPattern) ?? [];
}

function describe(certificate: X509Certificate, verified: boolean): TlsState {
  const peerCertificate: PeerCertificate = {
    commonName: /(?:^|\n)CN=([^\n]+)/.exec(certificate.subject)?.[1] ?? '',
    subjectAltNames: (certificate.subjectAltName ?? '')
      .split(', ')
      .filter((name) => name.startsWith('DNS:'))
      .map((name) => name.slice('DNS:'.length)),
    validToMs: Date.parse(certificate.validTo),
    fingerprint256: certificate.fingerprint256,
    pem: certificate.toString(),
  };
  return {version: '1.3', cipher: 'TLS_AES_128_GCM_SHA256', peerVerified: verified, peerCertificate};
}
