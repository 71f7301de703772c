/** bzip2, in which releases are packed. The decoder is loaded with the first release: most servers never see one. */
import {createRequire} from 'node:module';
import {errorMessage} from '../lib/errors.ts';
import {ProvisionError} from './errors.ts';

interface Decoder {
  decode(input: Uint8Array, output: {writeByte(byte: number): void}): void;
}

const require = createRequire(import.meta.url);

/**
 * @param bytesMax what is unpacked at most; packed text may grow a thousandfold
 * @throws {ProvisionError} `ERR_PROVISION_RELEASE`
 */
export function unpackBzip2(packed: Uint8Array, bytesMax: number): Buffer {
  const decoder = require('seek-bzip') as Decoder;
  const chunks: Buffer[] = [];
  let chunk = Buffer.allocUnsafe(64 * 1024);
  let used = 0;
  let total = 0;
  const output = {
    writeByte(byte: number): void {
      if (used === chunk.length) {
        chunks.push(chunk);
        chunk = Buffer.allocUnsafe(1024 * 1024);
        used = 0;
      }
      if (++total > bytesMax)
        throw new ProvisionError('ERR_PROVISION_RELEASE', `it unpacks to more than ${bytesMax} bytes`);
      chunk[used++] = byte;
    },
  };
  try {
    decoder.decode(packed, output);
  } catch (cause) {
    if (cause instanceof ProvisionError) throw cause;
    throw new ProvisionError('ERR_PROVISION_RELEASE', `it cannot be unpacked: ${errorMessage(cause)}`, {cause});
  }
  chunks.push(chunk.subarray(0, used));
  return Buffer.concat(chunks);
}
