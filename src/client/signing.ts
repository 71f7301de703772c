/**
 * Signs requests: here, or by the signing service that the configuration names, over HTTP or as an agent on the network.
 */
import {ConnectError} from '../connect/index.ts';
import type {SecurityProvider, SigningQuestion} from '../crypto/types.ts';
import {isJsonObject, jsonField} from '../lib/json.ts';
import {adoptSignedRequest, completeRequest, emptyFilter, encodeRequest, type NewRequest} from '../protocol/index.ts';
import {type Messenger, type NodeReply, runRequest} from '../rpc/index.ts';
import {clientConnectLimits} from './limits.ts';

/** Whoever asks this agent cannot sign yet, so requests to it are never signed. */
export const signerAgent = 'aaa_signer';

export interface SigningOptions {
  readonly provider: SecurityProvider;
  /** Asks the agent `aaa_signer`; gives the signed document. */
  readonly askAgent: (question: SigningQuestion) => Promise<Buffer>;
  readonly signal?: AbortSignal | undefined;
}

/**
 * @returns the secure request, for `encodeTransport`
 * @throws {ConnectError} `ERR_SIGNER_TOKEN` | `ERR_SIGNER_UNREACHABLE` | `ERR_SIGNER_REFUSED` | `ERR_SIGNER_ANSWER`
 */
export async function signRequest(request: NewRequest, options: SigningOptions): Promise<Buffer> {
  const {provider, askAgent, signal} = options;
  const {remoteSigner} = provider;
  if (request.agent === signerAgent) return encodeRequest(request, {provider, unsigned: true});
  if (remoteSigner === undefined) return encodeRequest(request, {provider});
  const {request: asked, message} = completeRequest(request, provider);
  const question = remoteSigner.question(withoutShellCharacters(message));
  const document = await (remoteSigner.ask?.(question, {signal}) ?? askAgent(question));
  return adoptSignedRequest(document, {asked, credential: provider.credential});
}

/**
 * The agent takes no text with characters that mean something to a shell. In JSON they stand only inside strings, where they can be
 * written in another way.
 */
function withoutShellCharacters(message: Buffer): Buffer {
  const text = message.toString('utf8');
  const safe = text.replace(/[`$;|&<>]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
  return Buffer.from(safe, 'utf8');
}

/** Asks any instance of the signing service that listens on the network. */
export async function askSignerAgent(
  messenger: Messenger,
  question: SigningQuestion,
  options: {readonly collective: string; readonly ttlSeconds: number; readonly signal?: AbortSignal | undefined},
): Promise<Buffer> {
  const {token, request, signature} = question;
  const replies: NodeReply[] = [];
  await runRequest(
    messenger,
    {
      agent: signerAgent,
      action: 'sign',
      data: {request: request.toString('utf8'), token, signature},
      kind: 'service',
      targets: [],
      filter: {...emptyFilter, agents: [signerAgent]},
      timeoutMs: clientConnectLimits.signMs,
      ...options,
    },
    {reply: (reply) => replies.push(reply)},
  );
  const [reply] = replies;
  if (reply === undefined) {
    throw new ConnectError(
      'ERR_SIGNER_UNREACHABLE',
      `Cannot have the request signed: no agent ${signerAgent} answered in the collective ${JSON.stringify(options.collective)}`,
    );
  }
  if (reply.statusCode !== 0) {
    throw new ConnectError(
      'ERR_SIGNER_REFUSED',
      `The signing service on ${JSON.stringify(reply.sender)} refused to sign the request: ${JSON.stringify(reply.statusMessage.slice(0, 500))}`,
      {details: {sender: reply.sender, statusCode: reply.statusCode}},
    );
  }
  const signed = isJsonObject(reply.data) ? jsonField(reply.data, 'secure_request') : undefined;
  if (typeof signed === 'string' && signed !== '') return Buffer.from(signed, 'utf8');
  throw new ConnectError(
    'ERR_SIGNER_ANSWER',
    `Cannot have the request signed: the answer of ${JSON.stringify(reply.sender)} holds no signed request`,
  );
}
