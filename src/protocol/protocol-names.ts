/** The names that both versions write into the key `protocol` of each layer. */
import type {ProtocolVersion} from './types.ts';

export interface LayerNames {
  readonly transport: string;
  readonly secureRequest: string;
  readonly secureReply: string;
  readonly request: string;
  readonly reply: string;
}

export const protocolNames: Readonly<Record<ProtocolVersion, LayerNames>> = {
  1: {
    transport: 'choria:transport:1',
    secureRequest: 'choria:secure:request:1',
    secureReply: 'choria:secure:reply:1',
    request: 'choria:request:1',
    reply: 'choria:reply:1',
  },
  2: {
    transport: 'io.choria.protocol.v2.transport',
    secureRequest: 'io.choria.protocol.v2.secure_request',
    secureReply: 'io.choria.protocol.v2.secure_reply',
    request: 'io.choria.protocol.v2.request',
    reply: 'io.choria.protocol.v2.reply',
  },
};
