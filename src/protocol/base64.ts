/**
 * Base64 as both implementations write it: standard alphabet, padded, line ends inside ignored (Ruby wraps at 60 columns).
 *
 * Node's own decoder accepts anything; this one refuses what Go refuses.
 */
const shape = /^[A-Za-z0-9+/]*={0,2}$/;

/** The bytes, or undefined when the text is not base64. */
export function decodeBase64(text: string): Buffer | undefined {
  const clean = text.includes('\n') || text.includes('\r') ? text.replace(/[\r\n]+/g, '') : text;
  if (clean.length % 4 !== 0 || !shape.test(clean)) return undefined;
  return Buffer.from(clean, 'base64');
}

export function encodeBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}
