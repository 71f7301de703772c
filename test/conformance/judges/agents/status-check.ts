/** Judges `agents/status-check.json`: what `choria tool status` says of a status file. */
import {mkdtempSync, rmSync, utimesSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {runCliForTest} from '../../../support/cli.ts';
import {type CaseResult, type Judge, judgeEqual} from '../../judge.ts';

interface StatusCase {
  readonly name: string;
  readonly status_relative_to_now?: Readonly<Record<string, unknown>>;
  readonly content?: string | null;
  readonly flags: readonly string[];
  readonly file_age_seconds?: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly exit: number;
}

const never = '0001-01-01T00:00:00Z';

/** Seconds from now in the three fields that are times; everything else as it is. */
function statusText(status: Readonly<Record<string, unknown>>, nowMs: number): string {
  const date = (value: unknown): string =>
    value === null || value === undefined ? never : new Date(nowMs + Number(value) * 1000).toISOString();
  const last = Number(status['last_message']);
  return JSON.stringify({
    ...status,
    last_message: last === 0 ? 0 : Math.floor(nowMs / 1000) + last,
    certificate_expires: date(status['certificate_expires']),
    token_expires: date(status['token_expires']),
  });
}

function normalise(text: string, path: string): string {
  return text
    .replaceAll(path, '{FILE}')
    .replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+0000 UTC/g, '{TIME} +0000 UTC')
    .replace(/(could not be read: json: ).*/g, '$1<library>');
}

async function judgeCase(item: StatusCase): Promise<CaseResult> {
  const directory = mkdtempSync(join(tmpdir(), 'choria-status-'));
  const path = join(directory, 'status.json');
  try {
    const nowMs = Date.now();
    const text =
      item.status_relative_to_now === undefined ? item.content : statusText(item.status_relative_to_now, nowMs);
    if (text !== null && text !== undefined) {
      writeFileSync(path, text);
      const at = (nowMs - (item.file_age_seconds ?? 0) * 1000) / 1000;
      utimesSync(path, at, at);
    }
    const argv = ['choria', 'tool', 'status', '--status-file', path, ...item.flags];
    const {stdout, stderr, exit} = await runCliForTest({argv});
    const wanted = {stdout: normalise(item.stdout, path), stderr: item.stderr, exit: item.exit};
    return judgeEqual(item.name, wanted, {stdout: normalise(stdout, path), stderr, exit});
  } finally {
    rmSync(directory, {recursive: true, force: true});
  }
}

const judge: Judge = async function* ({data}) {
  for (const item of data as readonly StatusCase[]) yield await judgeCase(item);
};

export default judge;
