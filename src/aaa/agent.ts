/**
 * The agent `aaa_signer`: signing over the middleware instead of HTTP (agents 7.6).
 *
 * Who asks cannot sign yet, so requests to this agent come unsigned; the token and the signature inside prove the caller. Everything else
 * that reaches the host of the agent is proven as everywhere.
 */
import {delegateProvider} from '../crypto/index.ts';
import type {ProvenCaller, RequestProof, SecurityProvider} from '../crypto/types.ts';
import {errorMessage} from '../lib/errors.ts';
import type {Logger} from '../lib/logger.ts';
import {version} from '../lib/version.ts';
import {decodeRequest} from '../protocol/index.ts';
import {ActionFailure, type Authorizer, defineAction, defineAgent, type DefinedAgent} from '../rpc/index.ts';
import type {AaaService} from './service.ts';

export const signerAgentName = 'aaa_signer';

export function createSignerAgent(service: Pick<AaaService, 'sign'>, logger: Logger): DefinedAgent {
  return defineAgent({
    name: signerAgentName,
    description: 'Signs requests for callers who were authorised centrally',
    author: 'Choria',
    license: 'Apache-2.0',
    version,
    url: 'https://choria.io',
    timeoutSeconds: 10,
    service: true,
    actions: {
      sign: defineAction({
        description: 'Signs one request',
        display: 'always',
        inputs: {
          request: {
            type: 'string',
            description: 'The request, encoded',
            validation: 'shellsafe',
            maxLengthBytes: 100_240,
          },
          token: {type: 'string', description: 'The token of the caller', validation: '.', maxLengthBytes: 10_024},
          signature: {
            type: 'string',
            description: 'Made by the caller over the request',
            validation: '.',
            maxLengthBytes: 1_024,
          },
        },
        outputs: {
          secure_request: {type: 'string', description: 'The signed request, encoded', displayAs: 'Secure Request'},
        },
        run: async ({request, token, signature}) => {
          try {
            const {document} = await service.sign({request: Buffer.from(request, 'utf8'), token, signature});
            return {secure_request: document.toString('utf8')};
          } catch (error) {
            logger.warn(errorMessage(error));
            throw new ActionFailure('Request Denied', {statusCode: 1, cause: error});
          }
        },
      }),
    },
  });
}

/** Lets unsigned requests to the signer through, and nothing else. */
export function createSignerHostProvider(inner: SecurityProvider): SecurityProvider {
  return delegateProvider(() => inner, {
    verifyRequest: (proof) => (isForSigner(proof, inner) ? unproven(proof) : inner.verifyRequest(proof)),
  });
}

function isForSigner(proof: RequestProof, {technology}: SecurityProvider): boolean {
  return decodeRequest(proof.message, technology === 'x509' ? 1 : 2).agent === signerAgentName;
}

function unproven(proof: RequestProof): ProvenCaller {
  return {callerId: proof.claimedCaller, signedBy: 'unsigned', validUntilMs: Number.MAX_SAFE_INTEGER};
}

/** On the host of the signer everybody may ask to sign, and nobody may do anything else. */
export const signerAuthorizer: Authorizer = {
  name: 'aaa',
  authorize: async ({agent, action}) => {
    const allowed = agent === signerAgentName && action === 'sign';
    return {allowed, reason: allowed ? 'Anybody may ask for a signature' : 'This host only signs requests'};
  },
};
