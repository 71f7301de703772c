/** Private reply inboxes. */
import {inboxPrefix, uniqueId} from '../../../../src/protocol/index.ts';
import type {CaseResult, Judge} from '../../judge.ts';
import {judgeEqual} from '../../judge.ts';

interface Case {
  readonly caller_or_identity: string;
  readonly inbox_without_last_token: string;
  readonly md5: string;
  readonly sha256: string;
}

const judge: Judge = async ({data}) =>
  (data as {readonly cases: readonly Case[]}).cases.map((item): CaseResult => {
    const name = item.caller_or_identity;
    const collective = item.inbox_without_last_token.split('.')[0] ?? '';
    return judgeEqual(
      name,
      {inbox: item.inbox_without_last_token, md5: item.md5, sha256: item.sha256},
      {inbox: inboxPrefix(collective, name), md5: uniqueId(name), sha256: uniqueId(name, 'sha256')},
    );
  });

export default judge;
