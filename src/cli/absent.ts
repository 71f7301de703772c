/**
 * Commands of the program whose users we inherit that this version does not have, so that their absence is told as such and not taken for a
 * typo. A line goes when its command comes.
 */
const absent: ReadonlyMap<string, string> = new Map([
  ['kv', 'key-value buckets need Choria Streams'],
  ['governor', 'governors need Choria Streams'],
  ['gov', 'governors need Choria Streams'],
  ['election', 'leader elections need Choria Streams'],
  ['elect', 'leader elections need Choria Streams'],
  ['elec', 'leader elections need Choria Streams'],
  ['machine graph', 'autonomous agents, of which this version has the lists of plugins'],
  ['machine run', 'autonomous agents, of which this version has the lists of plugins'],
  ['machine validate', 'autonomous agents, of which this version has the lists of plugins'],
  ['machine watch', 'autonomous agents, of which this version has the lists of plugins'],
  ['scout', 'Scout'],
  ['broker stream', 'streams'],
  ['broker consumer', 'streams'],
  ['broker counter', 'counters need Choria Streams'],
  ['tasks', 'Puppet tasks'],
  ['playbook', 'playbooks'],
]);

/**
 * @param path  the words typed, from behind the program's name to the unknown one
 * @example absentSuffix(['kv']) // ' (not in this version: key-value buckets need Choria Streams)'
 */
export function absentSuffix(path: readonly string[]): string {
  const why = absent.get(path.join(' '));
  return why === undefined ? '' : ` (not in this version: ${why})`;
}
