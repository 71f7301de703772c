/**
 * Reads an action policy: lines with tabs between columns, first matching rule decides.
 *
 * The line forms are those of the Go and Ruby programs, oddities included (a trailing tab belongs to the last column), because a
 * policy must keep its meaning. What is likely a mistake gets a warning instead.
 */
import {compileRegex, RegexError} from '../lib/regex.ts';
import {authzLimits} from './limits.ts';

export interface PolicyRule {
  readonly kind: 'rule';
  readonly line: number;
  readonly text: string;
  readonly effect: 'allow' | 'deny';
  readonly callers: string;
  readonly actions: string;
  readonly facts: string;
  /** Undefined when the line has no such column. */
  readonly classes: string | undefined;
}

export interface PolicyDefault {
  readonly kind: 'default';
  readonly line: number;
  readonly text: string;
  readonly allow: boolean;
}

/** A line that decides nothing. */
export interface PolicyIgnored {
  readonly kind: 'ignored';
  readonly line: number;
  readonly text: string;
  readonly reason: 'invalid' | 'compound';
}

export type PolicyLine = PolicyRule | PolicyDefault | PolicyIgnored;

export interface PolicyWarning {
  readonly line: number;
  readonly message: string;
  /** The line was written to deny, and denies nobody or fewer than it names. */
  readonly loosens: boolean;
}

export interface Policy {
  readonly lines: readonly PolicyLine[];
  readonly warnings: readonly PolicyWarning[];
}

const ruleForm = compileRegex('^(allow|deny)\\t+(.+?)\\t+(.+?)\\t+(.+?)(\\t+(.+?))*$');
const defaultForm = /^policy[\t\n\f\r ]+default[\t\n\f\r ]+([0-9A-Za-z_]+)/;
const commentForm = /^(?:#.*|[\t\n\f\r ]*)$/;

/** Lines as both programs cut them: LF or CRLF. */
export function linesOf(text: string): readonly {readonly line: number; readonly text: string}[] {
  return text
    .split('\n', authzLimits.policyLinesMax + 1)
    .map((item, index) => ({line: index + 1, text: item.endsWith('\r') ? item.slice(0, -1) : item}));
}

export function isComment(line: string): boolean {
  return commentForm.test(line);
}

export function parsePolicy(text: string): Policy {
  const lines: PolicyLine[] = [];
  for (const item of linesOf(text)) {
    if (!isComment(item.text)) lines.push(parseLine(item.line, item.text));
  }
  return {lines, warnings: lines.flatMap((line) => [...warningsOf(line)])};
}

function parseLine(line: number, text: string): PolicyLine {
  const word = defaultForm.exec(text)?.[1];
  if (word !== undefined) return {kind: 'default', line, text, allow: word === 'allow'};
  const groups = ruleForm.match(text)?.groups;
  if (groups === undefined) return {kind: 'ignored', line, text, reason: 'invalid'};
  const [, effect, callers = '', actions = '', facts = '', , classes] = groups;
  if (isCompound(facts) || isCompound(classes ?? '')) return {kind: 'ignored', line, text, reason: 'compound'};
  return {kind: 'rule', line, text, effect: effect === 'allow' ? 'allow' : 'deny', callers, actions, facts, classes};
}

/** Statements with logic were never supported in policies: such a line is skipped. */
function isCompound(column: string): boolean {
  const words = column.split(/[\t ]+/);
  return words.some((word) => ['not', 'or', 'and'].includes(word) || word.startsWith('!')) || /\([^)]+\)/.test(column);
}

function* warningsOf(line: PolicyLine): Generator<PolicyWarning> {
  const warn = (message: string): PolicyWarning => ({line: line.line, message, loosens: false});
  switch (line.kind) {
    case 'ignored':
      yield {
        line: line.line,
        message:
          line.reason === 'compound'
            ? `Compound policy statements are not supported, skipping line: ${line.text}`
            : `invalid policy line: ${line.text}`,
        loosens: isMeantToDeny(line),
      };
      return;
    case 'default':
      if (!line.allow && !/default\s+deny\b/.test(line.text))
        yield warn(`the default is neither allow nor deny, taken as deny: ${line.text}`);
      return;
    case 'rule':
      yield* ruleWarnings(line, warn);
  }
}

/** Whether somebody wrote a line to forbid something, however badly. */
function isMeantToDeny({text}: PolicyLine): boolean {
  return /^\W*deny\b/i.test(text);
}

/** Of a caller that begins with a slash: nothing stands between two of them. `//` is no pattern either, or it would match everybody. */
export function isHalfPattern(word: string): boolean {
  return word.length < 3 || !word.endsWith('/');
}

/** A word that makes the rest of the callers, and itself, match nobody. */
function brokenCaller(callers: string): string | undefined {
  return callers.split(' ').find((word) => {
    if (!word.startsWith('/')) return false;
    if (isHalfPattern(word)) return true;
    try {
      compileRegex(word.slice(1, -1));
      return false;
    } catch (error) {
      if (error instanceof RegexError) return true;
      throw error;
    }
  });
}

/** Known traps: the rule keeps its meaning, and somebody is told that it may not be the one they had in mind. */
function* ruleWarnings(rule: PolicyRule, warn: (message: string) => PolicyWarning): Generator<PolicyWarning> {
  const {effect, callers, actions, facts, classes, text} = rule;
  const broken = brokenCaller(callers);
  if (broken !== undefined) {
    const message = `the caller ${JSON.stringify(broken)} is no pattern: it and the callers behind it are matched by nobody`;
    yield {line: rule.line, message, loosens: effect === 'deny'};
  }
  if (classes === undefined) yield warn(`the rule has no classes column and will deny whoever it applies to: ${text}`);
  if (/[\t ]$/.test(text)) yield warn(`the blank at the end belongs to the last column: ${text}`);
  for (const word of (classes ?? '').split(' ')) {
    if (/[A-Z]/.test(word) && !word.startsWith('/')) {
      yield warn(`the class "${word}" is compared in lower case and never equals a class written with capitals`);
    }
  }
  for (const word of facts.split(' ')) {
    if (/[^<>=]>[^=].*\./.test(word) && /[0-9]\.[0-9]/.test(word))
      yield warn(`"${word}" compares a fraction: here > includes equal`);
  }
  if (actions.split(' ').some((word) => word.length > 1 && word.startsWith('/') && word.endsWith('/'))) {
    yield warn(`actions are compared as they stand, patterns are not known here: ${actions}`);
  }
}
