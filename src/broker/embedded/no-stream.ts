/** The stream of listeners that the engine itself has in an account: they have no peer, and nothing is ever written to them. */
import type {ByteStream} from '../../lib/network.ts';

export const noStream: ByteStream = Object.freeze({
  remoteAddress: '',
  remotePort: 0,
  tls: undefined,
  onData: undefined,
  onClose: undefined,
  onDrain: undefined,
  queuedBytes: 0,
  writtenBytes: 0,
  write: () => 0,
  flush: () => 0,
  unread: () => {},
  pause: () => {},
  resume: () => {},
  startTlsClient: () => Promise.reject(new Error('it has no peer')),
  startTlsServer: () => Promise.reject(new Error('it has no peer')),
  end: () => {},
  destroy: () => {},
});
