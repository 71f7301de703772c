/**
 * Reads JSON from the network: bounded in size, depth and number of items, each key at most once.
 *
 * A key that comes twice is the classic way to have two readers of one signed text see two callers; the reference takes the last
 * one, whether its letters are capitals or not, here it is refused. `JSON.parse` itself neither recurses nor touches prototypes, but it says nothing about duplicates, so a
 * light scan goes first. The scan jumps over strings with `indexOf`, so that large base64 fields cost next to nothing.
 */
import {errorMessage} from '../lib/errors.ts';
import {foldCase} from '../lib/json.ts';
import {ProtocolError, type ProtocolStage} from './errors.ts';
import {protocolLimits} from './limits.ts';

export interface ReadJsonOptions {
  readonly stage: ProtocolStage;
  readonly bytesMax?: number;
  /** Named in messages, such as `transport`. */
  readonly what: string;
  /** In how many outer levels keys that differ in capitals only are one key; below them stands somebody's data. All, unless given. */
  readonly foldedLevels?: number;
}

export interface ReadJson {
  readonly value: unknown;
  /** Keys whose value is a number written with a fraction or an exponent: Go does not read those into integers. */
  readonly fractionKeys: ReadonlySet<string>;
}

/**
 * @throws {ProtocolError} `ERR_MESSAGE_TOO_LARGE` | `ERR_JSON_INVALID`
 */
export function readStrictJson(text: string, options: ReadJsonOptions): ReadJson {
  const bytesMax = options.bytesMax ?? protocolLimits.messageBytesMax;
  if (text.length > bytesMax) {
    throw new ProtocolError(
      'ERR_MESSAGE_TOO_LARGE',
      `Cannot read ${options.what}: it has ${text.length} characters, at most ${bytesMax} are accepted`,
      {stage: options.stage},
    );
  }
  const problem = new Scanner(text, options.foldedLevels ?? Infinity);
  const reason = problem.scan();
  if (reason !== undefined) {
    throw new ProtocolError('ERR_JSON_INVALID', `Cannot read ${options.what}: ${reason}`, {stage: options.stage});
  }
  try {
    return {value: JSON.parse(text) as unknown, fractionKeys: problem.fractionKeys};
  } catch (error) {
    throw new ProtocolError(
      'ERR_JSON_INVALID',
      `Cannot read ${options.what}: it is not JSON (${errorMessage(error)})`,
      {
        stage: options.stage,
        cause: error,
      },
    );
  }
}

const quote = 0x22;
const backslash = 0x5c;

/** Finds what `JSON.parse` does not tell. Malformed text passes through: parsing names the place. */
class Scanner {
  readonly fractionKeys = new Set<string>();
  /** One entry for each open container: the keys of an object, undefined for an array. */
  private readonly open: (Set<string> | undefined)[] = [];
  private readonly text: string;
  private readonly foldedLevels: number;
  private items = 0;
  private expectsKey = false;
  private key = '';

  constructor(text: string, foldedLevels: number) {
    this.text = text;
    this.foldedLevels = foldedLevels;
  }

  scan(): string | undefined {
    const {text} = this;
    for (let at = 0; at < text.length; at += 1) {
      const code = text.charCodeAt(at);
      switch (code) {
        case quote: {
          const end = endOfString(text, at);
          if (end === -1) return undefined;
          const duplicate = this.expectsKey ? this.addKey(at, end) : undefined;
          if (duplicate !== undefined) return duplicate;
          at = end;
          break;
        }
        case 0x7b: // {
        case 0x5b: // [
          if (this.open.length === protocolLimits.jsonDepthMax) {
            return `it nests deeper than the ${protocolLimits.jsonDepthMax} levels that are accepted`;
          }
          this.open.push(code === 0x7b ? new Set() : undefined);
          this.expectsKey = code === 0x7b;
          break;
        case 0x7d: // }
        case 0x5d: // ]
          this.open.pop();
          this.expectsKey = false;
          break;
        case 0x2c: // ,
          this.items += 1;
          if (this.items > protocolLimits.jsonItemsMax) {
            return `it holds more than the ${protocolLimits.jsonItemsMax} items that are accepted`;
          }
          this.expectsKey = this.open.at(-1) !== undefined;
          break;
        case 0x2e: // .
        case 0x45: // E
        case 0x65: // e
          if (isDigit(text.charCodeAt(at - 1))) this.fractionKeys.add(this.key);
          break;
        default:
      }
    }
    return undefined;
  }

  private addKey(start: number, end: number): string | undefined {
    const raw = this.text.slice(start + 1, end);
    const key = raw.includes('\\') ? unescapeKey(raw) : raw;
    const keys = this.open.at(-1);
    const folded = this.open.length <= this.foldedLevels ? foldCase(key) : key;
    if (keys?.has(folded)) return `the key ${JSON.stringify(key.slice(0, 64))} comes twice in one object`;
    keys?.add(folded);
    this.key = key;
    this.expectsKey = false;
    return undefined;
  }
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** Index of the closing quote, or -1. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (end !== -1) {
    let slashes = 0;
    while (text.charCodeAt(end - 1 - slashes) === backslash) slashes += 1;
    if (slashes % 2 === 0) return end;
    end = text.indexOf('"', end + 1);
  }
  return -1;
}

/** Two spellings of one key are one key; a key that cannot be read is left to the parser. */
function unescapeKey(raw: string): string {
  try {
    return JSON.parse(`"${raw}"`) as string;
  } catch {
    return raw;
  }
}
