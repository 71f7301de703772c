/**
 * Judges the model of the command line that `--fisk-introspect` gives: one case for each command, named by its words. Names, aliases,
 * arguments, flags, letters, defaults, values and what is hidden or required count; sentences are each program's own, and ours may have
 * more of everything.
 */
import {runCliForTest} from '../../../support/cli.ts';
import {laterPart} from './_help.ts';
import {canonical, type CaseResult, type Judge} from '../../judge.ts';

interface ValueModel {
  readonly name: string;
  readonly short?: number;
  readonly help?: string;
  readonly default?: readonly string[];
  readonly place_holder?: string;
  readonly completions?: readonly string[];
  readonly required?: boolean;
  readonly hidden?: boolean;
  readonly boolean?: boolean;
  readonly negatable?: boolean;
  readonly cumulative?: boolean;
}

interface CommandModel {
  readonly name: string;
  readonly help: string;
  readonly aliases?: readonly string[] | null;
  readonly hidden?: boolean;
  readonly default?: boolean;
  readonly note?: string;
  readonly flags?: readonly ValueModel[] | null;
  readonly args?: readonly ValueModel[] | null;
  readonly commands?: readonly CommandModel[] | null;
  readonly cheats?: Readonly<Record<string, string>>;
}

/** Sheets of commands that come later. */
const sheetOwners: ReadonlyMap<string, string> = new Map([
  ['kv', 'kv'],
  ['governor', 'governor'],
]);

/** Who runs the program is part of one default. */
function shownDefault({default: values}: ValueModel): string {
  return canonical((values ?? []).map((value) => value.replace(/^user \d+$/, 'user <id>')));
}

function valueProblem(wanted: ValueModel, found: ValueModel | undefined): string | undefined {
  if (found === undefined) return `no "${wanted.name}"`;
  const pairs: readonly (readonly [string, unknown, unknown])[] = [
    ['short', wanted.short, found.short],
    ['default', shownDefault(wanted), shownDefault(found)],
    ['place_holder', wanted.place_holder, found.place_holder],
    ['completions', wanted.completions ?? [], found.completions ?? []],
    ['required', wanted.required === true, found.required === true],
    ['hidden', wanted.hidden === true, found.hidden === true],
    ['boolean', wanted.boolean === true, found.boolean === true],
    ['negatable', wanted.negatable === true, found.negatable === true],
    ['cumulative', wanted.cumulative === true, found.cumulative === true],
  ];
  const wrong = pairs.find(([, a, b]) => canonical(a) !== canonical(b));
  if (wrong !== undefined)
    return `"${wanted.name}": ${wrong[0]} ${canonical(wrong[2])} in place of ${canonical(wrong[1])}`;
  return (wanted.help ?? '') !== '' && (found.help ?? '') === '' ? `"${wanted.name}" has no help` : undefined;
}

function commandProblem(wanted: CommandModel, found: CommandModel | undefined): string | undefined {
  if (found === undefined) return 'no such command';
  if (found.help === '') return 'no help';
  if ((wanted.hidden === true) !== (found.hidden === true)) return `hidden ${String(found.hidden)}`;
  if ((wanted.default === true) !== (found.default === true)) return `default ${String(found.default)}`;
  const alias = (wanted.aliases ?? []).find((name) => !(found.aliases ?? []).includes(name));
  if (alias !== undefined) return `no alias ${alias}`;
  if (wanted.note !== undefined) return undefined;
  for (const flag of wanted.flags ?? []) {
    const problem = valueProblem(
      flag,
      (found.flags ?? []).find((item) => item.name === flag.name),
    );
    if (problem !== undefined) return `flag ${problem}`;
  }
  if ((wanted.args ?? []).length !== (found.args ?? []).length) return `${(found.args ?? []).length} arguments`;
  for (const [index, argument] of (wanted.args ?? []).entries()) {
    const ours = found.args?.[index];
    const problem = valueProblem(argument, ours?.name === argument.name ? ours : undefined);
    if (problem !== undefined) return `argument ${problem}`;
  }
  return undefined;
}

function rootProblem(wanted: CommandModel, found: CommandModel): string | undefined {
  const sheets = Object.keys(wanted.cheats ?? {}).filter((label) => {
    const owner = sheetOwners.get(label);
    return owner === undefined || (found.commands ?? []).some((command) => command.name === owner);
  });
  const lost = sheets.find((label) => ((found.cheats ?? {})[label] ?? '') === '');
  return lost === undefined ? commandProblem(wanted, found) : `no cheat sheet ${lost}`;
}

function judgeCommands(
  path: string,
  sides: {readonly wanted: readonly CommandModel[]; readonly found: readonly CommandModel[]},
): readonly CaseResult[] {
  return sides.wanted.flatMap((wanted) => {
    const found = sides.found.find((item) => item.name === wanted.name);
    const name = `${path} ${wanted.name}`;
    const problem = commandProblem(wanted, found);
    const waitsFor = problem === undefined ? undefined : laterPart(name.split(' ').slice(1));
    const own: CaseResult = {
      name,
      passed: problem === undefined,
      ...(problem === undefined ? {} : {expected: 'the command as captured', got: problem}),
      ...(waitsFor === undefined ? {} : {waitsFor}),
    };
    return [own, ...judgeCommands(name, {wanted: wanted.commands ?? [], found: found?.commands ?? []})];
  });
}

const judge: Judge = async ({data}) => {
  const wanted = data as CommandModel;
  const {stdout} = await runCliForTest({argv: ['choria', '--fisk-introspect']});
  const found = JSON.parse(stdout) as CommandModel;
  const problem = rootProblem(wanted, found);
  return [
    {
      name: wanted.name,
      passed: problem === undefined,
      ...(problem === undefined ? {} : {expected: 'the program as captured', got: problem}),
    },
    ...judgeCommands(wanted.name, {wanted: wanted.commands ?? [], found: found.commands ?? []}),
  ];
};

export default judge;
