/** The last part of a path, for messages. */
export function basename(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** `~` at the start is the home directory. */
export function expandHome(path: string, home: string | undefined): string {
  if (home === undefined) return path;
  if (path === '~') return home;
  return path.startsWith('~/') ? `${home}${path.slice(1)}` : path;
}

/** Lower case, without the dot; empty when there is none. */
export function extension(path: string): string {
  const name = basename(path);
  const dot = name.lastIndexOf('.');
  return dot < 0 ? '' : name.slice(dot + 1).toLowerCase();
}
