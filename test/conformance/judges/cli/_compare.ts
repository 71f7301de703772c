/**
 * Compares what a command printed with a transcript, by the rules of `vectors/cli/README.md`: everything counts but the parts that differ
 * from run to run (times, ids, process numbers, counters), the order in which replies arrive, ties in summaries, and how many
 * frames a progress bar drew. Data, structure, columns and the exit code count.
 */
import type {CaseResult} from '../../judge.ts';

export interface Transcript {
  readonly name: string;
  readonly argv: readonly string[];
  readonly stdout?: string;
  readonly stderr?: string;
  /** On a terminal: both streams, with `\r\n`. */
  readonly output?: string;
  readonly exit: number;
  readonly tty?: {readonly cols: number; readonly rows: number};
}

export interface ActualRun {
  readonly stdout: string;
  readonly stderr: string;
  readonly output: string;
  readonly exit: number;
}

export interface CompareOptions {
  /** Version numbers that stand for "the program's own version", one per program. */
  readonly versions?: readonly string[];
  /** More rewriting of a whole stream before it is compared, for one judge's own needs. */
  readonly rewrite?: (text: string) => string;
}

const go = String.raw`(?:\d+(?:\.\d+)?(?:ns|µs|us|ms|s|m|h))+`;

/** Each is a part that the README calls variable; its neighbours stay, so that it is found only in its place. */
const variableParts: readonly (readonly [RegExp, string])[] = [
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)/g, '<time>'],
  [/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)? [+-]\d{4}(?: UTC)?/g, '<time>'],
  [/\b1[6-9]\d{8}\b/g, '<unix>'],
  [/time=\d+ ms/g, 'time=<ms>'],
  // The classic client counts milliseconds with two decimals.
  [/time=\d+\.\d\d ms/g, 'time=<hundredths>'],
  [/(max|min|avg): \d+\.\d\d(?= |$)/gm, '$1: <hundredths>'],
  [new RegExp(`(max|min|avg|overhead): ${go}`, 'g'), '$1: <duration>'],
  [new RegExp(`hosts in ${go}`, 'g'), 'hosts in <duration>'],
  [/hosts in \d+\.\d\d ms/g, 'hosts in <duration>'],
  [/ in \d+\.\d\dms for message /g, ' in <duration> for message '],
  [/((?:Discovery|Agent|Total) Time: )[\d.]+ms/g, '$1<duration>'],
  [/ in \d+(?:\.\d+)? seconds/g, ' in <duration>'],
  [new RegExp(`((?:Discovery|Publish|Agent|Total) Time: )${go}`, 'g'), '$1<duration>'],
  [/("?(?:publish_time|request_time|discover_time|dt)"?: ?)\d+(?:\.\d+)?(?:e[+-]?\d+)?/g, '$1<number>'],
  [/("requestid"\s*:\s*")(?:[0-9a-f]{32}|[0-9A-Za-z]{27})"/g, '$1<id>"'],
  [/(Request sent with id: |^)[0-9a-f]{32}$/gm, '$1<id>'],
  [/\b[0-9a-f]{32}\b/g, '<id>'],
  [
    /(Process ID|Total Messages|Messages Passed Filters|Messages Filtered|Expired Messages|Replies Sent|Events Published): +\d+/g,
    '$1: <number>',
  ],
  [
    /^( *(?:pid|events|filtered|passed|replies|total|ttlexpired|unvalidated|validated|goroutines|uptime|invalid|threads)): [\d.]+$/gm,
    '$1: <number>',
  ],
  [
    /("(?:pid|events|filtered|passed|replies|total|ttlexpired|unvalidated|validated|goroutines|uptime|validated|starttime)"\s*:\s*)[\d.]+/g,
    '$1<number>',
  ],
  [/(go_version"?: "?)[^\s",]+/g, '$1<version>'],
];

function replaceVariable(text: string, versions: readonly string[]): string {
  let out = text;
  for (const [pattern, replacement] of variableParts) out = out.replace(pattern, replacement);
  for (const version of versions)
    out = out.replaceAll(new RegExp(`(?<![\\d.])${version.replaceAll('.', '\\.')}(?![\\d.])`, 'g'), '<version>');
  return out;
}

// --- progress frames -------------------------------------------------------------------------------------------------

const framePattern =
  // eslint-disable-next-line no-control-regex
  /^((?:\u001b\[1A\u001b\[2K)?)(?:\u001b\[(\d+)m)?(\d+) \/ (\d+)(?:\u001b\[0m)? ( *(?:---|(?:\d+h)?(?:\d+m)?\d+s)) (\[[=>-]*\]) +(\d+)%$/;

/** What is wrong with a frame, worked out from its own numbers and not by the program's code. */
function frameProblem(match: RegExpExecArray, isFirst: boolean): string | undefined {
  const [, redraw, colour, currentText, totalText, elapsed, bar, percentText] = match;
  const [current, total, percent] = [Number(currentText), Number(totalText), Number(percentText)];
  const width = bar?.length ?? 0;
  if ((redraw === '') !== isFirst) return 'a frame that does not go up and clear its line';
  if (colour !== undefined && colour !== (current >= total ? '32' : '31'))
    return `colour ${colour} at ${current} of ${total}`;
  if ((elapsed ?? '').length < 5) return `elapsed "${elapsed}" narrower than 5`;
  if ((elapsed ?? '').includes('-') !== (current === 0)) return `elapsed "${elapsed}" at ${current} replies`;
  if (Math.abs(percent - (current * 100) / total) > 0.5) return `${percent}% at ${current} of ${total}`;
  const filled = Math.floor((width * current) / total);
  const letters: string[] = Array.from({length: width}, (_unused, index) => (index < filled ? '=' : '-'));
  if (filled > 0 && filled < width) letters[filled - 1] = '>';
  letters[0] = '[';
  letters[width - 1] = ']';
  return letters.join('') === bar ? undefined : `bar ${bar} at ${current} of ${total}`;
}

/** Puts one line for all frames of a bar: its total, its width, its colours, where it ended (where it began is chance); says what was wrong with any frame. */
function foldFrames(text: string): string {
  const out: string[] = [];
  let frames: RegExpExecArray[] = [];
  const flush = (): void => {
    if (frames.length === 0) return;
    let highest = -1;
    for (const [index, frame] of frames.entries()) {
      const problem = frameProblem(frame, index === 0);
      if (problem !== undefined) out.push(`<bad frame: ${problem}>`);
      if (Number(frame[3]) < highest) out.push('<bad frame: counts backward>');
      highest = Math.max(highest, Number(frame[3]));
    }
    // Where the first frame stood depends on when the replies came; where the last one stood does not.
    const last = frames.at(-1);
    out.push(`<progress to ${last?.[3]} of ${last?.[4]}, ${last?.[6]?.length} wide, colour ${last?.[2] ?? 'none'}>`);
    frames = [];
  };
  for (const line of text.split('\n')) {
    const match = framePattern.exec(line);
    if (match !== null) {
      frames.push(match);
      continue;
    }
    flush();
    out.push(line);
  }
  flush();
  return out.join('\n');
}

// --- order -----------------------------------------------------------------------------------------------------------

function sortRuns(lines: readonly string[], matches: (line: string) => boolean): string[] {
  const out: string[] = [];
  let run: string[] = [];
  const flush = (): void => {
    out.push(...run.sort());
    run = [];
  };
  for (const line of lines) {
    if (matches(line)) run.push(line);
    else {
      flush();
      out.push(line);
    }
  }
  flush();
  return out;
}

/** `%-40s %s`: a reply's heading. */
function isReplyHeading(line: string): boolean {
  return line.length >= 41 && /^\S+ *$/.test(line.slice(0, 40)) && line[40] === ' ' && !/^\S+ +time=/.test(line);
}

function isSectionStart(line: string): boolean {
  const plain = line.replaceAll(/\u001b\[[0-9;]*m/g, '');
  return /^(Summary of |Finished processing |---- request stats)/.test(plain);
}

interface Block {
  readonly kind: 'reply' | 'summary' | 'other';
  readonly lines: string[];
}

/** Cuts a request's text output into replies, summaries and what stands around them. */
function cutBlocks(lines: readonly string[]): readonly Block[] {
  const blocks: Block[] = [{kind: 'other', lines: []}];
  for (const line of lines) {
    if (isReplyHeading(line)) blocks.push({kind: 'reply', lines: []});
    else if (isSectionStart(line)) {
      blocks.push({kind: line.includes('Summary of ') ? 'summary' : 'other', lines: []});
    }
    blocks.at(-1)?.lines.push(line);
  }
  return blocks;
}

/** The blank lines behind the last reply belong to what follows, wherever that reply was. */
function splitTrailingBlank(blocks: readonly Block[]): readonly Block[] {
  return blocks.flatMap((block) => {
    if (block.kind !== 'reply') return [block];
    let end = block.lines.length;
    while (end > 2 && block.lines[end - 1] === '') end -= 1;
    const blanks = block.lines.slice(end);
    return [
      {kind: 'reply' as const, lines: block.lines.slice(0, end)},
      {kind: 'other' as const, lines: blanks},
    ];
  });
}

function orderReplies(lines: readonly string[]): string[] {
  const blocks = splitTrailingBlank(cutBlocks(lines));
  // Replies and the blank lines between them travel together; only the last one's blank lines may differ from the others'.
  const replies = blocks
    .map((block, index) => ({block, after: blocks[index + 1]}))
    .filter((item) => item.block.kind === 'reply');
  const sorted = [...replies].sort((a, b) => (a.block.lines.join('\n') < b.block.lines.join('\n') ? -1 : 1));
  let next = 0;
  return blocks.flatMap((block) => {
    if (block.kind !== 'reply') return block.lines;
    const item = sorted[next];
    next += 1;
    return item?.block.lines ?? [];
  });
}

function trailingBlanks(lines: readonly string[]): number {
  return lines.length - 1 - lines.findLastIndex((line) => line !== '');
}

/** Sorts entries of several lines; blank lines that only the last one has belong to what follows. */
function orderEntries(entries: readonly (readonly string[])[]): readonly string[] {
  const common = Math.min(...entries.map(trailingBlanks));
  const last = entries.at(-1) ?? [];
  const extra = trailingBlanks(last) - common;
  const cut = entries.map((entry) => (entry === last ? entry.slice(0, entry.length - extra) : entry).join('\n'));
  return [...cut.sort(), ...Array.from({length: extra}, () => '')];
}

/** Ties of a summary, and the values of a facts report that were found equally often, come in any order. */
function orderTies(lines: readonly string[]): string[] {
  const out: string[] = [];
  let group: {count: string; entries: string[][]} | undefined;
  const flush = (): void => {
    if (group !== undefined) out.push(...orderEntries(group.entries));
    group = undefined;
  };
  let section: 'none' | 'summary' | 'facts' = 'none';
  for (const line of lines) {
    const plain = line.replaceAll(/\u001b\[[0-9;]*m/g, '');
    if (plain.startsWith('Summary of ')) section = 'summary';
    else if (plain.startsWith('Report for fact')) section = 'facts';
    else if (/^(Finished processing |---- request stats)/.test(plain)) section = 'none';
    const count =
      section === 'summary'
        ? /^ {3}.*: (\d+)$/.exec(plain)?.[1]
        : section === 'facts'
          ? /^ {2}\S.* found (\d+) times$/.exec(plain)?.[1]
          : undefined;
    if (count !== undefined) {
      if (group?.count !== count) flush();
      group ??= {count, entries: []};
      group.entries.push([line]);
    } else if (section === 'facts' && group !== undefined && (line === '' || /^ {4}\S/.test(plain))) {
      group.entries.at(-1)?.push(line);
    } else {
      flush();
      out.push(line);
    }
  }
  flush();
  return out.join('\n').split('\n');
}

/** Rows of a table between its heading's rule and its end; a row with line ends inside stays whole. */
function orderTableRows(text: string): string {
  return text.replace(/(├[─┼]+┤\n)((?:│[\s\S]*?│\n)+)(╰[─┴]+╯)/g, (_all, rule: string, body: string, end: string) => {
    const rows = body.split(/(?<=│)\n(?=│|$)/).filter((row) => row !== '');
    return `${rule}${rows
      .sort()
      .map((row) => `${row}\n`)
      .join('')}${end}`;
  });
}

// --- JSON ------------------------------------------------------------------------------------------------------------

function sortBySender(value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  const items = value as readonly unknown[];
  return items
    .map((item) => JSON.stringify(item))
    .sort()
    .map((item) => JSON.parse(item) as unknown);
}

/** Arrays whose order is that of arrival. */
const arrivalKeys: readonly string[] = ['replies', 'no_responses', 'unexpected_responses', 'identities'];

function orderJson(value: unknown, keepReplies: boolean): unknown {
  if (Array.isArray(value)) return value.map((item) => orderJson(item, keepReplies));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => {
      const ordered = orderJson(item, keepReplies);
      const byArrival = arrivalKeys.includes(key) && !(key === 'replies' && keepReplies);
      return [key, byArrival ? sortBySender(ordered) : ordered];
    }),
  );
}

/** A whole JSON document keeps its indent and its keys' order; only the order of arrival is taken out. */
function orderJsonText(text: string, keepReplies: boolean): string | undefined {
  const trimmed = text.trim();
  if (!/^[[{]/.test(trimmed)) return undefined;
  try {
    const indent = /\n( +)/.exec(text)?.[1]?.length ?? 0;
    const value = JSON.parse(trimmed) as unknown;
    const ordered = Array.isArray(value) && !keepReplies ? sortBySender(value) : orderJson(value, keepReplies);
    return `<json indent ${indent}>${JSON.stringify(ordered, null, 1)}${text.endsWith('\n') ? '\n' : ''}`;
  } catch (error) {
    if (error instanceof SyntaxError) return orderJsonLines(text, keepReplies);
    throw error;
  }
}

/** `--jsonl`: one object a line; the results between discovery and summaries come as they arrive. */
function orderJsonLines(text: string, keepReplies: boolean): string | undefined {
  const lines = text.split('\n');
  try {
    return orderParsedLines(lines, keepReplies);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function orderParsedLines(lines: readonly string[], keepReplies: boolean): string | undefined {
  if (!lines.every((line) => line === '' || /^\{.*\}$/.test(line))) return undefined;
  const ordered = lines.map((line) => (line === '' ? '' : JSON.stringify(orderJson(JSON.parse(line), keepReplies))));
  return sortRuns(ordered, (line) => !keepReplies && line.startsWith('{"k":"result"')).join('\n');
}

// --- whole streams ----------------------------------------------------------------------------------------------------

function isNameList(argv: readonly string[]): boolean {
  return ['find', 'discover', 'ping'].includes(argv[1] ?? '') || argv.includes('--senders');
}

/** Where a library's own words begin; what stands before must be equal (README: "keep the prefix"). */
const foreignText: readonly RegExp[] = [
  /(level=\w+ msg="[^"]*?)unexpected token .*$/gm,
  /(level=\w+ msg="[^"]*?)yaml: .*$/gm,
  /(level=\w+ msg="[^"]*?)(?:invalid character|unexpected end of JSON|json: ).*$/gm,
  /(level=\w+ msg="[^"]*?)error parsing regexp: .*$/gm,
];

export function normaliseOutput(text: string, argv: readonly string[], options: CompareOptions = {}): string {
  const keepOrder = argv.includes('--sort');
  let out = options.rewrite ? options.rewrite(text) : text;
  out = out.replaceAll('\r\n', '\n');
  for (const pattern of foreignText) out = out.replace(pattern, '$1<library>');
  // First the frames, whose numbers must not be taken for other ones, then the variable parts, then the order.
  out = replaceVariable(foldFrames(out), options.versions ?? []);
  const json = orderJsonText(out.replaceAll(/<(?:number|unix)>/g, '0'), keepOrder);
  if (json !== undefined) return json;
  let lines = out.split('\n');
  lines = sortRuns(lines, (line) => /level=(?:error|warning|info|debug) /.test(line));
  if (isNameList(argv) && !keepOrder)
    lines = sortRuns(lines, (line) => /^[\w.-]+( +time=<(?:ms|hundredths)>)?$/.test(line) && line !== '');
  if (!keepOrder) lines = orderReplies(lines);
  lines = orderTies(lines);
  const joined = lines.join('\n');
  return keepOrder ? joined : orderTableRows(joined);
}

/** Removes log lines below warning, of which only the shape matters (they are the program's own words). */
export function dropInfoLines(text: string): string {
  return text.replace(/^time=\S+ level=(?:debug|info) .*\n/gm, '');
}

function excerpt(expected: string, got: string): readonly [string, string] {
  const [a, b] = [expected.split('\n'), got.split('\n')];
  const at = a.findIndex((line, index) => line !== b[index]);
  const from = Math.max(0, at === -1 ? a.length - 1 : at - 1);
  return [a.slice(from, from + 6).join('\n'), b.slice(from, from + 6).join('\n')];
}

export function compareRun(expected: Transcript, got: ActualRun, options: CompareOptions = {}): CaseResult {
  const {name, argv} = expected;
  if (expected.exit !== got.exit) {
    return {
      name,
      passed: false,
      expected: `exit ${expected.exit}`,
      got: `exit ${got.exit}: ${got.stdout}${got.stderr}${got.output}`,
    };
  }
  const streams: readonly (readonly [string, string | undefined, string])[] = [
    ['stdout', expected.stdout, got.stdout],
    ['stderr', expected.stderr, got.stderr],
    ['output', expected.output, got.output],
  ];
  for (const [stream, wanted, found] of streams) {
    if (wanted === undefined) continue;
    if (stream === 'output' && wanted.includes('\r\n') !== found.includes('\r\n')) {
      return {name, passed: false, expected: 'line ends of a terminal', got: JSON.stringify(found.slice(0, 200))};
    }
    const [a, b] = [normaliseOutput(wanted, argv, options), normaliseOutput(found, argv, options)];
    if (a === b) continue;
    const [x, y] = excerpt(a, b);
    return {name, passed: false, expected: `${stream} ${JSON.stringify(x)}`, got: JSON.stringify(y)};
  }
  return {name, passed: true};
}
