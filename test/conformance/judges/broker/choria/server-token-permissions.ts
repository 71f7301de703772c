/** Which subjects a server may subscribe and publish to, asked one by one of the permissions that its token gives. */
import {CompiledPermissions} from '../../../../../src/broker/index.ts';
import {type CaseResult, type Judge, judgeEqual} from '../../../judge.ts';
import {decideAbout, readKeys} from './_tokens.ts';

type Table = Readonly<Record<string, boolean>>;

interface ServerCase {
  /** Such as `server JWT server-streams`: the last word names the token. */
  readonly connection: string;
  readonly result: {readonly subscribe: Table; readonly publish: Table};
}

const judge: Judge = async ({data, vectorsDirectory}) => {
  const keys = readKeys(vectorsDirectory);
  const {cases} = data as {readonly cases: readonly ServerCase[]};
  const results = await Promise.all(
    cases.map(async ({connection, result}): Promise<readonly CaseResult[]> => {
      const decision = await decideAbout(connection.split(' ').at(-1) ?? '', keys);
      if (!decision.isAdmitted) return [judgeEqual(connection, 'admitted', decision.reason)];
      const rules = new CompiledPermissions(decision.permissions ?? {});
      const ask = (table: Table, may: (subject: string) => boolean): Table =>
        Object.fromEntries(Object.keys(table).map((subject) => [subject, may(subject)]));
      return [
        judgeEqual(
          `${connection} subscribe`,
          result.subscribe,
          ask(result.subscribe, (subject) => rules.maySubscribe(subject, undefined)),
        ),
        judgeEqual(
          `${connection} publish`,
          result.publish,
          ask(result.publish, (subject) => rules.mayPublish(subject)),
        ),
      ];
    }),
  );
  return results.flat();
};

export default judge;
