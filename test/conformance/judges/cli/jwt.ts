/** Judges the sequence of `jwt` commands: exit codes and output, but for times, new keys and the words of libraries. */
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import type {CaseResult, Judge} from '../../judge.ts';
import {judgeEqual} from '../../judge.ts';
import {type JwtRun, type JwtTranscript, runSequence} from './_jwt.ts';

const variable: readonly (readonly [RegExp, string])[] = [
  // eslint-disable-next-line no-control-regex
  [/\u001b(?:\[[0-9;?]*[A-Za-z]|[78])/g, ''],
  [/time="[^"]*"/g, 'time="<time>"'],
  [/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+0000 UTC/g, '<date>'],
  [/expires=[\d.]+s/g, 'expires=<seconds>'],
  [/\b(?:\d+y)?(?:\d+d)?(?:\d+h)?(?:\d+m)?\d+s\b/g, '<duration>'],
  [/"value": [\d.]+/g, '"value": <seconds>'],
  [/(choria_jwt_expires\{[^}]*\}) \S+/g, '$1 <seconds>'],
  [/│ [\d,]+\.\d{3} +│/g, '│ <seconds> │'],
  [/"(exp|nbf|iat)": \d+/g, '"$1": <unix>'],
  [/"jti": "[0-9A-Za-z]{27}"/g, '"jti": "<id>"'],
  // What a library says of a broken token or key is its own.
  [/(could not (?:parse|create) token): [^\n]*/g, '$1: <reason>'],
  [/(Could not run Choria: EOF)[^"\n]*/g, '$1'],
];

/** Widths of a table hang on the numbers in it. */
function loosenTable(line: string): string {
  return /^[╭├╰]/.test(line) ? line.replace(/─+/g, '─') : line.replace(/ +│/g, ' │');
}

function normalise(text: string, keys: JwtRun['keys']): string {
  let out = text.replaceAll('\r\n', '\n');
  for (const [own, wanted] of keys) out = out.replaceAll(own, wanted);
  for (const [pattern, replacement] of variable) out = out.replace(pattern, replacement);
  return out.split('\n').map(loosenTable).join('\n');
}

/** A prompt draws itself several times; what counts is which questions were asked and what came behind them. */
function conversation(text: string, keys: JwtRun['keys']): readonly string[] {
  const lines = normalise(text, keys)
    .split(/[\r\n]+/)
    .flatMap((line) => line.split(/(?=time=")/))
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const asked = lines.flatMap((line) => /^\?\s+(.*?)\s*(?:\(|$|\s(?:No|Yes)$)/.exec(line)?.slice(1) ?? []);
  const said = lines.filter((line) => !line.startsWith('?'));
  return [...new Set(asked.map((question) => `? ${question.split(' (')[0]?.replace(/ (No|Yes)$/, '')}`)), ...said];
}

function judgeRun({transcript, result, keys}: JwtRun): CaseResult {
  const {name, exit, stdout, stderr, output} = transcript;
  const isPrompt = (output ?? stdout ?? '').includes('\u001b');
  if (isPrompt) {
    const wanted = {exit, said: conversation(output ?? `${stdout}`, keys)};
    return judgeEqual(name, wanted, {exit: result.exit, said: conversation(result.output || result.stdout, keys)});
  }
  const wanted = {exit, stdout: normalise(stdout ?? '', keys), stderr: normalise(stderr ?? '', keys)};
  const got = {exit: result.exit, stdout: normalise(result.stdout, keys), stderr: normalise(result.stderr, keys)};
  return judgeEqual(name, wanted, got);
}

const judge: Judge = async ({data, vectorsDirectory}) => {
  const files = JSON.parse(readFileSync(join(vectorsDirectory, 'cli', 'jwt-files.json'), 'utf8')) as Readonly<
    Record<string, string>
  >;
  const {runs} = await runSequence(data as readonly JwtTranscript[], files);
  return runs.map(judgeRun);
};

export default judge;
