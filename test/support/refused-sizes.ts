/** Sizes of a PUB that end the connection, and what is said before: nothing where the line makes no sense. */
export const refusedSizes: readonly (readonly [size: string, error: string])[] = [
  ['1048577', "-ERR 'Maximum Payload Violation'\r\n"],
  ['999999999', "-ERR 'Maximum Payload Violation'\r\n"],
  ['-1', ''],
  ['1e9', ''],
  ['0x10', ''],
  ['99999999999999999999', ''],
  ['', ''],
];
