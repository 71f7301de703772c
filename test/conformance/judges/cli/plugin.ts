/**
 * Judges the pages of plugins. What comes from files of the lab's library counts to the letter; of what is built into the program the
 * structure and data count, because its sentences are each program's own (`vectors/cli/README.md`).
 */
import {existsSync, readdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import type {LabRunResult} from '../../../support/lab.ts';
import type {CaseResult, Judge} from '../../judge.ts';
import {type ClientCase, clientJudge} from './_client.ts';

interface LibraryDdl {
  readonly metadata: {readonly name: string};
  readonly actions: readonly {
    readonly aggregate?: readonly {readonly function: string; readonly args: readonly unknown[]}[];
  }[];
}

/** The descriptions in the lab's library, by name. */
function libraryDdls(vectorsDirectory: string): ReadonlyMap<string, LibraryDdl> {
  const directory = join(vectorsDirectory, 'cli', 'lab', 'lib', 'mcollective', 'agent');
  if (!existsSync(directory)) return new Map();
  const files = readdirSync(directory).filter((name) => name.endsWith('.json'));
  return new Map(
    files.map((name) => {
      const ddl = JSON.parse(readFileSync(join(directory, name), 'utf8')) as LibraryDdl;
      return [ddl.metadata.name, ddl] as const;
    }),
  );
}

/** The plugin that a command line is about; undefined for the list. */
function pluginOf({argv}: ClientCase): string | undefined {
  const words = argv.slice(3).filter((word) => !word.startsWith('-') && word !== 'json' && word !== 'ddl');
  const name = argv[2] === 'schema' ? words[1] : words[0];
  return name?.split('/').at(-1);
}

/** One line `name: sentence`, or one member of a JSON list of plugins: the sentence of a built-in one is left out. */
function maskListed(text: string, isOwn: (name: string) => boolean): string {
  return text.replaceAll(/^( +)("?)(\w+)\2: .*$/gm, (line, indent: string, quote: string, name: string) =>
    isOwn(name) ? line : `${indent}${quote}${name}${quote}: <sentence>`,
  );
}

const ownValue = /^( *(?:║ +)?(?:Author|URL|License|Prompt|Display As): ).*$/;

/** A page keeps its headings, boxes and data; runs of sentences become one mark. */
function maskPage(text: string): string {
  const out: string[] = [];
  for (const line of text.split('\n')) {
    const owned = ownValue.exec(line);
    const isStructure = /^ *$|║|╙|:$|: |^\S.* version |^ *Displaying /.test(line);
    const shown = owned !== null ? `${owned[1] ?? ''}<own>` : isStructure ? line : '<sentence>';
    if (shown !== '<sentence>' || out.at(-1) !== shown) out.push(shown);
  }
  return out.join('\n');
}

/** Members of a JSON description that are sentences. */
function maskJson(text: string): string | undefined {
  try {
    return JSON.stringify(JSON.parse(text), (key, value: unknown) =>
      ['description', 'author', 'url', 'license', 'prompt', 'display_as'].includes(key) ? '<own>' : value,
    );
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** The Ruby form has room for one entry of a map, and which one is chance in the reference; it must be one of the description's. */
function maskMapEntries(text: string, ddl: LibraryDdl): string {
  return text.replaceAll(/^( *aggregate (\w+)\(:(\w+), ):(\S+) => "(.*)"\)$/gm, (line, head: string, ...rest) => {
    const [called, output, key, value] = rest as readonly string[];
    const isDeclared = ddl.actions.some((action) =>
      (action.aggregate ?? []).some((item) => {
        const [name, map] = item.args;
        if (item.function !== called || name !== output || typeof map !== 'object' || map === null) return false;
        return (map as Readonly<Record<string, unknown>>)[key ?? ''] === value;
      }),
    );
    return isDeclared ? `${head}<entry>)` : line;
  });
}

const judge: Judge = (input) => {
  const ddls = libraryDdls(input.vectorsDirectory);
  const normalise = (item: ClientCase, text: string): string => {
    const plugin = pluginOf(item);
    if (text.startsWith('time="')) return text;
    if (plugin === undefined) return maskListed(text, (name) => ddls.has(name));
    const ddl = ddls.get(plugin);
    if (ddl !== undefined) return maskMapEntries(text, ddl);
    return maskJson(text) ?? maskPage(text);
  };
  const cases = (input.data as readonly ClientCase[]).map((item) =>
    item.stdout === undefined
      ? item
      : // The reference names the kind of the plugin in place of its name.
        {
          ...item,
          stdout: normalise(item, item.stdout).replace(
            'did not find schema for agent/agent',
            `did not find schema for agent/${pluginOf(item) ?? ''}`,
          ),
        },
  );
  const adjust = (item: ClientCase, result: LabRunResult): LabRunResult => ({
    ...result,
    stdout: normalise(item, result.stdout),
  });
  return clientJudge({adjust})({...input, data: cases}) as AsyncIterable<CaseResult>;
};

export default judge;
