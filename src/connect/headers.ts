/** Message headers in the form they have on the wire. */
import {ConnectError} from './errors.ts';

/**
 * `NATS/1.0`, one line for each value, an empty line.
 *
 * @throws {ConnectError} `ERR_HEADER` for a name or value that would break out of its line
 */
export function headerBlock(headers: Readonly<Record<string, readonly string[]>>): Buffer {
  let text = 'NATS/1.0\r\n';
  for (const [name, values] of Object.entries(headers)) {
    if (!/^[!-9;-~]+$/.test(name)) throw refused(name, 'its name may only have visible characters and no colon');
    for (const value of values) {
      if (/[\r\n]/.test(value)) throw refused(name, 'its value has a line end');
      text += `${name}: ${value}\r\n`;
    }
  }
  return Buffer.from(`${text}\r\n`);
}

function refused(name: string, why: string): ConnectError {
  return new ConnectError('ERR_HEADER', `Cannot send the header ${JSON.stringify(name.slice(0, 100))}: ${why}`, {
    details: {name: name.slice(0, 100)},
  });
}

const noResponders = Buffer.from('NATS/1.0 503');

/** Whether a message is the broker's word that nobody listens. */
export function isNoResponders(headers: Buffer | undefined, payload: Buffer): boolean {
  return (
    headers !== undefined &&
    payload.length === 0 &&
    headers.length >= noResponders.length &&
    headers.compare(noResponders, 0, noResponders.length, 0, noResponders.length) === 0
  );
}
