/** What the registry says of one configuration key. */

/** How the file's text becomes a value; the names are those that `choria tool config` shows. */
export type KeyType =
  | 'string'
  /** The first letter is made a capital. */
  | 'title_string'
  /** A leading `~` is the home directory. */
  | 'path_string'
  | 'integer'
  | 'boolean'
  /** Go or extended form in the file, or whole seconds; the value is in milliseconds. */
  | 'duration'
  /** Items between commas; a later line replaces the list. */
  | 'comma_split'
  /** Items between colons (semicolons on Windows); a later line adds to the list. */
  | 'path_split'
  /** Items between colons; a later line adds to the list. */
  | 'colon_split'
  /** One item a line; a later line adds to the list. */
  | 'strings';

export type KeyUser = 'all' | 'server' | 'client' | 'broker' | 'ruby';

export interface KeySpec {
  readonly type: KeyType;
  /** The text that is parsed when no file names the key. Absent: empty, 0, false, no items. */
  readonly default?: string;
  /** Words that make sense; others are kept and warned of. */
  readonly allowed?: readonly string[];
  /** Variable whose value replaces the file's. */
  readonly environment?: string;
  readonly url?: string;
  /** Masked wherever it is shown. */
  readonly secret?: true;
  readonly deprecated?: true;
  readonly usedBy: readonly KeyUser[];
  readonly doc: string;
}

export type KeySpecs = Readonly<Record<string, KeySpec>>;

export type ValueOfType<T extends KeyType> = T extends 'string' | 'title_string' | 'path_string'
  ? string
  : T extends 'integer' | 'duration'
    ? number
    : T extends 'boolean'
      ? boolean
      : readonly string[];
