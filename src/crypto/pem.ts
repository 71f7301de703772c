/** PEM blocks: reading and writing. Text outside blocks is ignored, as other readers do. */
import {CryptoError} from './errors.ts';

export interface PemBlock {
  /** Such as `CERTIFICATE`. */
  readonly label: string;
  readonly der: Buffer;
}

const beginMark = '-----BEGIN ';

/**
 * @throws {CryptoError} `ERR_CERTIFICATE_INVALID` for a block that does not end or holds other letters than base64
 */
export function parsePem(text: string, options: {readonly blocksMax: number}): readonly PemBlock[] {
  const blocks: PemBlock[] = [];
  let at = text.indexOf(beginMark);
  while (at !== -1) {
    const labelEnd = text.indexOf('-----', at + beginMark.length);
    const label = labelEnd === -1 ? '' : text.slice(at + beginMark.length, labelEnd);
    const endMark = `-----END ${label}-----`;
    const end = labelEnd === -1 ? -1 : text.indexOf(endMark, labelEnd);
    if (end === -1) {
      throw new CryptoError('ERR_CERTIFICATE_INVALID', 'Cannot read PEM text: a block has no END line');
    }
    if (blocks.length === options.blocksMax) {
      throw new CryptoError(
        'ERR_CERTIFICATE_INVALID',
        `Cannot read PEM text: it holds more than the ${options.blocksMax} blocks that are accepted`,
      );
    }
    blocks.push({label, der: decodeBlock(text.slice(labelEnd + 5, end))});
    at = text.indexOf(beginMark, end + endMark.length);
  }
  return blocks;
}

function decodeBlock(body: string): Buffer {
  const base64 = body.replace(/\s+/g, '');
  if (base64.length === 0 || base64.length % 4 !== 0 || !/^[A-Za-z0-9+/]+={0,2}$/.test(base64)) {
    throw new CryptoError('ERR_CERTIFICATE_INVALID', 'Cannot read PEM text: a block is not base64');
  }
  return Buffer.from(base64, 'base64');
}

export function formatPem(label: string, der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}
