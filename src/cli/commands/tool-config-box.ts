/** The box that describes one setting. Layout: config.md 7. */
import {type Config, type ConfigKey, displayConfigValue, isZeroValue, keySpec} from '../../config/index.ts';
import type {Paint} from '../render/colour.ts';
import {inertLine} from '../render/inert.ts';

export interface BoxOptions {
  readonly config: Config;
  readonly fromFile: boolean;
  readonly paint: Paint;
  readonly columns: number;
}

export function settingBox(key: ConfigKey, options: BoxOptions): string {
  const {config, fromFile, paint} = options;
  const spec = keySpec(key);
  const rows: [string, string][] = [];
  if (fromFile && !isZeroValue(config.get(key))) rows.push(['Value', inertLine(displayConfigValue(config, key))]);
  if (spec.deprecated === true) rows.push(['Deprecated', paint.bold(paint.brightRed('yes'))]);
  if (spec.url !== undefined) rows.push(['URL', spec.url]);
  rows.push(['Data Type', spec.type]);
  if (spec.allowed) rows.push(['Validation', `enum=${spec.allowed.join(',')}`]);
  if (spec.default !== undefined && spec.default !== '') rows.push(['Default', spec.default]);
  if (spec.environment !== undefined) rows.push(['Environment', spec.environment]);
  const lines = [
    `Configuration item: ${paint.bold(key)}`,
    '',
    ...rows.map(([name, value]) => `\u2551 ${name.padStart(12)}: ${value}`),
    '\u2551',
    ...wrapDescription(spec.doc, options.columns),
    '\u2559\u2500',
    '',
  ];
  return lines.map((line) => `${line}\n`).join('');
}

const prefix = '\u2551 ';

/** The first line's budget counts the prefix, in bytes; later lines may be longer by it. */
export function wrapDescription(text: string, columns: number): readonly string[] {
  const [first = '', ...words] = text.split(/\s+/).filter((word) => word !== '');
  const lines = [prefix + first];
  let left = columns - Buffer.byteLength(prefix + first);
  for (const word of words) {
    const length = Buffer.byteLength(word);
    if (length + 1 > left) {
      lines.push(prefix + word);
      left = columns - length;
    } else {
      lines[lines.length - 1] += ` ${word}`;
      left -= length + 1;
    }
  }
  return lines;
}
