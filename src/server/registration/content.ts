/** What registration publishes: a file, or what the node says of itself. Rules: server.md 8; vectors: agents/registration.json. */
import {build} from '../../lib/version.ts';
import {gzipSync} from 'node:zlib';
import {agentEntry} from '../../agents/index.ts';
import type {Files} from '../../lib/platform.ts';
import type {NodeContext} from '../../rpc/types.ts';
import {ServerError} from '../errors.ts';
import {serverLimits} from '../limits.ts';
import {encodeStatus, type ServerStatus} from '../status-file.ts';

/** One kind of registration data. */
export interface RegistrationContent {
  /**
   * The body of the request to publish, read anew.
   *
   * @throws {ServerError} `ERR_SERVER_REGISTRATION`, and errors of the disk
   */
  read(): Promise<Buffer>;
}

export function createFileContent(options: {
  readonly files: Files;
  readonly path: string;
  readonly isCompressed: boolean;
}): RegistrationContent {
  const {files, path, isCompressed} = options;
  let previousModifiedAtMs: number | undefined;
  return {
    async read() {
      // The time first: a file that is written in between is then reported as updated the next time.
      const {modifiedAtMs} = await files.stat(path);
      const bytes = await files.read(path, {limitBytes: serverLimits.registrationFileBytesMax});
      if (bytes.length === 0) {
        throw new ServerError(
          'ERR_SERVER_REGISTRATION',
          `Cannot register the file ${JSON.stringify(path)}: it is empty, expected content`,
        );
      }
      const isUpdated = previousModifiedAtMs !== undefined && modifiedAtMs > previousModifiedAtMs;
      previousModifiedAtMs = modifiedAtMs;
      const body = {
        mtime: Math.floor(modifiedAtMs / 1000),
        file: path,
        updated: isUpdated,
        protocol: 'choria:registration:filecontent:1',
        ...(isCompressed ? {zcontent: compress(bytes)} : {content: bytes.toString('base64')}),
      };
      return Buffer.from(JSON.stringify(body));
    },
  };
}

export function createInventoryContent(options: {
  readonly node: NodeContext;
  readonly status: () => ServerStatus;
  readonly version: string;
  readonly isCompressed: boolean;
}): RegistrationContent {
  const {node, status, version, isCompressed} = options;
  return {
    async read() {
      const facts = await node.factsJson();
      const members: readonly (readonly [string, string])[] = [
        ['agents', JSON.stringify(node.agents().map(agentEntry))],
        ['classes', JSON.stringify(await node.classes())],
        // As they were read: numbers beyond 2^53 stay exact.
        ['facts', facts.toString('utf8')],
        ['status', encodeStatus(status())],
        ['collectives', JSON.stringify(node.collectives)],
        ['build_info', JSON.stringify({version, sha: build.commit})],
        ['machines', JSON.stringify(node.machines())],
      ];
      const inventory = `{${members.map(([key, json]) => `"${key}":${json}`).join(',')}}`;
      const content = isCompressed
        ? `"zcontent":"${compress(Buffer.from(inventory))}"`
        : // Here the plain form is the object itself, other than that of a file.
          `"content":${inventory}`;
      return Buffer.from(`{"protocol":"choria:registration:inventorycontent:1",${content}}`);
    },
  };
}

/** At once and not on a thread: sizes are bounded, and a simulated fleet stays repeatable. */
function compress(bytes: Buffer): string {
  return gzipSync(bytes).toString('base64');
}
