/**
 * Makes text that came from a node, a file or a person harmless for a terminal.
 *
 * Escape sequences could retitle the window, move the cursor over earlier lines or answer queries; a carriage return could overwrite
 * the line with a lie; bidirectional marks could show a name in another order than it is. Such letters are shown as `\x1b`,
 * never interpreted. Tabs and line ends stay where a text may have several lines. JSON output needs none of this: its
 * encoder escapes controls itself, but not the marks, so those are escaped there too.
 */

/** C0 but tab and line feed, DEL, C1, line and paragraph separators, bidirectional controls, zero-width joiners, BOM, tags. */
const activePattern =
  /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu;

function escapeLetter(letter: string): string {
  const code = letter.codePointAt(0) ?? 0;
  if (code <= 0xff) return `\\x${code.toString(16).padStart(2, '0')}`;
  return code <= 0xffff ? `\\u${code.toString(16).padStart(4, '0')}` : `\\U${code.toString(16).padStart(8, '0')}`;
}

/** Keeps tabs and line feeds; a carriage return before a line feed is only a line end and disappears. */
export function inert(text: string): string {
  return text.replaceAll('\r\n', '\n').replace(activePattern, escapeLetter);
}

/** For names and other texts of one line: line feeds and tabs are shown as well. */
export function inertLine(text: string): string {
  return text.replace(activePattern, escapeLetter).replaceAll('\n', '\\n').replaceAll('\t', '\\t');
}

/** JSON text made of ASCII controls and marks only as `\uXXXX`; equal to what was given for every JSON reader. */
export function inertJson(json: string): string {
  return json.replace(activePattern, (letter) =>
    Array.from({length: letter.length}, (_unused, index) => letter.charCodeAt(index))
      .map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`)
      .join(''),
  );
}
