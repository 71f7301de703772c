/** A CPU profile of this process, for `--profile`. Edge file; loaded only when the flag is given. */
import {writeFile} from 'node:fs/promises';
import {Session} from 'node:inspector/promises';

/** @returns ends the recording and writes it, readable by Chrome's developer tools */
export async function startNodeProfile(path: string): Promise<() => Promise<void>> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  await session.post('Profiler.start');
  return async () => {
    const {profile} = await session.post('Profiler.stop');
    session.disconnect();
    await writeFile(path, JSON.stringify(profile), {mode: 0o600});
  };
}
