/** Merging of fact files, what is logged, and look-ups in the result. */
import {createFactSource} from '../../../../src/server/facts.ts';
import {gjsonGet, gjsonValue} from '../../../../src/lang/index.ts';
import {silentLogger} from '../../../../src/lib/logger.ts';
import {FakeFiles} from '../../../support/fake-files.ts';
import {type CaseResult, type Judge, judgeEqual} from '../../judge.ts';

interface FactsCase {
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
  readonly path: readonly string[];
  readonly facts: unknown;
  readonly error: string | null;
  readonly logs: readonly string[] | null;
  readonly get: Readonly<Record<string, {readonly exists: boolean; readonly value: unknown}>>;
}

const directory = '/vector-files';

const judge: Judge = async ({data}) => {
  const results: CaseResult[] = [];
  for (const item of data as readonly FactsCase[]) results.push(await judgeCase(item));
  return results;
};

async function judgeCase(item: FactsCase): Promise<CaseResult> {
  const contents = Object.entries(item.files).map(([name, text]) => [`${directory}/${name}`, text]);
  const source = createFactSource({
    files: new FakeFiles(Object.fromEntries(contents) as Record<string, string>),
    paths: item.path.map((name) => `${directory}/${name}`),
    logger: silentLogger,
  });
  const {json, problems, error} = await source.load();
  const text = json.toString('utf8');
  const get = Object.keys(item.get).map((path) => {
    const found = gjsonGet(text, path);
    return [path, {exists: found.exists, value: plain(gjsonValue(found))}];
  });
  const got = {
    facts: JSON.parse(text) as unknown,
    error: error?.replaceAll(directory, 'DIR') ?? null,
    logs: problems.map(({level, message}) =>
      logText(level === 'warn' ? 'warning' : level, message.replaceAll(directory, 'DIR')),
    ),
    get: Object.fromEntries(get) as unknown,
  };
  const logs = (item.logs ?? []).map((line) => {
    const {level, msg} = JSON.parse(line) as {level: string; msg: string};
    return logText(level, msg);
  });
  return judgeEqual(item.name, {facts: item.facts, error: item.error, logs, get: item.get}, got);
}

/** What a parser says of broken text is its own; that it is said, how loud and of which file is compared. */
function logText(level: string, message: string): string {
  return `${level}: ${message.replace(/^(Could not parse facts file(?: \S+ as YAML)?: ).*$/s, '$1')}`;
}

function plain(value: unknown): unknown {
  if (value instanceof Map)
    return Object.fromEntries([...value].map(([key, item]: [unknown, unknown]) => [String(key), plain(item)]));
  return Array.isArray(value) ? value.map((item: unknown) => plain(item)) : value;
}

export default judge;
