/**
 * The transcripts were taken on a machine with a facter; what it answered stands in them. This platform has the same facter, wherever
 * the machine of this run has one.
 */
import {createNodePlatform} from '../../../../src/lib/node-platform.ts';
import type {Platform} from '../../../../src/lib/platform.ts';

/** @param transcript text that may hold the lines `Facter Command`, `Facter Domain`, `Facter FQDN` */
export function platformWithFacterOf(transcript: string): Platform {
  const real = createNodePlatform();
  const read = (name: string): string | undefined => new RegExp(`^ *${name}: (.*?)\\r?$`, 'm').exec(transcript)?.[1];
  const command = read('Facter Command');
  const facts = new Map([
    ['networking.domain', read('Facter Domain') ?? ''],
    ['networking.fqdn', read('Facter FQDN') ?? ''],
  ]);
  return {
    ...real,
    files: {
      ...real.files,
      stat(path) {
        if (path === command) {
          return Promise.resolve({kind: 'file', sizeBytes: 1, modifiedAtMs: 0, mode: 0o755, uid: 0});
        }
        if (!path.endsWith('/facter')) return real.files.stat(path);
        return Promise.reject(
          Object.assign(new Error(`ENOENT: no such file or directory, '${path}'`), {code: 'ENOENT'}),
        );
      },
    },
    processes: {
      ...real.processes,
      run(request) {
        if (request.command !== command && request.command !== 'facter') return real.processes.run(request);
        const stdout = Buffer.from(`${facts.get(request.args[0] ?? '') ?? ''}\n`);
        return Promise.resolve({
          exitCode: 0,
          signalName: null,
          timedOut: false,
          stdout,
          stderr: Buffer.alloc(0),
          droppedBytes: 0,
        });
      },
    },
    names: {
      resolveSrv: unknownName,
      lookup: unknownName,
      reverse: unknownName,
    },
  };
}

function unknownName(): Promise<never> {
  return Promise.reject(Object.assign(new Error('ENOTFOUND'), {code: 'ENOTFOUND'}));
}
