/**
 * Subject mappings: what is published to one subject goes to another.
 *
 * The source is a pattern; the destination may repeat what its wildcards stood for (`$1`, `{{wildcard(1)}}`), or spread subjects over a
 * number of partitions (`{{partition(10,1,2)}}`), as nats-server does.
 */
import {isSubscribeSubject, matchesLiterally} from '../../natswire/index.ts';
import {BrokerError} from '../errors.ts';

export interface SubjectMapping {
  readonly source: string;
  readonly destination: string;
}

type Part = (tokens: readonly string[]) => string;

interface Compiled {
  readonly source: string;
  readonly places: readonly number[];
  readonly parts: readonly Part[];
}

/** The first mapping whose source matches decides. */
export class SubjectMappings {
  readonly #mappings: readonly Compiled[];

  /** @throws {BrokerError} `ERR_BROKER_SETTING` */
  constructor(mappings: readonly SubjectMapping[]) {
    this.#mappings = mappings.map(compile);
  }

  /** Where a message goes; undefined when nothing is said of its subject. */
  target(subject: string): string | undefined {
    const mapping = this.#mappings.find(({source}) => matchesLiterally(subject, source));
    if (mapping === undefined) return undefined;
    const tokens = subject.split('.');
    const wildcards = mapping.places.map((place) =>
      place < 0 ? tokens.slice(-place - 1).join('.') : (tokens[place] ?? ''),
    );
    return mapping.parts.map((part) => part(wildcards)).join('.');
  }
}

function compile({source, destination}: SubjectMapping): Compiled {
  const wrong = (why: string): BrokerError =>
    new BrokerError(
      'ERR_BROKER_SETTING',
      `Cannot map ${JSON.stringify(source)} to ${JSON.stringify(destination)}: ${why}`,
    );
  if (!isSubscribeSubject(source)) throw wrong('the source is no subject');
  const tokens = source.split('.');
  const places = tokens.flatMap((token, place) => (token === '*' ? [place] : token === '>' ? [-place - 1] : []));
  // A function may have commas, never dots.
  const wanted = destination.split('.');
  if (wanted.includes('') || destination === '') throw wrong('the destination has an empty token');
  const last = wanted.length - 1;
  const parts = wanted.map((token, place): Part => {
    const isRest = token === '>';
    if (isRest && (place !== last || tokens.at(-1) !== '>')) {
      throw wrong('the destination has ">" where the source has none at its end');
    }
    if (token === '*') throw wrong('the destination has a wildcard: expected $1, $2, ...');
    return isRest ? (wildcards) => wildcards.at(-1) ?? '' : partOf(token, places.length, wrong);
  });
  return {source, places, parts};
}

function partOf(token: string, count: number, wrong: (why: string) => BrokerError): Part {
  const reference = /^\$(\d{1,3})$/.exec(token) ?? /^\{\{\s*wildcard\(\s*(\d{1,3})\s*\)\s*\}\}$/i.exec(token);
  const check = (index: number): number => {
    if (index >= 1 && index <= count) return index - 1;
    throw wrong(`the source has ${count} wildcards, there is no number ${index}`);
  };
  if (reference !== null) {
    const index = check(Number(reference[1]));
    return (wildcards) => wildcards[index] ?? '';
  }
  const spread = /^\{\{\s*partition\(\s*(\d{1,6})((?:\s*,\s*\d{1,3})+)\s*\)\s*\}\}$/i.exec(token);
  if (spread !== null) {
    const partitions = Number(spread[1]);
    if (partitions < 1) throw wrong('there are no partitions');
    const indexes = (spread[2] ?? '')
      .split(',')
      .slice(1)
      .map((text) => check(Number(text)));
    return (wildcards) => String(fnv1a(indexes.map((index) => wildcards[index] ?? '').join('')) % partitions);
  }
  if (token.startsWith('{{')) throw wrong(`the function "${token}" is not known: expected wildcard or partition`);
  return () => token;
}

/** 32 bits, over one byte for each character. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  return hash >>> 0;
}
