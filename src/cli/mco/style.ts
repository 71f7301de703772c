/** Which of the two generations of the Ruby client to look like: `plugin.choria.mco_style`. */
import {loadOptionalConfig} from '../setup.ts';
import type {CliContext} from '../types.ts';

export type McoStyle = 'current' | 'classic';

/** The file that `-c`, `--config` or `--config=` names, looked up before anything is parsed: the style decides what there is to parse. */
function configWord(words: readonly string[]): string | undefined {
  const end = words.indexOf('--');
  const open = end === -1 ? words : words.slice(0, end);
  const joined = open.find((word) => word.startsWith('--config='));
  if (joined !== undefined) return joined.slice('--config='.length);
  const at = open.findIndex((word) => word === '-c' || word === '--config');
  return at === -1 ? undefined : open[at + 1];
}

/** Without a readable configuration: the current one; the application then says itself what is wrong with the file. */
export async function styleOf(context: CliContext, words: readonly string[]): Promise<McoStyle> {
  const config = configWord(words);
  const flags = config === undefined ? {} : {config};
  const loaded = await loadOptionalConfig(context, {command: [], flags, arguments: {}, given: new Set()});
  return loaded.get('plugin.choria.mco_style') === 'classic' ? 'classic' : 'current';
}

export interface ClassicPaint {
  readonly red: (text: string) => string;
  readonly green: (text: string) => string;
  readonly yellow: (text: string) => string;
  readonly bold: (text: string) => string;
  /** Framed as the others but without a colour. */
  readonly plain: (text: string) => string;
}

/** The classic client colours files and pipes too; `color = false` and NO_COLOR turn that off. */
export function classicPaint(options: {
  readonly configured: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
}): ClassicPaint {
  const isOn = options.configured && (options.env['NO_COLOR'] ?? '') === '';
  const sgr = (code: number) => (text: string) => (isOn ? `\u001b[${code}m${text}\u001b[0m` : text);
  return {red: sgr(31), green: sgr(32), yellow: sgr(33), bold: sgr(1), plain: sgr(0)};
}
