/**
 * The agent's body inside a request. Whatever is valid base64 is decoded before an agent sees it: a rule of the reference that
 * turns the four letters `ping` into garbage. So what would be taken for base64, and what is not text, is sent as base64.
 */
import {decodeBase64, encodeBase64} from './base64.ts';

/** What the agent sees of a request's message text. */
export function decodeBody(message: string): Buffer {
  return decodeBase64(message) ?? Buffer.from(message, 'utf8');
}

/** The message text from which `decodeBody` makes the same body again. */
export function encodeBody(body: Uint8Array): string {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const text = bytes.toString('utf8');
  const isText = text !== '' && Buffer.from(text, 'utf8').equals(bytes);
  return isText && decodeBase64(text) === undefined ? text : encodeBase64(bytes);
}
