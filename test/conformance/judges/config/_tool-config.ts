/**
 * Descriptions of settings are each program's own words: between the bare bar and the box's end they become one mark, provided that
 * every line has the bar.
 */
export function withoutDescriptions(text: string): string {
  return text.replaceAll(/^(\u2551\r?\n)(?:\u2551 [^\n]*\n)+(\u2559\u2500)/gm, '$1\u2551 <DESCRIPTION>\n$2');
}
