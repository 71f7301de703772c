/**
 * Addresses as the reference's validators take them: no leading zeros, ports, masks, brackets, zones or spaces.
 */

/** Four decimal bytes, or one mapped into IPv6. */
export function isIPv4Address(text: string): boolean {
  return isDottedQuad(text) || mappedQuad(text) !== undefined;
}

/** IPv6, but not an IPv4 address mapped into it. */
export function isIPv6Address(text: string): boolean {
  return ipv6Groups(text) !== undefined && mappedQuad(text) === undefined;
}

export function isIPAddress(text: string): boolean {
  return isDottedQuad(text) || ipv6Groups(text) !== undefined;
}

function isDottedQuad(text: string): boolean {
  const parts = text.split('.');
  return parts.length === 4 && parts.every((part) => /^(0|[1-9][0-9]{0,2})$/.test(part) && Number(part) <= 255);
}

/** The IPv4 address inside `::ffff:1.2.3.4`, in whatever spelling. */
function mappedQuad(text: string): number | undefined {
  const groups = ipv6Groups(text);
  if (!groups || groups.slice(0, 5).some((group) => group !== 0) || groups[5] !== 0xffff) return undefined;
  return (groups[6] ?? 0) * 0x10000 + (groups[7] ?? 0);
}

/** The eight groups, or undefined when the text is no IPv6 address. */
function ipv6Groups(text: string): readonly number[] | undefined {
  if (text.length > 45 || !/^[0-9a-fA-F:.]+$/.test(text)) return undefined;
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half, index) => parseGroups(half, index === halves.length - 1));
  if (head === undefined) return undefined;
  if (halves.length === 1) return head.length === 8 ? head : undefined;
  if (tail === undefined || head.length + tail.length > 7) return undefined;
  return [...head, ...Array.from({length: 8 - head.length - tail.length}, () => 0), ...tail];
}

function parseGroups(text: string, isLast: boolean): number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (const [index, part] of parts.entries()) {
    if (isLast && index === parts.length - 1 && part.includes('.')) {
      if (!isDottedQuad(part)) return undefined;
      const [a = 0, b = 0, c = 0, d = 0] = part.split('.').map(Number);
      groups.push(a * 256 + b, c * 256 + d);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups.push(Number.parseInt(part, 16));
    else return undefined;
  }
  return groups;
}
