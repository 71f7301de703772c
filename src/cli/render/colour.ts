/** Colours, only where a person will see them: cli.md 1.5. */
import type {TextSink} from '../types.ts';

export interface Paint {
  readonly enabled: boolean;
  readonly red: (text: string) => string;
  readonly green: (text: string) => string;
  readonly yellow: (text: string) => string;
  readonly brightWhite: (text: string) => string;
  readonly brightRed: (text: string) => string;
  readonly bold: (text: string) => string;
}

export interface ColourOptions {
  readonly sink: Pick<TextSink, 'isTerminal'>;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The configuration's `color`; true when there is none. */
  readonly configured?: boolean;
}

function sgr(enabled: boolean, code: string, end = '0'): (text: string) => string {
  return enabled ? (text) => `\u001b[${code}m${text}\u001b[${end}m` : (text) => text;
}

export function colours(options: ColourOptions): Paint {
  const {env} = options;
  const enabled =
    options.sink.isTerminal && env['TERM'] !== 'dumb' && (env['NO_COLOR'] ?? '') === '' && options.configured !== false;
  return {
    enabled,
    red: sgr(enabled, '31'),
    green: sgr(enabled, '32'),
    yellow: sgr(enabled, '33'),
    brightWhite: sgr(enabled, '97'),
    brightRed: sgr(enabled, '91'),
    bold: sgr(enabled, '1', '22'),
  };
}
