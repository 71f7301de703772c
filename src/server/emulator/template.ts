/**
 * Texts that differ from node to node: `{n}` is the node's number, `{n:5}` the number with at least five digits, `{pick:a|b|c}` one of a
 * list by the number.
 */
import {ServerError} from '../errors.ts';

export type Template = (number: number) => string;

const place = /\{([^{}]*)\}/g;
const digitsMax = 12;

/**
 * @throws {ServerError} `ERR_SERVER_TEMPLATE`
 * @example
 * parseTemplate('web-{n:3}.example.net')(7) === 'web-007.example.net'
 */
export function parseTemplate(text: string): Template {
  const parts: (string | Template)[] = [];
  let end = 0;
  for (const match of text.matchAll(place)) {
    parts.push(text.slice(end, match.index), fieldTemplate(match[1] ?? '', text));
    end = match.index + match[0].length;
  }
  parts.push(text.slice(end));
  return (number) => parts.map((part) => (typeof part === 'string' ? part : part(number))).join('');
}

function fieldTemplate(inner: string, text: string): Template {
  if (inner === 'n') return String;
  const digits = /^n:(\d{1,2})$/.exec(inner);
  if (digits !== null && Number(digits[1]) <= digitsMax) {
    const width = Number(digits[1]);
    return (number) => String(number).padStart(width, '0');
  }
  if (inner.startsWith('pick:')) {
    const choices = inner.slice('pick:'.length).split('|');
    return (number) => choices[number % choices.length] ?? '';
  }
  throw new ServerError(
    'ERR_SERVER_TEMPLATE',
    `Cannot use the template "${text}": "{${inner}}" is not one of {n}, {n:DIGITS}, {pick:A|B}`,
    {details: {template: text}},
  );
}
